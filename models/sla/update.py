"""Updates a ticket's SLA clocks within each change, in the change's own transaction. Called by `models.changes.change.write`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, Many
from models.core.sql import in_list
from models.core.time import text
from models.database import batch
from models.log.event import Event, EventType, Json
from models.sla import policies
from models.sla.clock import Clock, ClockTransition
from models.sla.inputs import parse_clock_input, update_waiting_since
from models.sla.records import SlaClock, SlaPolicy
from models.sla.snapshot import Metric, PolicySnapshot
from models.sla.state_machine import TicketClocks
from models.tickets.lifecycle import OPEN_STATUSES, Status
from models.tickets.ticket import Ticket

MICROSECOND = timedelta(microseconds=1)
POLICY_COLUMNS = frozenset({"priority", "team_id", "category_id"})
"""What decides, with the organization, which policy holds."""


class SlaChange(Protocol):
    """The parts of `models.changes.change.Change` that this module reads and writes; that module builds on this one."""

    ticket: Ticket
    at: datetime
    creates_ticket: bool
    advances_clocks: bool
    has_current_terms: bool
    previous_terms: str | None
    previous_status_since: datetime | None
    events: list[Event]
    columns: dict[str, object]
    clocks: TicketClocks | None

    def set(self, **values: object) -> dict[str, Json]: ...

    def log(self, type: EventType, changes: dict[str, Json] | None = None) -> None: ...


async def update_clocks(changes: Sequence[SlaChange]) -> None:
    """Find the terms anew where a change may have moved them, take the clocks through its entries."""
    wanted = [
        change
        for change in changes
        if change.advances_clocks or change.creates_ticket or can_change_policy(change) or has_clock_input(change)
    ]
    if not wanted:
        return
    if moved := [
        change for change in wanted if (change.creates_ticket or can_change_policy(change)) and not change.has_current_terms
    ]:
        for change, digest in zip(moved, await policies.find_terms([change.ticket for change in moved]), strict=True):
            set_terms(change, digest)
    stored = await read_clocks([change.ticket.id for change in wanted if not change.creates_ticket and has_sla_policy(change)])
    digests = {clock.terms for clocks in stored.values() for clock in clocks}
    digests |= {change.ticket.sla_terms for change in wanted if change.ticket.sla_terms is not None}
    digests |= {str(change.previous_terms) for change in wanted if change.previous_terms is not None}
    terms = await policies.read_snapshots(digests)
    waits = await read_waiting_since([change.ticket.id for change in wanted if can_start_next_response(change, terms)])
    for change in wanted:
        ticket = change.ticket
        if not has_sla_policy(change):
            continue
        clocks = TicketClocks(
            terms.__getitem__,
            stored.get(ticket.id, ()),
            change.previous_terms,
            status_before(change),
            change.previous_status_since,
            responded=ticket.first_responded_at is not None and "first_responded_at" not in change.columns,
            waiting_since=waits.get(ticket.id),
        )
        apply_change(change, clocks)


@dataclass(frozen=True)
class PolicySet:
    """All that is promised, at hand: for lives that are told in memory."""

    policies: Sequence[SlaPolicy]
    snapshots: Mapping[str, PolicySnapshot]

    @classmethod
    async def read(cls) -> PolicySet:
        found = await policies.list_policies()
        return cls(found, await policies.read_snapshots({policy.terms for policy in found}))

    def new_clocks(self) -> TicketClocks:
        """Those of a ticket that is about to be raised."""
        return TicketClocks(self.snapshots.__getitem__)

    def update_clocks(self, change: SlaChange, clocks: TicketClocks) -> None:
        """What `settle` does, without the database; the clocks are those that the ticket had before the change."""
        if change.creates_ticket or can_change_policy(change):
            set_terms(change, policies.select_terms(self.policies, change.ticket))
        if change.advances_clocks or has_clock_input(change):
            apply_change(change, clocks)


def can_change_policy(change: SlaChange) -> bool:
    """Whether another policy may hold after it: what policies look at changed, or the ticket was taken up again."""
    if not POLICY_COLUMNS.isdisjoint(change.columns):
        return True
    return "status" in change.columns and change.ticket.is_open and status_before(change) not in OPEN_STATUSES


def has_clock_input(change: SlaChange) -> bool:
    return any(parse_clock_input(entry) for entry in change.events)


def can_start_next_response(change: SlaChange, terms: Mapping[str, PolicySnapshot]) -> bool:
    """Whether it lets a clock of next responses run that the terms before did not have running, if the customer waits."""
    old, new = (terms[digest].targets if digest else {} for digest in (change.previous_terms, change.ticket.sla_terms))
    if change.creates_ticket or Metric.NEXT_RESPONSE not in new:
        return False
    return Metric.NEXT_RESPONSE not in old or (Metric.FIRST_RESPONSE in old and Metric.FIRST_RESPONSE not in new)


async def read_waiting_since(ticket_ids: Sequence[UUID]) -> Mapping[UUID, datetime | None]:
    """Since when the customers of tickets wait for an answer, by the log; None for who does not."""
    found: dict[UUID, datetime | None] = dict.fromkeys(ticket_ids)
    if not found:
        return found
    types = (EventType.STATUS_CHANGED, EventType.REPLY_ADDED)
    for entry in await Event.filter(ticket_id__in=list(ticket_ids), type__in=types).order_by("position"):
        if (step := parse_clock_input(entry)) is not None:
            found[entry.ticket_id] = update_waiting_since(found[entry.ticket_id], step)
    return found


def has_sla_policy(change: SlaChange) -> bool:
    """Whether there are terms, or were until this change: their clocks are then to be cancelled."""
    return change.ticket.sla_terms is not None or change.previous_terms is not None


def status_before(change: SlaChange) -> Status:
    """The status as it was before the change's first entry."""
    for entry in change.events:
        if "status" in entry.changes:
            old = entry.changes["status"][0]
            return Status.NEW if old is None else Status(old)
    return change.ticket.status


