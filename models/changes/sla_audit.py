"""SLA clocks rebuilt from the log alone, and a check of the stored clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.changes.storage import lock_tickets
from models.database import as_uuid
from models.log.event import Event, EventType
from models.sla import policies
from models.sla.clock import Clock, ClockTransition
from models.sla.clock_records import read_clocks
from models.sla.inputs import CLOCK_EVENT_TYPES, WAITING_EVENT_TYPES, parse_clock_input
from models.sla.snapshot import Metric, PolicySnapshot
from models.sla.state_machine import TicketClocks
from models.tickets.ticket import Ticket

REPLAYED_EVENT_TYPES = [
    EventType.TICKET_CREATED,
    *WAITING_EVENT_TYPES,
    EventType.SLA_RETARGETED,
    *CLOCK_EVENT_TYPES,
]
TICKETS_PER_BATCH = 200
UNCOMPARED_FIELDS = frozenset({"id", "periods", "is_changed", "is_new"})
"""Ids and bookkeeping, and the periods, which are rebuilt from the log but not stored."""


TransitionKey = tuple[str, str, int, datetime]
"""Event type, metric, ordinal of the clock, and instant of a clock's transition."""


@dataclass(frozen=True, slots=True)
class RebuiltClocks:
    """A ticket's clocks, and the expected and the logged transitions."""

    clocks: Sequence[Clock]
    expected: Sequence[TransitionKey]
    logged: Sequence[TransitionKey]


async def rebuild_clocks(
    events_by_ticket: Mapping[UUID, Sequence[Event]],
) -> Mapping[UUID, RebuiltClocks]:
    """Rebuild the clocks of tickets from their events, which are in the order of the log."""
    digests: set[str] = set()
    for events in events_by_ticket.values():
        for event in events:
            if "sla_terms" in event.changes and event.changes["sla_terms"][1] is not None:
                digests.add(str(event.changes["sla_terms"][1]))
    snapshots = await policies.read_snapshots(digests)
    return {
        ticket_id: replay_events(events, snapshots)
        for ticket_id, events in events_by_ticket.items()
    }


def replay_events(
    events: Sequence[Event], snapshots: Mapping[str, PolicySnapshot]
) -> RebuiltClocks:
    """Rebuild the clocks of one ticket. `snapshots` has the policy snapshots by their digests."""
    clocks = TicketClocks(snapshots.__getitem__)
    transitions: list[ClockTransition] = []
    logged: list[TransitionKey] = []
    for event in events:
        if event.type in CLOCK_EVENT_TYPES:
            ordinal = cast("int", event.value("ordinal"))
            metric = str(event.value("metric"))
            logged.append((event.type.value, metric, ordinal, event.occurred_at))
            transitions += clocks.advance_to(event.occurred_at)
            continue
        clock_input = parse_clock_input(event)
        if clock_input is not None:
            transitions += clocks.apply(clock_input)
    expected = [
        (each.type.value, each.clock.metric.value, each.clock.ordinal, each.at)
        for each in transitions
    ]
    return RebuiltClocks(clocks.all, sorted(expected), sorted(logged))


async def load_rebuilt_clocks(ticket_ids: Sequence[UUID]) -> Mapping[UUID, RebuiltClocks]:
    """Read the events of tickets and rebuild their clocks."""
    events_by_ticket: dict[UUID, list[Event]] = {ticket_id: [] for ticket_id in ticket_ids}
    query = Event.filter(ticket_id__in=list(ticket_ids), type__in=REPLAYED_EVENT_TYPES)
    for event in await query.order_by("position"):
        events_by_ticket[event.ticket_id].append(event)
    return await rebuild_clocks(events_by_ticket)


async def find_differences(ticket_ids: Sequence[UUID]) -> list[str]:
    """Compare the stored clocks, and the logged transitions, with the rebuilt clocks.

    Returns a line for each difference.
    """
    differences: list[str] = []
    stored_clocks = await read_clocks(ticket_ids)
    for ticket_id, rebuilt in (await load_rebuilt_clocks(ticket_ids)).items():
        if rebuilt.expected != rebuilt.logged:
            line = f"{ticket_id}: logged {rebuilt.logged}, expected {rebuilt.expected}"
            differences.append(line)
        from_log, stored = index_clocks(rebuilt.clocks), index_clocks(stored_clocks[ticket_id])
        for key in sorted(from_log.keys() | stored.keys()):
            clock_name = f"{ticket_id} {key[0]} {key[1]}"
            if key not in stored:
                differences.append(f"{clock_name}: only in the log")
            elif key not in from_log:
                differences.append(f"{clock_name}: only stored")
            else:
                lines = compare_clocks(from_log[key], stored[key])
                differences += [f"{clock_name}: {line}" for line in lines]
    return differences


async def verify_all_tickets() -> tuple[int, list[str]]:
    """Compare all tickets, in batches; returns the number of tickets, and the differences."""
    differences: list[str] = []
    ticket_count, last_id = 0, UUID(int=0)
    while True:
        query = Ticket.filter(id__gt=last_id).order_by("id").limit(TICKETS_PER_BATCH)
        ids = await query.values_list("id", flat=True)
        if not ids:
            return ticket_count, differences
        ticket_ids = [as_uuid(each) for each in ids]
        async with database.transaction():  # reads clocks and log as of one instant
            await lock_tickets(ticket_ids)
            differences += await find_differences(ticket_ids)
        ticket_count, last_id = ticket_count + len(ticket_ids), ticket_ids[-1]


def index_clocks(clocks: Sequence[Clock]) -> dict[tuple[str, int], Clock]:
    """The clocks by metric and ordinal."""
    return {(clock.metric.value, clock.ordinal): clock for clock in clocks}


def compare_clocks(rebuilt: Clock, stored: Clock) -> list[str]:
    """A line for each field that differs."""
    differences: list[str] = []
    for field in fields(Clock):
        expected, actual = getattr(rebuilt, field.name), getattr(stored, field.name)
        if field.name not in UNCOMPARED_FIELDS and expected != actual:
            differences.append(f"{field.name} is {actual}, the log says {expected}")
    return differences


def find_clock(rebuilt: RebuiltClocks, metric: Metric, ordinal: int) -> Clock | None:
    for clock in rebuilt.clocks:
        if clock.metric is metric and clock.ordinal == ordinal:
            return clock
    return None
