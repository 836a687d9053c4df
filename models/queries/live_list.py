"""Live lists: which tickets are inside a filter and a viewer's sight at a position of the log, and what entries do to that.

Each reading is one statement with the head of the log in it, so a set is exact at that head whatever is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import cast
from uuid import UUID

import orjson

from models import database
from models.access.permissions import Viewer, visible
from models.core.errors import TooExpensive
from models.core.sql import FALSE, Condition
from models.database import Row, as_uuid
from models.log.event import QUIET, Event, EventType
from models.queries.filter import Plain, matching

TIMED = frozenset({"within", "olderThan"})


class ChangeKind(Enum):
    SNAPSHOT = "snapshot"
    SNAPSHOT_END = "snapshot_end"
    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"
    GAP = "gap"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class TicketChange:
    """One step of a live list. A hidden entry is one that the viewer may not see, though it changed what they see."""

    kind: ChangeKind
    position: int
    ticket_id: UUID | None = None
    entry: Event | None = None
    hidden: bool = False


class Standing(Enum):
    """Where a ticket stands towards a live list."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNSEEN = "unseen"
    """Out of the viewer's sight: nothing may be told of it."""


def is_timed(filter: object) -> bool:
    """Whether tickets enter or leave the filter as time passes, without any entry of the log."""
    if isinstance(filter, Mapping):
        given = cast("Plain", filter)
        return any(value is not None and (name in TIMED or is_timed(value)) for name, value in given.items())
    return isinstance(filter, list) and any(is_timed(each) for each in cast("list[object]", filter))


def canonical(filter: Plain | None) -> bytes:
    """One text for filters that are given alike, whatever the order of their fields and their nulls."""
    return orjson.dumps(without_nulls(filter or {}), default=str, option=orjson.OPT_SORT_KEYS)


def without_nulls(value: object) -> object:
    if isinstance(value, Mapping):
        given = cast("Plain", value)
        return {name: without_nulls(each) for name, each in given.items() if each is not None}
    return [without_nulls(each) for each in cast("list[object]", value)] if isinstance(value, list) else value


async def read_set(viewer: Viewer, filter: Plain | None, at: datetime, most: int) -> tuple[int, set[UUID]]:
    """The head of the log, and the tickets that are inside at it. Raises TooExpensive where those are more than `most`."""
    condition = visible(viewer) & matching(filter, viewer, at, database.dialect())
    found = await database.rows(
        f"SELECT h.position AS position, x.id AS id FROM {HEAD} h LEFT JOIN "
        f"(SELECT t.id AS id FROM tickets t WHERE {condition.text} LIMIT {most + 1}) x ON (1 = 1)",
        condition.params,
    )
    inside = {as_uuid(row["id"]) for row in found if row["id"] is not None}
    expect_few(len(inside), most)
    return cast("int", found[0]["position"]), inside


def expect_few(count: int, most: int) -> None:
    if count > most:
        raise TooExpensive(f"A live list holds at most {most} tickets; narrow the filter.")


async def changed_since(viewer: Viewer, filter: Plain | None, at: datetime, position: int) -> tuple[int, Mapping[UUID, Standing]]:
    """The head of the log, and how each ticket stands at it of which something was logged after a position."""
    head, found = await touched_rows(viewer, filter, at, position)
    return head, {key: standing_of(row) for key, row in found.items()}


async def touched_rows(
    viewer: Viewer, filter: Plain | None, at: datetime, position: int, facts: Condition | None = None
) -> tuple[int, Mapping[UUID, Row]]:
    """The head of the log, and of each ticket touched since: its `id` where it is seen, whether it `fits`, and the facts.

    It costs what those tickets cost, however many there are beside them: one statement for each hundred entries. What an
    earlier one found of a ticket still holds at the head, or a later one finds the ticket again.
    """
    sight, more = visible(viewer), facts or NOTHING
    fits = FALSE if sight is FALSE else matching(filter, viewer, at, database.dialect(), few=True)
    rows: dict[UUID, Row] = {}
    while True:
        found = await database.rows(
            "SELECT h.position AS position, x.ticket_id AS ticket_id, x.last AS last, t.id AS id, "
            f"CASE WHEN t.id IS NOT NULL AND {fits.text} THEN 1 ELSE 0 END AS fits{more.text} "
            f"FROM {HEAD} h LEFT JOIN ({TOUCHED}) x ON (1 = 1) LEFT JOIN tickets t ON t.id = x.ticket_id AND {sight.text}",
            (*fits.params, *more.params, position, *sight.params),
        )
        head = cast("int", found[0]["position"])
        rows |= {as_uuid(row["ticket_id"]): row for row in found if row["ticket_id"] is not None}
        position = max((cast("int", row["last"]) for row in found if row["last"] is not None), default=head)
        if position >= head:
            return head, rows


