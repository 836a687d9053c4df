"""Reads the event log: pages of it, and the cursors that clients use for all reads of the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.audit.directory_event import DirectoryEvent
from models.core.errors import CursorExpired, CursorInvalid
from models.core.lazy_query import ConnectionQuery, LazyQuery, ListQuery
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, all_of, in_list
from models.log.event import Event, EventType, LogEntry, decode_cursor, encode_cursor, read_head
from models.queries.connection import count_rows, has_rows
from models.queries.filters.filter import FilterData
from models.queries.search_plan import charge_collection, plan_search

LATENESS = timedelta(minutes=1)
"""Longer than a transaction can take."""
EVENTS = "events e JOIN tickets t ON t.id = e.ticket_id"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Selects events by their types; None selects all."""

    types: frozenset[EventType] | None = None

    @classmethod
    def of_types(cls, types: Iterable[EventType] | None) -> EventFilter:
        """The filter for the argument `types` of the API; null selects all events."""
        return cls(None if types is None else frozenset(types))

    @property
    def condition(self) -> Condition:
        if self.types is None:
            return TRUE
        return in_list("e.type", sorted(type.value for type in self.types))


# Cursors


def build_cursor(values: Sequence[object]) -> str:
    """Return the cursor of an event from a row that starts with its position."""
    return encode_cursor(cast("int", values[0]))


def between_cursors(page_request: PageRequest) -> Condition:
    """Whether the event lies between the page's cursors."""
    bounds = [TRUE]
    if page_request.after is not None:
        bounds.append(Condition("(e.position > ?)", (decode_cursor(page_request.after),)))
    if page_request.before is not None:
        bounds.append(Condition("(e.position < ?)", (decode_cursor(page_request.before),)))
    return all_of(bounds)


def outside_start_cursor(page_request: PageRequest) -> Condition:
    """Whether the event lies on the other side of the cursor at which the page starts."""
    if page_request.backward:
        cursor, operator = page_request.before, ">="
    else:
        cursor, operator = page_request.after, "<="
    if cursor is None:
        return FALSE
    return Condition(f"(e.position {operator} ?)", (decode_cursor(cursor),))


async def require_range(position: int) -> None:
    """Raises CursorInvalid if the log is shorter: the cursor is forged or of another log."""
    if position > await read_head():
        raise CursorInvalid("The cursor is after the end of the log.")


async def require_retained(position: int) -> None:
    """Raises CursorExpired if events after the position have been deleted."""
    oldest = await read_oldest_position()
    if oldest is not None and position < oldest - 1:
        message = "The log no longer has all events after this cursor; read the tickets again."
        raise CursorExpired(message)


async def read_oldest_position() -> int | None:
    """The oldest position of the log, of an event of a ticket or of the directory."""
    rows = await database.fetch_dicts(
        "SELECT (SELECT MIN(position) FROM events) AS of_tickets, "
        "(SELECT MIN(position) FROM directory_events) AS of_directory"
    )
    positions = [cast("int | None", value) for value in rows[0].values()]
    return min((position for position in positions if position is not None), default=None)


async def find_position_before(at: datetime) -> int:
    """The position of the last event that occurred before a time, 0 if there is none.

    Events get their times before their positions, so times may be out of order by as long as a
    transaction takes. The search by halves therefore aims a minute earlier: events of that minute
    may be after the position, but no later event is before it.
    """
    low, high = 0, await read_head()
    while low < high:
        middle = (low + high + 1) // 2
        event = await Event.filter(position__lte=middle).order_by("-position").first()
        if event is None or event.occurred_at + LATENESS < at:
            low = middle
        else:
            high = event.position - 1
    return low


# Reads


async def list_events(
    viewer: Viewer,
    event_filter: EventFilter,
    filter: FilterData | None,
    page_request: PageRequest,
    at: datetime,
) -> ConnectionQuery[Event]:
    """Return a page of the events that are visible and match both filters, oldest first.

    Raises CursorInvalid and CursorExpired.
    """
    if page_request.after is not None:
        await require_range(decode_cursor(page_request.after))
        await require_retained(decode_cursor(page_request.after))
    plan = await plan_search(viewer, filter, at)
    await charge_collection(viewer, plan)
    matches_ticket = plan.compile(filter, viewer, at)
    condition = visible_events(viewer) & event_filter.condition & matches_ticket

    async def count_total(_: object) -> int:
        await charge_collection(viewer, plan)
        return await count_rows(EVENTS, condition)

    async def has_rows_before_page(_: object) -> bool:
        await charge_collection(viewer, plan)
        return await has_rows(EVENTS, condition & outside_start_cursor(page_request))

    # A viewer of few tickets gets their events found by an index and then sorted. Without the
    # "+ 0", Postgres may scan the log until it has met enough events of these tickets.
    position = "e.position" if viewer.can_see_all_tickets else "e.position + 0"
    order = f"{position} {'DESC' if page_request.backward else 'ASC'}"
    on_page = condition & between_cursors(page_request)
    row_query = LazyQuery(Event, "e", EVENTS, on_page, order, page_request.size + 1)
    return ConnectionQuery(
        row_query, page_request, ("e.position",), build_cursor, count_total, has_rows_before_page
    )


async def read_by_positions(positions: Collection[int]) -> Mapping[int, Event]:
    if not positions:
        return {}
    events = await Event.filter(position__in=list(positions))
    return {event.position: event for event in events}


async def read_after(position: int, limit: int) -> list[Event]:
    """Return the events after a position, whether or not any viewer may see them."""
    newer = Condition("(e.position > ?)", (position,))
    return await ListQuery(LazyQuery(Event, "e", "events e", newer, "e.position", limit))


def position_of(entry: LogEntry) -> int:
    return entry.position


async def read_log(position: int, limit: int) -> Sequence[LogEntry]:
    """Return the events of tickets and of the directory after a position, without a gap.

    The events of the directory are seldom, so they are read only if the others have a gap, or if
    the log goes on without others.
    """
    events = await read_after(position, limit)
    if events and events[-1].position == position + len(events):
        return events
    if not events and await read_head() <= position:
        return []
    newer = DirectoryEvent.filter(position__gt=position).order_by("position").limit(limit)
    merged = sorted((*events, *await newer), key=position_of)
    # The second read may have seen a later log. Then the next call returns what the first missed.
    return [
        each
        for expected, each in enumerate(merged, start=position + 1)
        if each.position == expected
    ][:limit]


async def read_last_position(viewer: Viewer, ticket_id: UUID) -> int:
    """Return the position of the ticket's newest event, for customers without internal events."""
    statement = "SELECT MAX(position) AS position FROM events WHERE ticket_id = ?"
    if viewer.is_customer:
        statement += " AND internal = FALSE"
    rows = await database.fetch_dicts(statement, [ticket_id])
    return cast("int", rows[0]["position"])


async def filter_visible(viewer: Viewer, positions: Collection[int]) -> set[int]:
    """Return the positions of those events that the viewer may see."""
    condition = in_list("e.position", list(positions)) & visible_events(viewer)
    sql = f"SELECT e.position AS position FROM {EVENTS} WHERE {condition.text}"
    rows = await database.fetch_dicts(sql, condition.params)
    return {cast("int", row["position"]) for row in rows}