def set_terms(change: SlaChange, digest: str | None) -> None:
    """Give a ticket the terms that hold for it now: told by its creation, or by an entry of their own."""
    if digest == change.ticket.sla_terms:
        return
    changes = change.set(sla_terms=digest)
    if change.creates_ticket:
        creation = change.events[0]
        cast("dict[str, object]", creation.changes)["sla_terms"] = changes["sla_terms"]
    else:
        change.log(EventType.SLA_RETARGETED, changes)


def set_intake_terms(change: SlaChange, digest: str | None) -> None:
    """Give a new ticket the terms that were found to hold for it."""
    set_terms(change, digest)
    change.has_current_terms = True


def apply_change(change: SlaChange, clocks: TicketClocks) -> None:
    """Take the clocks through the change's entries; what they say is logged beside them.

    What time did before the change stands before its entries, what the change did stands after them.
    """
    before = build_events(change, clocks.advance_to(change.at))
    after: list[Event] = []
    for entry in change.events:
        step = parse_clock_input(entry)
        if step is not None:
            after += build_events(change, clocks.apply(step))
    after += build_events(change, clocks.advance_to(change.at))
    change.events[:] = [*before, *change.events, *after]
    change.clocks = clocks
    if clocks.breaches_at != change.ticket.sla_breaches_at:
        change.ticket.sla_breaches_at = clocks.breaches_at
        change.columns["sla_breaches_at"] = clocks.breaches_at


def build_events(change: SlaChange, said: Iterable[ClockTransition]) -> list[Event]:
    """Entries of what clocks did, by the system. They happened when they were due, however late they are written."""
    return [
        new_record(
            Event,
            type=each.type,
            ticket_id=change.ticket.id,
            occurred_at=each.at,
            version=change.ticket.version,
            data={
                "changes": {},
                "metric": each.clock.metric.value,
                "ordinal": each.clock.ordinal,
                "terms": each.clock.terms,
                "late": each.clock.breached_at is not None,
                "recorded_at": text(change.at),
            },
        )
        for each in said
    ]


async def read_clocks(ticket_ids: Sequence[UUID]) -> Mapping[UUID, list[Clock]]:
    """The clocks of tickets, each ticket's in the order in which they started."""
    found: dict[UUID, list[Clock]] = {ticket_id: [] for ticket_id in ticket_ids}
    theirs = in_list("c.ticket_id", ticket_ids)
    for record in await Many(LazyQuery(SlaClock, "c", "sla_clocks c", theirs, "c.started_at, c.id")):
        found[record.ticket_id].append(clock_from_record(record))
    return found


def clock_from_record(record: SlaClock) -> Clock:
    return Clock(
        metric=record.metric,
        terms=record.terms,
        started_at=record.started_at,
        ordinal=record.ordinal,
        id=record.id,
        status=record.status,
        since=record.since,
        spent=record.spent * MICROSECOND,
        paused_at=record.paused_at,
        paused_for=record.paused_for * MICROSECOND,
        at_risk_at=record.at_risk_at,
        breaches_at=record.breaches_at,
        warned_at=record.warned_at,
        breached_at=record.breached_at,
        achieved_at=record.achieved_at,
        cancelled_at=record.cancelled_at,
        is_new=False,
    )


def clock_columns(clock: Clock) -> dict[str, object]:
    return {
        "status": clock.status,
        "terms": clock.terms,
        "since": clock.since,
        "spent": clock.spent // MICROSECOND,
        "paused_at": clock.paused_at,
        "paused_for": clock.paused_for // MICROSECOND,
        "at_risk_at": clock.at_risk_at,
        "breaches_at": clock.breaches_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "achieved_at": clock.achieved_at,
        "cancelled_at": clock.cancelled_at,
        "due_at": clock.due_at,
    }


def record_from_clock(ticket: UUID, clock: Clock) -> SlaClock:
    fixed = {
        "id": clock.id,
        "ticket_id": ticket,
        "metric": clock.metric,
        "ordinal": clock.ordinal,
        "started_at": clock.started_at,
    }
    return new_record(SlaClock, **fixed, **clock_columns(clock))


def build_clock_records(ticket_id: UUID, clocks: TicketClocks) -> list[SlaClock]:
    """Records of the clocks that a change started."""
    return [record_from_clock(ticket_id, clock) for clock in clocks.all if clock.is_new]


def build_clock_updates(clocks: TicketClocks) -> list[batch.Statement]:
    """What writes those that it touched."""
    touched = [clock for clock in clocks.all if clock.is_changed and not clock.is_new]
    return [batch.update(SlaClock, clock_columns(clock), {"id": clock.id}) for clock in touched]
