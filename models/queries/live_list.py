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
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.errors import TooExpensive
from models.core.sql import FALSE, Condition
from models.database import Row, as_uuid
from models.log.event import UNVERSIONED_EVENTS, Event, EventType
from models.queries.filter import FilterData, compile_filter

TIME_OPERATORS = frozenset({"within", "olderThan"})


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
    """One step of a live list. A hidden entry is one that the viewer may not see, though it changed what they see."""

    kind: ChangeKind
    position: int
    ticket_id: UUID | None = None
    event: Event | None = None
    hidden: bool = False


class Membership(Enum):
    """Where a ticket stands towards a live list."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    NOT_VISIBLE = "unseen"
    """Out of the viewer's sight: nothing may be told of it."""


def is_time_dependent(filter: object) -> bool:
    """Whether tickets enter or leave the filter as time passes, without any entry of the log."""
    if isinstance(filter, Mapping):
        given = cast("FilterData", filter)
        return any(value is not None and (name in TIME_OPERATORS or is_time_dependent(value)) for name, value in given.items())
    return isinstance(filter, list) and any(is_time_dependent(each) for each in cast("list[object]", filter))


def serialize_filter(filter: FilterData | None) -> bytes:
    """One text for filters that are given alike, whatever the order of their fields and their nulls."""
    return orjson.dumps(without_nulls(filter or {}), default=str, option=orjson.OPT_SORT_KEYS)


def without_nulls(value: object) -> object:
    if isinstance(value, Mapping):
        given = cast("FilterData", value)
        return {name: without_nulls(each) for name, each in given.items() if each is not None}
    return [without_nulls(each) for each in cast("list[object]", value)] if isinstance(value, list) else value


async def read_members(viewer: Viewer, filter: FilterData | None, at: datetime, max_tickets: int) -> tuple[int, set[UUID]]:
    """The head of the log, and the tickets that are inside at it. Raises TooExpensive where those are more than `most`."""
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    found = await database.fetch_dicts(
        f"SELECT h.position AS position, x.id AS id FROM {LOG_HEAD_SQL} h LEFT JOIN "
        f"(SELECT t.id AS id FROM tickets t WHERE {condition.text} LIMIT {max_tickets + 1}) x ON (1 = 1)",
        condition.params,
    )
    inside = {as_uuid(row["id"]) for row in found if row["id"] is not None}
    check_size(len(inside), max_tickets)
    return cast("int", found[0]["position"]), inside


def check_size(count: int, max_tickets: int) -> None:
    if count > max_tickets:
        raise TooExpensive(f"A live list holds at most {max_tickets} tickets; narrow the filter.")


async def read_memberships_since(viewer: Viewer, filter: FilterData | None, at: datetime, position: int) -> tuple[int, Mapping[UUID, Membership]]:
    """The head of the log, and how each ticket stands at it of which something was logged after a position."""
    head, found = await read_changed_tickets(viewer, filter, at, position)
    return head, {key: membership_from_row(row) for key, row in found.items()}


async def read_changed_tickets(
    viewer: Viewer, filter: FilterData | None, at: datetime, position: int, columns: Condition | None = None
) -> tuple[int, Mapping[UUID, Row]]:
    """The head of the log, and of each ticket touched since: its `id` where it is seen, whether it `fits`, and the facts.

    It costs what those tickets cost, however many there are beside them: one statement for each hundred entries. What an
    earlier one found of a ticket still holds at the head, or a later one finds the ticket again.
    """
    sight, more = visible_tickets(viewer), columns or NO_COLUMNS
    fits = FALSE if sight is FALSE else compile_filter(filter, viewer, at, database.dialect(), few_tickets=True)
    rows: dict[UUID, Row] = {}
    while True:
        found = await database.fetch_dicts(
            "SELECT h.position AS position, x.ticket_id AS ticket_id, x.last AS last, t.id AS id, "
            f"CASE WHEN t.id IS NOT NULL AND {fits.text} THEN 1 ELSE 0 END AS fits{more.text} "
            f"FROM {LOG_HEAD_SQL} h LEFT JOIN ({CHANGED_TICKETS_SQL}) x ON (1 = 1) LEFT JOIN tickets t ON t.id = x.ticket_id AND {sight.text}",
            (*fits.params, *more.params, position, *sight.params),
        )
        head = cast("int", found[0]["position"])
        rows |= {as_uuid(row["ticket_id"]): row for row in found if row["ticket_id"] is not None}
        position = max((cast("int", row["last"]) for row in found if row["last"] is not None), default=head)
        if position >= head:
            return head, rows


