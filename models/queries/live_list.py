"""Live lists: which tickets match a filter for a viewer, and how log events change that list.

Each read is one statement that also returns the head of the log. So a result is exact at that
position, whatever is written at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.errors import TooExpensive
from models.core.sql import FALSE, Condition, in_list, is_null
from models.database import Row, as_uuid
from models.log.event import UNVERSIONED_EVENTS, Event, EventType
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.filters.limits import FilterHints
from models.queries.search_plan import charge_collection, plan_search

EVENTS_PER_STATEMENT = 100
LOG_HEAD_SQL = "(SELECT l.position AS position FROM log_head l LIMIT 1)"
"""The limit shows Postgres that there is one row. Without it, Postgres would plan for thousands."""
NO_COLUMNS = Condition("")


class ChangeKind(Enum):
    SNAPSHOT = "snapshot"
    SNAPSHOT_END = "snapshot_end"
    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"
    GAP = "gap"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class LiveListChange:
    """One change of a live list.

    `hidden` is whether the viewer may not see the event, although it changed what they see.
    """

    kind: ChangeKind
    position: int
    ticket_id: UUID | None = None
    event: Event | None = None
    hidden: bool = False


class ListMembership(Enum):
    """Whether a ticket is in a live list."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    NOT_VISIBLE = "not_visible"
    """The viewer may not see the ticket, so the list must not name it."""


# Reads


def select_changed_tickets(max_events: int) -> str:
    """The statement for the tickets of the first events after a position, its only parameter.

    `last` is the position of the ticket's last event among them. The order and limit make Postgres
    scan the key from the position and expect few tickets.
    """
    return (
        "SELECT p.ticket_id AS ticket_id, MAX(p.position) AS last "
        "FROM (SELECT e.ticket_id AS ticket_id, e.position AS position FROM events e "
        f"WHERE e.position > ? ORDER BY e.position LIMIT {max_events}) p GROUP BY p.ticket_id"
    )


async def read_members(
    viewer: Viewer, filter: FilterData | None, at: datetime, max_tickets: int
) -> tuple[int, set[UUID]]:
    """Return the head of the log, and the tickets in the list at that position.

    Raises TooExpensive if there are more than `max_tickets`.
    """
    plan = await plan_search(viewer, filter, at)
    await charge_collection(viewer, plan)
    condition = plan.compile(filter, viewer, at)
    members = f"SELECT t.id AS id FROM tickets t WHERE {condition.text} LIMIT {max_tickets + 1}"
    rows = await database.fetch_dicts(
        "SELECT h.position AS position, x.id AS id "
        f"FROM {LOG_HEAD_SQL} h LEFT JOIN ({members}) x ON (1 = 1)",
        condition.params,
    )
    inside = {as_uuid(row["id"]) for row in rows if row["id"] is not None}
    check_size(len(inside), max_tickets)
    return cast("int", rows[0]["position"]), inside


def check_size(count: int, max_tickets: int) -> None:
    if count > max_tickets:
        message = f"A live list can have at most {max_tickets} tickets; narrow the filter."
        raise TooExpensive(message, "live_list_tickets")


async def read_memberships_since(
    viewer: Viewer, filter: FilterData | None, at: datetime, position: int
) -> tuple[int, Mapping[UUID, ListMembership]]:
    """Return the log's head, and the membership of each ticket with an event after `position`."""
    head, rows = await read_changed_tickets(viewer, filter, at, position)
    return head, {ticket_id: membership_from_row(row) for ticket_id, row in rows.items()}


async def read_changed_tickets(
    viewer: Viewer,
    filter: FilterData | None,
    at: datetime,
    position: int,
    columns: Condition | None = None,
) -> tuple[int, Mapping[UUID, Row]]:
    """Return the head of the log, and a row for each ticket with an event after the position.

    A row has `id`, which is null if the ticket isn't visible, `fits` and the additional `columns`.
    All rows are exact at the head: a ticket that changes after its row was read is read again.
    The cost depends only on the changed tickets, with one statement for each hundred events.
    """
    visible, more = visible_tickets(viewer), columns or NO_COLUMNS
    fits = FALSE
    if visible is not FALSE:
        fits = compile_filter(filter, viewer, at, database.dialect(), FilterHints(few_tickets=True))
    changed_tickets = select_changed_tickets(EVENTS_PER_STATEMENT)
    statement = (
        "SELECT h.position AS position, x.ticket_id AS ticket_id, x.last AS last, t.id AS id, "
        f"CASE WHEN t.id IS NOT NULL AND {fits.text} THEN 1 ELSE 0 END AS fits{more.text} "
        f"FROM {LOG_HEAD_SQL} h LEFT JOIN ({changed_tickets}) x ON (1 = 1) "
        f"LEFT JOIN tickets t ON t.id = x.ticket_id AND {visible.text}"
    )
    rows_by_ticket: dict[UUID, Row] = {}
    while True:
        params = (*fits.params, *more.params, position, *visible.params)
        rows = await database.fetch_dicts(statement, params)
        head = cast("int", rows[0]["position"])
        changed = [row for row in rows if row["ticket_id"] is not None]
        rows_by_ticket |= {as_uuid(row["ticket_id"]): row for row in changed}
        position = max((cast("int", row["last"]) for row in changed), default=head)
        if position >= head:
            return head, rows_by_ticket


async def read_merge_targets(viewer: Viewer, ticket_ids: Set[UUID]) -> Mapping[UUID, UUID]:
    """Return the tickets into which those of the tickets were merged that the viewer can see."""
    is_merged = in_list("t.id", sorted(ticket_ids)) & ~is_null("t.merged_into_id")
    condition = visible_tickets(viewer) & is_merged
    rows = await database.fetch_dicts(
        "SELECT t.id AS id, t.merged_into_id AS merged_into_id "
        f"FROM tickets t WHERE {condition.text}",
        condition.params,
    )
    return {as_uuid(row["id"]): as_uuid(row["merged_into_id"]) for row in rows}