AT_ONCE = 100
HEAD = "(SELECT l.position AS position FROM log_head l LIMIT 1)"  # a row, where Postgres would expect thousands
# Sorted and limited, so that Postgres walks the key from there and expects few tickets, whatever it believes of the table.
TOUCHED = (
    "SELECT p.ticket_id AS ticket_id, MAX(p.position) AS last FROM (SELECT e.ticket_id AS ticket_id, e.position AS position "
    f"FROM events e WHERE e.position > ? ORDER BY e.position LIMIT {AT_ONCE}) p GROUP BY p.ticket_id"
)
NOTHING = Condition("")


def standing_of(row: Row) -> Standing:
    if row["id"] is None:
        return Standing.UNSEEN
    return Standing.INSIDE if row["fits"] else Standing.OUTSIDE


def diff_entries(
    entries: Sequence[Event], before: Set[UUID], after: Mapping[UUID, Standing], viewer: Viewer
) -> list[TicketChange]:
    """What the entries between two exact sets do to a list: at most one step for each, in their order.

    Who joins between the two holds what was inside then. So a ticket that may have come and gone in between is removed as
    well: that tells a reader who never had it nothing, and it is told only to those who see the ticket.
    """
    last = {entry.ticket_id: entry.position for entry in entries}
    changed: dict[UUID, set[object]] = {}
    for entry in entries:
        changed.setdefault(entry.ticket_id, set()).add((entry.version, entry.occurred_at, entry.actor_user_id))
    inside, steps = set(before), list[TicketChange]()
    for entry in entries:
        key, standing = entry.ticket_id, after[entry.ticket_id]
        if standing is Standing.INSIDE:
            if key in inside:
                steps += updated(entry, viewer)
            else:
                inside.add(key)
                steps.append(added(entry, viewer))
        elif entry.position == last[key] and (key in inside or (standing is Standing.OUTSIDE and len(changed[key]) > 1)):
            steps.append(TicketChange(ChangeKind.REMOVED, entry.position, key))
    return steps


def added(entry: Event, viewer: Viewer) -> TicketChange:
    return TicketChange(ChangeKind.ADDED, entry.position, entry.ticket_id, entry, is_hidden(entry, viewer))


def updated(entry: Event, viewer: Viewer) -> list[TicketChange]:
    hidden = is_hidden(entry, viewer)
    if hidden and entry.type in QUIET and not entry.changes:
        return []  # nothing that this viewer sees of the ticket is another than before
    return [TicketChange(ChangeKind.UPDATED, entry.position, entry.ticket_id, entry, hidden)]


def is_hidden(entry: Event, viewer: Viewer) -> bool:
    return entry.internal and not viewer.sees_notes


def replay(entries: Sequence[Event], inside: Set[UUID], viewer: Viewer) -> list[TicketChange]:
    """What entries do to a list of which nothing is known but up to where it was told; `inside` is of their end or later.

    For viewers who see every ticket: others would be told of tickets that do not exist for them.
    """
    last = {entry.ticket_id: entry.position for entry in entries}
    steps: list[TicketChange] = []
    for entry in entries:
        if entry.ticket_id in inside:
            steps += [added(entry, viewer)] if entry.type is EventType.TICKET_CREATED else updated(entry, viewer)
        elif entry.position == last[entry.ticket_id]:
            steps.append(TicketChange(ChangeKind.REMOVED, entry.position, entry.ticket_id))
    return steps


def diff_sets(before: Set[UUID], after: Set[UUID], position: int) -> list[TicketChange]:
    """What enters and leaves without an entry: as time passes, or as the viewer's sight changes."""
    gone = [TicketChange(ChangeKind.REMOVED, position, key) for key in sorted(before - after)]
    return gone + [TicketChange(ChangeKind.ADDED, position, key) for key in sorted(after - before)]


def snapshot(inside: Set[UUID], position: int) -> list[TicketChange]:
    """The first picture, oldest ticket first: ids sort by creation."""
    tickets = [TicketChange(ChangeKind.SNAPSHOT, position, key) for key in sorted(inside)]
    return [*tickets, TicketChange(ChangeKind.SNAPSHOT_END, position)]
