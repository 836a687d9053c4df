"""What the log alone says of a ticket's clocks: how each stands, how its time was counted, and whether the stored ones agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import cast
from uuid import UUID

from models import database
from models.changes.change import lock_tickets
from models.database import as_uuid
from models.log.event import Event, EventType
from models.sla import policies
from models.sla.calendar import IntervalKind
from models.sla.clock import Clock, ClockTransition, StopReason
from models.sla.inputs import CLOCK_EVENT_TYPES, parse_clock_input
from models.sla.snapshot import Metric, PolicySnapshot
from models.sla.state_machine import TicketClocks
from models.sla.update import read_clocks
from models.tickets.ticket import Ticket

CLOCK_EVENT_TYPES = [
    *(
        EventType.TICKET_CREATED,
        EventType.STATUS_CHANGED,
        EventType.REPLY_ADDED,
        EventType.SLA_RETARGETED,
    ),
    *(EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED),
]
TICKETS_PER_BATCH = 200
FIELDS_NOT_IN_LOG = frozenset({"id", "periods", "is_changed", "is_new"})


class IntervalReason(Enum):
    """Why an interval counted, or why it did not."""

    WORKING = "working"
    OUTSIDE_HOURS = "outside_hours"
    HOLIDAY = "holiday"
    WAITING_ON_CUSTOMER = "waiting_on_customer"
    ON_HOLD = "on_hold"
    ENDED = "ended"


REASON_BY_KIND = {
    IntervalKind.WORKING: IntervalReason.WORKING,
    IntervalKind.OUTSIDE_HOURS: IntervalReason.OUTSIDE_HOURS,
    IntervalKind.HOLIDAY: IntervalReason.HOLIDAY,
}
REASON_BY_STOP = {
    StopReason.WAITING_ON_CUSTOMER: IntervalReason.WAITING_ON_CUSTOMER,
    StopReason.ON_HOLD: IntervalReason.ON_HOLD,
    StopReason.ENDED: IntervalReason.ENDED,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A part of a clock's life, whether it counted and why, and how much was spent by its end."""

    start: datetime
    end: datetime
    reason: IntervalReason
    spent: timedelta
    policy_id: UUID | None

    @property
    def is_counted(self) -> bool:
        return self.reason is IntervalReason.WORKING


def list_intervals(clock: Clock, until: datetime) -> Iterator[Interval]:
    """Each interval of a clock's life, in order; what still goes on ends at `until`."""
    spent = timedelta()
    for stretch in clock.periods:
        end = until if stretch.end is None else stretch.end
        if end <= stretch.start:
            continue
        if isinstance(stretch.state, StopReason):
            yield Interval(stretch.start, end, REASON_BY_STOP[stretch.state], spent, None)
            continue
        for part in stretch.state.calendar.intervals(stretch.start, end):
            if part.kind is IntervalKind.WORKING:
                spent += part.end - part.start
            yield Interval(
                part.start, part.end, REASON_BY_KIND[part.kind], spent, stretch.state.policy_id
            )


@dataclass(frozen=True, slots=True)
class RebuiltClocks:
    """What a ticket's entries tell: its clocks, and what they had to say against what they are logged to have said."""

    clocks: Sequence[Clock]
    expected: Sequence[tuple[str, str, int, datetime]]
    logged: Sequence[tuple[str, str, int, datetime]]


async def rebuild_clocks(entries: Mapping[UUID, Sequence[Event]]) -> Mapping[UUID, RebuiltClocks]:
    """The clocks of tickets by nothing but their entries, each ticket's in the log's order."""
    digests = {
        str(entry.changes["sla_terms"][1])
        for own in entries.values()
        for entry in own
        if "sla_terms" in entry.changes and entry.changes["sla_terms"][1] is not None
    }
    terms = await policies.read_snapshots(digests)
    return {ticket_id: replay_events(own, terms) for ticket_id, own in entries.items()}


def replay_events(entries: Sequence[Event], terms: Mapping[str, PolicySnapshot]) -> RebuiltClocks:
    clocks = TicketClocks(terms.__getitem__)
    said: list[ClockTransition] = []
    logged: list[tuple[str, str, int, datetime]] = []
    for entry in entries:
        if entry.type in CLOCK_EVENT_TYPES:
            logged.append(
                (
                    entry.type.value,
                    str(entry.value("metric")),
                    cast("int", entry.value("ordinal")),
                    entry.occurred_at,
                )
            )
            said += clocks.advance_to(entry.occurred_at)
        elif (step := parse_clock_input(entry)) is not None:
            said += clocks.apply(step)
    expected = [
        (each.type.value, each.clock.metric.value, each.clock.ordinal, each.at) for each in said
    ]
    return RebuiltClocks(clocks.all, sorted(expected), sorted(logged))


async def load_rebuilt_clocks(ticket_ids: Sequence[UUID]) -> Mapping[UUID, RebuiltClocks]:
    entries: dict[UUID, list[Event]] = {ticket_id: [] for ticket_id in ticket_ids}
    for entry in await Event.filter(
        ticket_id__in=list(ticket_ids), type__in=CLOCK_EVENT_TYPES
    ).order_by("position"):
        entries[entry.ticket_id].append(entry)
    return await rebuild_clocks(entries)


async def find_differences(ticket_ids: Sequence[UUID]) -> list[str]:
    """Where the stored clocks, or the entries about them, are not what the log says; a line each."""
    found: list[str] = []
    stored = await read_clocks(ticket_ids)
    for ticket_id, tale in (await load_rebuilt_clocks(ticket_ids)).items():
        if tale.expected != tale.logged:
            found.append(f"{ticket_id}: logged {tale.logged}, expected {tale.expected}")
        own, theirs = index_clocks(tale.clocks), index_clocks(stored[ticket_id])
        for name in sorted(own.keys() | theirs.keys()):
            if name not in own or name not in theirs:
                found.append(
                    f"{ticket_id} {name[0]} {name[1]}: only {'in the log' if name in own else 'stored'}"
                )
            else:
                found += [
                    f"{ticket_id} {name[0]} {name[1]}: {line}"
                    for line in compare_clocks(own[name], theirs[name])
                ]
    return found


async def verify_all_tickets() -> tuple[int, list[str]]:
    """All tickets, some at a time; returns how many there are, and the differences."""
    found: list[str] = []
    seen, last = 0, UUID(int=0)
    while True:
        ids = (
            await Ticket.filter(id__gt=last)
            .order_by("id")
            .limit(TICKETS_PER_BATCH)
            .values_list("id", flat=True)
        )
        if not ids:
            return seen, found
        tickets = [as_uuid(each) for each in ids]
        async with database.transaction():  # both sides as of one instant
            await lock_tickets(tickets)
            found += await find_differences(tickets)
        seen, last = seen + len(tickets), tickets[-1]


def index_clocks(clocks: Sequence[Clock]) -> dict[tuple[str, int], Clock]:
    return {(clock.metric.value, clock.ordinal): clock for clock in clocks}


def compare_clocks(told: Clock, stored: Clock) -> list[str]:
    names = [each.name for each in fields(Clock) if each.name not in FIELDS_NOT_IN_LOG]
    return [
        f"{name} is {getattr(stored, name)}, the log says {getattr(told, name)}"
        for name in names
        if getattr(told, name) != getattr(stored, name)
    ]


def find_clock(tale: RebuiltClocks, metric: Metric, ordinal: int) -> Clock | None:
    return next(
        (clock for clock in tale.clocks if clock.metric is metric and clock.ordinal == ordinal),
        None,
    )
