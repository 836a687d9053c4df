"""Timelines of tickets, for many tickets at once.

A ticket's timeline has its events, and the messages of the tickets that were merged into it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar, cast
from uuid import UUID

from tortoise.models import Model

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events, visible_tickets
from models.core.lazy_query import ConnectionQuery, LazyQuery
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, in_list, is_null
from models.database import as_uuid
from models.log.event import Event, EventType
from models.queries.logs.event_log import (
    EVENTS,
    EventFilter,
    between_cursors,
    build_cursor,
    outside_start_cursor,
)
from models.queries.shared_counts import SharedCounts
from models.tickets.message import Message

M = TypeVar("M", bound=Model)

IS_MESSAGE = Condition("(e.message_id IS NOT NULL)")
"""The events of the types MESSAGE_EVENTS. An index holds them alone (models/queries/indexes.py)."""


def list_timeline(
    viewer: Viewer,
    ticket_ids: Sequence[UUID],
    event_filter: EventFilter,
    page_request: PageRequest,
) -> ConnectionQuery[Event]:
    """Return a page of each ticket's timeline."""
    join = join_records("events", "e", "position", "position")
    condition = event_filter.condition
    return list_by_ticket(Event, "e", join, viewer, ticket_ids, condition, page_request)


def list_messages(
    viewer: Viewer, ticket_ids: Sequence[UUID], page_request: PageRequest
) -> ConnectionQuery[Message]:
    """Return a page of the messages in each ticket's timeline.

    Their events are visible to the viewer, so the messages are too.
    """
    join = join_records("messages", "m", "id", "message_id")
    return list_by_ticket(Message, "m", join, viewer, ticket_ids, IS_MESSAGE, page_request)


def list_by_ticket(
    model: type[M],
    alias: str,
    join: str,
    viewer: Viewer,
    ticket_ids: Sequence[UUID],
    is_listed: Condition,
    page_request: PageRequest,
) -> ConnectionQuery[M]:
    """Return a page of the records that the join finds for each ticket's timeline.

    `is_listed` is a condition on the events of the timeline.
    """
    condition = visible_events(viewer) & is_listed & between_cursors(page_request)
    direction = "DESC" if page_request.backward else "ASC"
    build_pages = lateral_pages if database.dialect() == "postgres" else ranked_pages
    own_source = source_of_own_events(viewer)
    pages = build_pages(ticket_ids, own_source, condition, direction, page_request.size + 1)
    row_query = LazyQuery(
        model,
        alias,
        f"{pages.text} r {join}",
        FALSE if condition is FALSE else TRUE,
        f"r.position {direction}",
        source_params=pages.params,
    )
    outside = is_listed & outside_start_cursor(page_request)
    totals = SharedCounts(lambda: count_events(viewer, ticket_ids, is_listed))
    totals_outside = SharedCounts(lambda: count_events(viewer, ticket_ids, outside))

    async def has_rows_before_page(ticket_id: object) -> bool:
        return await totals_outside.count_for(ticket_id) > 0

    return ConnectionQuery(
        row_query,
        page_request,
        ("r.position",),
        build_cursor,
        totals.count_for,
        has_rows_before_page,
        "r.owner",
    )


def join_records(table: str, alias: str, key: str, row_key: str) -> str:
    """The JOIN clause that finds the record of each row `r` of the pages."""
    if database.dialect() == "sqlite":
        return f"JOIN {table} {alias} ON {alias}.{key} = r.{row_key}"
    # Without OFFSET 0, Postgres puts each record into a cache, although each is read only once.
    record = f"SELECT * FROM {table} x WHERE x.{key} = r.{row_key} OFFSET 0"
    return f"CROSS JOIN LATERAL ({record}) {alias}"


def source_of_own_events(viewer: Viewer) -> str:
    """The FROM clause for the events of tickets whose keys are known.

    Only a condition on tickets needs their table, and a viewer of all tickets has none.
    """
    return "events e" if visible_tickets(viewer) is TRUE else EVENTS


# SQL sources: rows of owner (the ticket in whose timeline the event is), position and message_id


