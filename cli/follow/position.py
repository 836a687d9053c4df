"""What a target remembers of the server's log, and what changes in one of its transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cli.follow.columns import Row, Table
from cli.follow.tables import TABLES

COPY_STAGES = ("teams", "categories", "organizations", "people", "tickets")
"""The lists that the first run copies, in this order, each up to its last page."""
LOG_STAGE = "log"
"""Follows the log, at first from its beginning."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a mirror is. It is stored in the transaction that stores the rows up to there.

    stage          the list that is being copied, or LOG_STAGE
    page           the cursor of the last page of this list; None before the first
    copied_from    the cursor of the log before the copy; the records include everything up to it
    cursor         the cursor up to which all events are applied; None before the first
    last_event_id  the id of the last applied event, which identifies the log
    last_event_cursor  its cursor
    last_event_at  its time, which is another one if the log was restored and has grown again
    """

    stage: str = COPY_STAGES[0]
    page: str | None = None
    copied_from: str | None = None
    cursor: str | None = None
    last_event_id: str | None = None
    last_event_cursor: str | None = None
    last_event_at: str | None = None

    @property
    def known_cursor(self) -> str:
        """A cursor of the log that the server has had."""
        return max(self.cursor or "", self.copied_from or "")


@dataclass(slots=True)
class Batch:
    """The rows of one transaction, each once, and the position after it."""

    position: Position
    rows: dict[str, dict[str, Row]] = field(default_factory=dict[str, dict[str, Row]])
    """By table and id."""
    erased: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """The table and id of rows whose earlier texts must not stay anywhere in the target."""

    def add(self, table: Table, row: Row, *, erases: bool = False) -> None:
        """Add a row. Of several with one id, the last that was read is the newest."""
        self.rows.setdefault(table.name, {})[row["id"]] = row
        if erases:
            self.erased.add((table.name, row["id"]))

    def __iter__(self) -> Iterator[tuple[Table, Mapping[str, Row]]]:
        for table in TABLES:
            if self.rows.get(table.name):
                yield table, self.rows[table.name]

    @property
    def row_count(self) -> int:
        return sum(map(len, self.rows.values()))
