"""Reads the events of the directory: pages of them, with the cursors of the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from models.access.permissions import READ_PEOPLE, READ_POLICIES
from models.access.viewer import Viewer
from models.audit.directory_event import DirectoryEvent
from models.audit.records import RecordKind
from models.core.lazy_query import ConnectionQuery, LazyQuery
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, in_list
from models.log.event import decode_cursor
from models.queries.connection import count_rows
from models.queries.logs import event_log

EVENTS = "directory_events e"
POLICY_KINDS = (RecordKind.SLA_POLICY, RecordKind.SLA_CALENDAR, RecordKind.ESCALATION_PATH)


def visible_events(viewer: Viewer) -> Condition:
    """The condition for the events (alias `e`) that the viewer can see.

    Without `tickets:read`, these are all events except those of POLICY_KINDS.
    """
    if not READ_PEOPLE.allows(viewer):
        return FALSE
    return TRUE if READ_POLICIES.allows(viewer) else ~of_kinds(POLICY_KINDS)


def of_kinds(kinds: Iterable[RecordKind]) -> Condition:
    return in_list("e.record_kind", sorted({kind.value for kind in kinds}))


async def list_events(
    viewer: Viewer, kinds: Iterable[RecordKind] | None, page_request: PageRequest
) -> ConnectionQuery[DirectoryEvent]:
    """Return a page of the events of these kinds of records, oldest first; None is all kinds.

    Raises CursorInvalid and CursorExpired.
    """
    if page_request.after is not None:
        await event_log.require_range(decode_cursor(page_request.after))
        await event_log.require_retained(decode_cursor(page_request.after))
    condition = visible_events(viewer) & (TRUE if kinds is None else of_kinds(kinds))

    async def count_total(_: object) -> int:
        return await count_rows(EVENTS, condition)

    async def has_rows_before_page(_: object) -> bool:
        outside = condition & event_log.outside_start_cursor(page_request)
        return await count_rows(EVENTS, outside) > 0

    order = f"e.position {'DESC' if page_request.backward else 'ASC'}"
    on_page = condition & event_log.between_cursors(page_request)
    row_query = LazyQuery(DirectoryEvent, "e", EVENTS, on_page, order, page_request.size + 1)
    return ConnectionQuery(
        row_query,
        page_request,
        ("e.position",),
        event_log.build_cursor,
        count_total,
        has_rows_before_page,
    )


async def read_visible(viewer: Viewer, positions: Collection[int]) -> Mapping[int, DirectoryEvent]:
    """The events at these positions that the viewer can see."""
    condition = in_list("e.position", list(positions)) & visible_events(viewer)
    query = LazyQuery(DirectoryEvent, "e", EVENTS, condition)
    return {event.position: event for event, _ in await query.fetch_records()}
