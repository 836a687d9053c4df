"""Reading the log: pages over all of it, and over the records of many tickets at once. One kind of cursor, good everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

from tortoise.models import Model

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.errors import CursorExpired, CursorInvalid
from models.core.lazy_query import ConnectionQuery, LazyQuery, Many
from models.core.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, all_of, in_list
from models.database import as_uuid
from models.log.event import MESSAGE_EVENTS, Event, EventType, encode_cursor, read_head, decode_cursor
from models.queries.filter import FilterData, compile_filter
from models.tickets.message import Message

M = TypeVar("M", bound=Model)
ENTRIES = "events e JOIN tickets t ON t.id = e.ticket_id"


CURSOR_COLUMNS = ("e.position",)


def build_cursor(values: Sequence[object]) -> str:
    """The cursor of an entry, by PLACES."""
    return encode_cursor(cast("int", values[0]))


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which entries are asked for; `types` None means all."""

    types: frozenset[EventType] | None = None

    @property
    def condition(self) -> Condition:
        return TRUE if self.types is None else in_list("e.type", sorted(each.value for each in self.types))


def between_cursors(window: PageRequest) -> Condition:
    """Entries between the window's cursors."""
    bounds = [TRUE]
    if window.after is not None:
        bounds.append(Condition("(e.position > ?)", (decode_cursor(window.after),)))
    if window.before is not None:
        bounds.append(Condition("(e.position < ?)", (decode_cursor(window.before),)))
    return all_of(bounds)


def beyond_start(window: PageRequest) -> Condition:
    """Entries that lie beyond the cursor which the window starts from."""
    if window.backward:
        return FALSE if window.before is None else Condition("(e.position >= ?)", (decode_cursor(window.before),))
    return FALSE if window.after is None else Condition("(e.position <= ?)", (decode_cursor(window.after),))


async def require_range(position: int) -> None:
    """Raises CursorInvalid where the log has not come so far: a cursor of another log, or a forged one."""
    if position > await read_head():
        raise CursorInvalid("This cursor lies beyond the log.")


async def require_retained(position: int) -> None:
    """Raises CursorExpired where entries after the position are no longer retained."""
    oldest = await database.fetch_dicts("SELECT MIN(position) AS position FROM events")
    kept = cast("int | None", oldest[0]["position"])
    if kept is not None and position < kept - 1:
        raise CursorExpired("The log is no longer kept from this cursor on; read the tickets afresh.")


async def list_events(
    viewer: Viewer, event_filter: EventFilter, filter: FilterData | None, page_request: PageRequest, at: datetime
) -> ConnectionQuery[Event]:
    """A page of the log, oldest first, as far as the viewer may see it. Raises CursorInvalid, CursorExpired."""
    if page_request.after is not None:
        await require_range(decode_cursor(page_request.after))
        await require_retained(decode_cursor(page_request.after))
    condition = visible_events(viewer) & event_filter.condition & compile_filter(filter, viewer, at, database.dialect())

    async def total(_: object) -> int:
        return await count_events(condition)

    async def beyond(_: object) -> bool:
        return await count_events(condition & beyond_start(page_request)) > 0

    # Of few tickets the entries are looked up and sorted; else Postgres may walk the log until it has met enough of theirs.
    position = "e.position" if viewer.can_see_all_tickets else "e.position + 0"
    order = f"{position} {'DESC' if page_request.backward else 'ASC'}"
    select = LazyQuery(Event, "e", ENTRIES, condition & between_cursors(page_request), order, page_request.size + 1)
    return ConnectionQuery(select, page_request, CURSOR_COLUMNS, build_cursor, total, beyond)


async def read_by_positions(positions: Collection[int]) -> Mapping[int, Event]:
    return {entry.position: entry for entry in await Event.filter(position__in=list(positions))} if positions else {}


async def count_events(condition: Condition) -> int:
    if condition is FALSE:
        return 0
    found = await database.fetch_dicts(f"SELECT COUNT(*) AS n FROM {ENTRIES} WHERE {condition.text}", condition.params)
    return cast("int", found[0]["n"])


def record_positions(ticket_ids: Sequence[UUID], condition: Condition) -> Condition:
    """Positions with the ticket whose record shows them: its own entries, and the messages of those merged into it."""
    own = condition & in_list("e.ticket_id", list(ticket_ids))
    theirs = condition & in_list("t.merged_into_id", list(ticket_ids)) & EventFilter(MESSAGE_EVENTS).condition
    return Condition(
        f"(SELECT e.position AS position, e.message_id AS message_id, e.ticket_id AS owner FROM {ENTRIES} WHERE {own.text} "
        f"UNION ALL SELECT e.position, e.message_id, t.merged_into_id FROM {ENTRIES} WHERE {theirs.text})",
        own.params + theirs.params,
    )


def list_record(viewer: Viewer, ticket_ids: Sequence[UUID], event_filter: EventFilter, page_request: PageRequest) -> ConnectionQuery[Event]:
    """A page of the record of each ticket."""
    return list_by_ticket(Event, "e", "events e ON e.position = r.position", viewer, ticket_ids, event_filter, page_request)


def list_messages(viewer: Viewer, ticket_ids: Sequence[UUID], page_request: PageRequest) -> ConnectionQuery[Message]:
    """A page of the messages of each ticket: its record's entries of these types, by what they hold."""
    # the entries are read with the viewer's sight, so their messages need no second look
    return list_by_ticket(Message, "m", "messages m ON m.id = r.message_id", viewer, ticket_ids, EventFilter(MESSAGE_EVENTS), page_request)