def lateral_pages(
    ticket_ids: Sequence[UUID],
    own_source: str,
    condition: Condition,
    direction: str,
    limit: int,
) -> Condition:
    """Return the first events of each ticket's timeline. Only Postgres has LATERAL.

    An index finds them, however long the timeline is. If other tickets were merged into a ticket,
    it may have up to twice `limit` rows, which is cheaper than merging both lists for each ticket.
    """
    # Postgres keeps its plan, because it can't see the number of tickets (docs/plans.md).
    keys = "unnest((SELECT ?::uuid[])) AS k(id)"

    def select_events(source: str, owner: str, where: Condition) -> str:
        return (
            f"(SELECT e.position, e.message_id FROM {source} WHERE {owner} = k.id "
            f"AND {(where & condition).text} ORDER BY e.position {direction} LIMIT {limit})"
        )

    own = select_events(own_source, "e.ticket_id", TRUE)
    merged = select_events(EVENTS, "t.merged_into_id", IS_MESSAGE)
    return Condition(
        "(SELECT k.id AS owner, l.position AS position, l.message_id AS message_id "
        f"FROM {keys} CROSS JOIN LATERAL ({own} UNION ALL {merged}) l)",
        (list(ticket_ids), *condition.params, *IS_MESSAGE.params, *condition.params),
    )


def ranked_pages(
    ticket_ids: Sequence[UUID],
    own_source: str,
    condition: Condition,
    direction: str,
    limit: int,
) -> Condition:
    """Return what `lateral_pages` does, on databases without LATERAL."""
    events = whole_timelines(ticket_ids, own_source, condition)
    rank = f"ROW_NUMBER() OVER (PARTITION BY o.owner ORDER BY o.position {direction})"
    return Condition(
        "(SELECT * FROM (SELECT o.position AS position, o.message_id AS message_id, "
        f"o.owner AS owner, {rank} AS place FROM {events.text} o) WHERE place <= {limit})",
        events.params,
    )


def whole_timelines(ticket_ids: Sequence[UUID], own_source: str, condition: Condition) -> Condition:
    """Return all events of each ticket's timeline that meet the condition."""
    own = condition & in_list("e.ticket_id", list(ticket_ids))
    merged = condition & in_list("t.merged_into_id", list(ticket_ids)) & IS_MESSAGE
    return Condition(
        "(SELECT e.position AS position, e.message_id AS message_id, e.ticket_id AS owner "
        f"FROM {own_source} WHERE {own.text} "
        "UNION ALL SELECT e.position, e.message_id, t.merged_into_id "
        f"FROM {EVENTS} WHERE {merged.text})",
        own.params + merged.params,
    )


# Counts


async def count_events(
    viewer: Viewer, ticket_ids: Sequence[UUID], is_counted: Condition = TRUE
) -> Mapping[UUID, int]:
    """Return the number of visible events in each ticket's timeline, in one statement.

    `is_counted` is a condition on the events of the timeline.
    """
    condition = visible_events(viewer) & is_counted
    events = whole_timelines(ticket_ids, source_of_own_events(viewer), condition)
    rows = await database.fetch_dicts(
        f"SELECT o.owner AS owner, COUNT(*) AS n FROM {events.text} o GROUP BY o.owner",
        events.params,
    )
    return {as_uuid(row["owner"]): cast("int", row["n"]) for row in rows}


# Merged tickets


async def read_merge_targets(ticket_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    """Return the ticket into which each of the tickets is merged, if any."""
    condition = in_list("t.id", list(ticket_ids)) & ~is_null("t.merged_into_id")
    rows = await database.fetch_dicts(
        f"SELECT t.id AS id, t.merged_into_id AS target FROM tickets t WHERE {condition.text}",
        condition.params,
    )
    return {as_uuid(row["id"]): as_uuid(row["target"]) for row in rows}


# Unseen messages


async def find_unseen_messages(viewer: Viewer, ticket_id: UUID, after: int) -> list[UUID]:
    """Return the visible messages that the ticket shows since a position, oldest first.

    These are the later messages of the ticket and of those merged into it, and all messages of
    the tickets merged into it since then. The viewer's own messages are left out.
    """
    is_shown = Condition(
        "(e.ticket_id IN (SELECT k.id FROM tickets k WHERE k.id = ? OR k.merged_into_id = ?))",
        (ticket_id, ticket_id),
    )
    is_new = Condition(
        "(e.position > ? OR e.ticket_id IN (SELECT k.id FROM tickets k "
        "JOIN events m ON m.ticket_id = k.id "
        "WHERE k.merged_into_id = ? AND m.type = ? AND m.position > ?))",
        (after, ticket_id, EventType.MERGED.value, after),
    )
    condition = visible_events(viewer) & IS_MESSAGE & is_shown & is_new
    rows = await database.fetch_dicts(
        "SELECT e.message_id AS id, e.actor_user_id AS user_id, e.actor_client_id AS client_id "
        f"FROM {EVENTS} WHERE {condition.text} ORDER BY e.position",
        condition.params,
    )
    own_ids = {str(actor_id) for actor_id in (viewer.user_id, viewer.client_id) if actor_id}
    return [
        as_uuid(row["id"])
        for row in rows
        if own_ids.isdisjoint((str(row["user_id"]), str(row["client_id"])))
    ]