EVENTS_PER_STATEMENT = 100
LOG_HEAD_SQL = "(SELECT l.position AS position FROM log_head l LIMIT 1)"  # a row, where Postgres would expect thousands
# Sorted and limited, so that Postgres walks the key from there and expects few tickets, whatever it believes of the table.
CHANGED_TICKETS_SQL = (
    "SELECT p.ticket_id AS ticket_id, MAX(p.position) AS last FROM (SELECT e.ticket_id AS ticket_id, e.position AS position "
    f"FROM events e WHERE e.position > ? ORDER BY e.position LIMIT {EVENTS_PER_STATEMENT}) p GROUP BY p.ticket_id"
)
NO_COLUMNS = Condition("")


def membership_from_row(row: Row) -> Membership:
    if row["id"] is None:
        return Membership.NOT_VISIBLE
    return Membership.INSIDE if row["fits"] else Membership.OUTSIDE


def diff_events(
    events: Sequence[Event], before: Set[UUID], after: Mapping[UUID, Membership], viewer: Viewer
) -> list[LiveListChange]:
    """What the entries between two exact sets do to a list: at most one step for each, in their order.

    Who joins between the two holds what was inside then. So a ticket that may have come and gone in between is removed as
    well: that tells a reader who never had it nothing, and it is told only to those who see the ticket.
    """
    last = {entry.ticket_id: entry.position for entry in events}
    changed: dict[UUID, set[object]] = {}
    for entry in events:
        changed.setdefault(entry.ticket_id, set()).add((entry.version, entry.occurred_at, entry.actor_user_id))
    inside, steps = set(before), list[LiveListChange]()
    for entry in events:
        key, standing = entry.ticket_id, after[entry.ticket_id]
        if standing is Membership.INSIDE:
            if key in inside:
                steps += build_updates(entry, viewer)
            else:
                inside.add(key)
                steps.append(build_added(entry, viewer))
        elif entry.position == last[key] and (key in inside or (standing is Membership.OUTSIDE and len(changed[key]) > 1)):
            steps.append(LiveListChange(ChangeKind.REMOVED, entry.position, key))
    return steps


def build_added(entry: Event, viewer: Viewer) -> LiveListChange:
    return LiveListChange(ChangeKind.ADDED, entry.position, entry.ticket_id, entry, is_hidden(entry, viewer))


def build_updates(entry: Event, viewer: Viewer) -> list[LiveListChange]:
    hidden = is_hidden(entry, viewer)
    if hidden and entry.type in UNVERSIONED_EVENTS and not entry.changes:
        return []  # nothing that this viewer sees of the ticket is another than before
    return [LiveListChange(ChangeKind.UPDATED, entry.position, entry.ticket_id, entry, hidden)]


def is_hidden(entry: Event, viewer: Viewer) -> bool:
    return entry.internal and not viewer.can_see_notes


def replay_events(events: Sequence[Event], inside: Set[UUID], viewer: Viewer) -> list[LiveListChange]:
    """What entries do to a list of which nothing is known but up to where it was told; `inside` is of their end or later.

    For viewers who see every ticket: others would be told of tickets that do not exist for them.
    """
    last = {entry.ticket_id: entry.position for entry in events}
    steps: list[LiveListChange] = []
    for entry in events:
        if entry.ticket_id in inside:
            steps += [build_added(entry, viewer)] if entry.type is EventType.TICKET_CREATED else build_updates(entry, viewer)
        elif entry.position == last[entry.ticket_id]:
            steps.append(LiveListChange(ChangeKind.REMOVED, entry.position, entry.ticket_id))
    return steps


def diff_sets(before: Set[UUID], after: Set[UUID], position: int) -> list[LiveListChange]:
    """What enters and leaves without an entry: as time passes, or as the viewer's sight changes."""
    gone = [LiveListChange(ChangeKind.REMOVED, position, key) for key in sorted(before - after)]
    return gone + [LiveListChange(ChangeKind.ADDED, position, key) for key in sorted(after - before)]


def build_snapshot(inside: Set[UUID], position: int) -> list[LiveListChange]:
    """The first picture, oldest ticket first: ids sort by creation."""
    tickets = [LiveListChange(ChangeKind.SNAPSHOT, position, key) for key in sorted(inside)]
    return [*tickets, LiveListChange(ChangeKind.SNAPSHOT_END, position)]