def membership_from_row(row: Row) -> ListMembership:
    if row["id"] is None:
        return ListMembership.NOT_VISIBLE
    return ListMembership.INSIDE if row["fits"] else ListMembership.OUTSIDE


# Changes


def select_relevant(events: Sequence[Event], viewer: Viewer) -> Sequence[Event]:
    """Return the events that can change what the viewer sees of a ticket.

    Customers see nothing of internal events. Staff without the scope notes:read see the ticket's
    version and time, which internal events change.
    """
    if not viewer.is_customer:
        return events
    return [event for event in events if not event.internal]


def select_notes(events: Sequence[Event], viewer: Viewer) -> Sequence[Event]:
    """Return the events that add notes, if the viewer may see them.

    Of all messages, only notes can be added to a ticket that was merged into another.
    """
    if not viewer.can_see_notes:
        return ()
    return [event for event in events if event.type is EventType.NOTE_ADDED]


def diff_events(
    events: Sequence[Event],
    before: Set[UUID],
    after: Mapping[UUID, ListMembership],
    viewer: Viewer,
) -> list[LiveListChange]:
    """Return how the events change an exact list, at most one change per event, in their order.

    `before` is the list before the first event. A subscriber that joined after some of the events
    can have a ticket that is neither in `before` nor in `after`. So the removal of such a ticket is
    also sent, to viewers who may see the ticket. Other subscribers ignore it.
    """
    last = {event.ticket_id: event.position for event in events}
    changes_by_ticket: dict[UUID, set[object]] = {}
    for event in events:
        change = (event.version, event.occurred_at, event.actor_user_id)
        changes_by_ticket.setdefault(event.ticket_id, set()).add(change)
    inside, changes = set(before), list[LiveListChange]()
    for event in events:
        ticket_id, membership = event.ticket_id, after[event.ticket_id]
        if membership is ListMembership.INSIDE:
            if ticket_id in inside:
                changes += build_updates(event, viewer)
            else:
                inside.add(ticket_id)
                changes.append(build_added(event, viewer))
            continue
        # One change can only add the ticket to the list or remove it. It takes two to do both.
        was_changed_twice = len(changes_by_ticket[ticket_id]) > 1
        entered_and_left = membership is ListMembership.OUTSIDE and was_changed_twice
        was_possibly_inside = ticket_id in inside or entered_and_left
        if was_possibly_inside and event.position == last[ticket_id]:
            changes.append(LiveListChange(ChangeKind.REMOVED, event.position, ticket_id))
    return changes


def build_added(event: Event, viewer: Viewer) -> LiveListChange:
    hidden = is_hidden(event, viewer)
    return LiveListChange(ChangeKind.ADDED, event.position, event.ticket_id, event, hidden)


def build_updates(event: Event, viewer: Viewer) -> list[LiveListChange]:
    """Return the update of a ticket, unless the viewer sees the ticket as before."""
    hidden = is_hidden(event, viewer)
    if hidden and event.type in UNVERSIONED_EVENTS and not event.changes:
        return []
    return [LiveListChange(ChangeKind.UPDATED, event.position, event.ticket_id, event, hidden)]


def is_hidden(event: Event, viewer: Viewer) -> bool:
    return event.internal and not viewer.can_see_notes


def replay_events(
    events: Sequence[Event], inside: Set[UUID], viewer: Viewer
) -> list[LiveListChange]:
    """Return how the events change a list whose earlier contents are unknown.

    `inside` are the tickets in the list at the last event or later. Use this only for viewers who
    can see all tickets: others would learn of tickets that they may not see.
    """
    last = {event.ticket_id: event.position for event in events}
    changes: list[LiveListChange] = []
    for event in events:
        if event.ticket_id in inside:
            if event.type is EventType.TICKET_CREATED:
                changes.append(build_added(event, viewer))
            else:
                changes += build_updates(event, viewer)
        elif event.position == last[event.ticket_id]:
            changes.append(LiveListChange(ChangeKind.REMOVED, event.position, event.ticket_id))
    return changes


def add_target_updates(
    changes: Sequence[LiveListChange],
    events: Sequence[Event],
    inside: Set[UUID],
    merge_targets: Mapping[UUID, UUID],
    viewer: Viewer,
) -> list[LiveListChange]:
    """Add the updates of tickets in the list that show new notes of merged tickets.

    `inside` is the list after the events. A ticket that enters the list with them is also updated:
    a subscriber that joined in between already has it.
    """
    updates = [
        LiveListChange(ChangeKind.UPDATED, event.position, merge_targets[event.ticket_id], event)
        for event in select_notes(events, viewer)
        if merge_targets.get(event.ticket_id) in inside
    ]
    return sorted([*changes, *updates], key=lambda change: change.position)


def diff_sets(before: Set[UUID], after: Set[UUID], position: int) -> list[LiveListChange]:
    """Return the changes without an event, when time passes or the viewer's visibility changes."""
    removed = [LiveListChange(ChangeKind.REMOVED, position, key) for key in sorted(before - after)]
    added = [LiveListChange(ChangeKind.ADDED, position, key) for key in sorted(after - before)]
    return removed + added


def build_snapshot(inside: Set[UUID], position: int) -> list[LiveListChange]:
    """Return the snapshot of a list, oldest ticket first, because ids sort by creation time."""
    tickets = [LiveListChange(ChangeKind.SNAPSHOT, position, key) for key in sorted(inside)]
    return [*tickets, LiveListChange(ChangeKind.SNAPSHOT_END, position)]
