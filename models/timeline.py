"""Reading the log: pages over all of it, and over the records of many tickets at once. One kind of cursor, good everywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access import Viewer, visible_entries
from models.condition import FALSE, TRUE, Condition, every, member
from models.database import as_uuid
from models.errors import CursorExpired, CursorInvalid
from models.event import MESSAGES, Event, EventType, cursor, head, position_of
from models.filter import Plain, matching
from models.page import Page, Window

ENTRIES = "events e JOIN tickets t ON t.id = e.ticket_id"


@dataclass(frozen=True, slots=True)
class Extract:
    """Which entries are asked for; `types` None means all."""

    types: frozenset[EventType] | None = None

    @property
    def condition(self) -> Condition:
        return TRUE if self.types is None else member("e.type", sorted(each.value for each in self.types))


def within(window: Window) -> Condition:
    """Entries between the window's cursors."""
    bounds = [TRUE]
    if window.after is not None:
        bounds.append(Condition("(e.position > ?)", (position_of(window.after),)))
    if window.before is not None:
        bounds.append(Condition("(e.position < ?)", (position_of(window.before),)))
    return every(bounds)


def outside(window: Window) -> Condition:
    """Entries that lie beyond the cursor which the window starts from."""
    if window.backward:
        return FALSE if window.before is None else Condition("(e.position >= ?)", (position_of(window.before),))
    return FALSE if window.after is None else Condition("(e.position <= ?)", (position_of(window.after),))


async def expect_within(position: int) -> None:
    """Raises CursorInvalid where the log has not come so far: a cursor of another log, or a forged one."""
    if position > await head():
        raise CursorInvalid("This cursor lies beyond the log.")


async def expect_kept(position: int) -> None:
    """Raises CursorExpired where entries after the position are no longer retained."""
    oldest = await database.rows("SELECT MIN(position) AS position FROM events")
    kept = cast("int | None", oldest[0]["position"])
    if kept is not None and position < kept - 1:
        raise CursorExpired("The log is no longer kept from this cursor on; read the tickets afresh.")


async def events(viewer: Viewer, extract: Extract, filter: Plain | None, window: Window, at: datetime) -> Page[Event]:
    """A page of the log, oldest first, as far as the viewer may see it."""
    if window.after is not None:
        await expect_within(position_of(window.after))
        await expect_kept(position_of(window.after))
    condition = visible_entries(viewer) & extract.condition & matching(filter, viewer, at, database.dialect())
    positions, more = await positions_of(condition & within(window), window)

    async def total() -> int:
        return await count(condition)

    async def beyond() -> bool:
        return await count(condition & outside(window)) > 0

    found = await by_position(positions)
    return Page([found[p] for p in positions], [cursor(p) for p in positions], window, more, total, beyond)


async def positions_of(condition: Condition, window: Window) -> tuple[list[int], bool]:
    if condition is FALSE:
        return [], False
    direction = "DESC" if window.backward else "ASC"
    found = await database.rows(
        f"SELECT e.position AS position FROM {ENTRIES} WHERE {condition.text} "
        f"ORDER BY e.position {direction} LIMIT {window.size + 1}",
        condition.params,
    )
    positions = [cast("int", row["position"]) for row in found[: window.size]]
    return (positions[::-1] if window.backward else positions), len(found) > window.size


async def by_position(positions: Collection[int]) -> Mapping[int, Event]:
    return {entry.position: entry for entry in await Event.filter(position__in=list(positions))} if positions else {}


async def count(condition: Condition) -> int:
    if condition is FALSE:
        return 0
    found = await database.rows(f"SELECT COUNT(*) AS n FROM {ENTRIES} WHERE {condition.text}", condition.params)
    return cast("int", found[0]["n"])


def owned(ticket_ids: Sequence[UUID], condition: Condition) -> Condition:
    """Positions with the ticket whose record shows them: its own entries, and the messages of those merged into it."""
    own = condition & member("e.ticket_id", list(ticket_ids))
    theirs = condition & member("t.merged_into_id", list(ticket_ids)) & Extract(MESSAGES).condition
    return Condition(
        f"(SELECT e.position AS position, e.ticket_id AS owner FROM {ENTRIES} WHERE {own.text} "
        f"UNION ALL SELECT e.position, t.merged_into_id FROM {ENTRIES} WHERE {theirs.text})",
        own.params + theirs.params,
    )


async def records(
    viewer: Viewer, ticket_ids: Sequence[UUID], extract: Extract, window: Window
) -> Mapping[UUID, tuple[list[Event], bool]]:
    """One page of the record of each ticket, and whether more follow; two statements, however many tickets."""
    condition = visible_entries(viewer) & extract.condition & within(window)
    source = owned(ticket_ids, condition)
    direction = "DESC" if window.backward else "ASC"
    found = await database.rows(
        "SELECT r.position AS position, r.owner AS owner FROM (SELECT o.position AS position, o.owner AS owner, "
        f"ROW_NUMBER() OVER (PARTITION BY o.owner ORDER BY o.position {direction}) AS place FROM {source.text} o) r "
        f"WHERE r.place <= {window.size + 1} ORDER BY r.position {direction}",
        source.params,
    )
    entries = await by_position({cast("int", row["position"]) for row in found})
    pages: dict[UUID, list[Event]] = {ticket_id: [] for ticket_id in ticket_ids}
    for row in found:
        pages[as_uuid(row["owner"])].append(entries[cast("int", row["position"])])
    return {ticket_id: cut(page, window) for ticket_id, page in pages.items()}


def cut(page: list[Event], window: Window) -> tuple[list[Event], bool]:
    kept = page[: window.size]
    return (kept[::-1] if window.backward else kept), len(page) > window.size


async def record_counts(
    viewer: Viewer, ticket_ids: Sequence[UUID], extract: Extract, part: Condition = TRUE
) -> Mapping[UUID, int]:
    """How many entries the record of each ticket has, in the part asked for; one statement."""
    source = owned(ticket_ids, visible_entries(viewer) & extract.condition & part)
    found = await database.rows(f"SELECT o.owner AS owner, COUNT(*) AS n FROM {source.text} o GROUP BY o.owner", source.params)
    return {as_uuid(row["owner"]): cast("int", row["n"]) for row in found}


async def unseen_messages(viewer: Viewer, ticket_id: UUID, after: int) -> list[UUID]:
    """Messages of others on the ticket that came after a position, as far as the viewer may read them, oldest first."""
    condition = visible_entries(viewer) & Extract(MESSAGES).condition & member("e.ticket_id", [ticket_id])
    condition &= Condition("(e.position > ?)", (after,))
    found = await database.rows(
        f"SELECT e.message_id AS id, e.actor_user_id AS person, e.actor_client_id AS machine FROM {ENTRIES} "
        f"WHERE {condition.text} ORDER BY e.position",
        condition.params,
    )
    own = {str(each) for each in (viewer.user_id, viewer.client_id) if each}
    return [as_uuid(row["id"]) for row in found if not own & {str(row["person"]), str(row["machine"])}]


async def last_position(ticket_id: UUID) -> int:
    """The position of a ticket's newest entry."""
    found = await database.rows("SELECT MAX(position) AS position FROM events WHERE ticket_id = ?", [ticket_id])
    return cast("int", found[0]["position"])


async def read_after(position: int, most: int) -> list[Event]:
    """The log itself after a position, whoever may see it: what the tail follows."""
    return await Event.filter(position__gt=position).order_by("position").limit(most)