def list_by_ticket(
    model: type[M], alias: str, held: str, viewer: Viewer, ticket_ids: Sequence[UUID], extract: EventFilter, window: PageRequest
) -> ConnectionQuery[M]:
    condition = visible_events(viewer) & extract.condition & between_cursors(window)
    direction = "DESC" if window.backward else "ASC"
    limited = lateral_pages if database.dialect() == "postgres" else ranked_pages
    source = limited(ticket_ids, condition, direction, window.size + 1)
    select = LazyQuery(
        model,
        alias,
        f"{source.text} r JOIN {held}",
        FALSE if condition is FALSE else TRUE,
        f"r.position {direction}",
        source_params=source.params,
    )
    whole = SharedCounts(lambda: count_records(viewer, ticket_ids, extract))
    beyond = SharedCounts(lambda: count_records(viewer, ticket_ids, extract, beyond_start(window)))

    async def is_beyond(owner: object) -> bool:
        return await beyond.count_for(owner) > 0

    return ConnectionQuery(select, window, ("r.position",), build_cursor, whole.count_for, is_beyond, "r.owner")


def lateral_pages(ticket_ids: Sequence[UUID], condition: Condition, direction: str, most: int) -> Condition:
    """For each ticket at most so many entries of its record, found by an index however long the record is; for Postgres."""

    def part(which: str, more: Condition) -> str:
        found = more & condition
        return (
            f"(SELECT e.position, e.message_id FROM {ENTRIES} WHERE {which} = k.id AND {found.text} "
            f"ORDER BY e.position {direction} LIMIT {most})"
        )

    messages = EventFilter(MESSAGE_EVENTS).condition
    return Condition(
        "(SELECT k.id AS owner, l.position AS position, l.message_id AS message_id FROM unnest(?::uuid[]) AS k(id) "
        f"CROSS JOIN LATERAL ({part('e.ticket_id', TRUE)} UNION ALL {part('t.merged_into_id', messages)} "
        f"ORDER BY position {direction} LIMIT {most}) l)",
        (list(ticket_ids), *condition.params, *messages.params, *condition.params),
    )


def ranked_pages(ticket_ids: Sequence[UUID], condition: Condition, direction: str, most: int) -> Condition:
    """The same where nothing can be limited for each row."""
    source = record_positions(ticket_ids, condition)
    return Condition(
        "(SELECT * FROM (SELECT o.position AS position, o.message_id AS message_id, o.owner AS owner, "
        f"ROW_NUMBER() OVER (PARTITION BY o.owner ORDER BY o.position {direction}) AS place FROM {source.text} o) "
        f"WHERE place <= {most})",
        source.params,
    )


class SharedCounts:
    """Counts by owner, read together when the first is asked for."""

    def __init__(self, read: Callable[[], Coroutine[None, None, Mapping[UUID, int]]]) -> None:
        self.read = read
        self.reading: asyncio.Task[Mapping[UUID, int]] | None = None
        self.waiting = 0

    async def count_for(self, owner: object) -> int:
        if self.reading is None:
            self.reading = asyncio.ensure_future(self.read())
        self.waiting += 1
        try:
            found = await asyncio.shield(self.reading)  # who gives up does not stop the others
        except asyncio.CancelledError:
            if self.waiting == 1:
                self.reading.cancel()
                self.reading = None
            raise
        finally:
            self.waiting -= 1
        return found.get(as_uuid(owner), 0)


async def count_records(
    viewer: Viewer, ticket_ids: Sequence[UUID], event_filter: EventFilter, part: Condition = TRUE
) -> Mapping[UUID, int]:
    """How many entries the record of each ticket has, in the part asked for; one statement."""
    source = record_positions(ticket_ids, visible_events(viewer) & event_filter.condition & part)
    found = await database.fetch_dicts(f"SELECT o.owner AS owner, COUNT(*) AS n FROM {source.text} o GROUP BY o.owner", source.params)
    return {as_uuid(row["owner"]): cast("int", row["n"]) for row in found}


async def find_unseen_messages(viewer: Viewer, ticket_id: UUID, after: int) -> list[UUID]:
    """Messages of others on the ticket that came after a position, as far as the viewer may read them, oldest first."""
    condition = visible_events(viewer) & EventFilter(MESSAGE_EVENTS).condition & in_list("e.ticket_id", [ticket_id])
    condition &= Condition("(e.position > ?)", (after,))
    found = await database.fetch_dicts(
        f"SELECT e.message_id AS id, e.actor_user_id AS person, e.actor_client_id AS machine FROM {ENTRIES} "
        f"WHERE {condition.text} ORDER BY e.position",
        condition.params,
    )
    own = {str(each) for each in (viewer.user_id, viewer.client_id) if each}
    return [as_uuid(row["id"]) for row in found if not own & {str(row["person"]), str(row["machine"])}]


async def read_last_position(ticket_id: UUID) -> int:
    """The position of a ticket's newest entry."""
    found = await database.fetch_dicts("SELECT MAX(position) AS position FROM events WHERE ticket_id = ?", [ticket_id])
    return cast("int", found[0]["position"])


async def read_after(position: int, limit: int) -> list[Event]:
    """The log itself after a position, whoever may see it: what the tail follows."""
    newer = Condition("(e.position > ?)", (position,))
    return await Many(LazyQuery(Event, "e", "events e", newer, "e.position", limit))
