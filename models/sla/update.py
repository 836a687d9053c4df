"""Updates the SLA policy and clocks of changed tickets, in the transaction of the change.

`models.changes.storage.write` calls `update_clocks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, cast
from uuid import UUID

from models.core.hydration import new_record
from models.core.time import format_instant
from models.log.event import Event, EventType, Json
from models.sla import policies
from models.sla.clock import Clock, ClockTransition
from models.sla.clock_records import read_clocks
from models.sla.inputs import WAITING_EVENT_TYPES, next_waiting_since, parse_clock_input
from models.sla.snapshot import Metric, PolicySnapshot
from models.sla.state_machine import TicketClocks
from models.tickets.lifecycle import OPEN_STATUSES, Status
from models.tickets.ticket import Ticket

POLICY_COLUMNS = frozenset({"priority", "team_id", "category_id", "organization_id"})
"""The ticket columns that select the policy."""


class SlaChange(Protocol):
    """The part of `models.changes.change.TicketChange` that this module uses.

    It is a protocol because `models.sla` may not import `models.changes`, a layer above it.
    """

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
    """Update the policy and the clocks of each changed ticket, and log the clock transitions."""
    affected = [change for change in changes if is_affected(change)]
    if not affected:
        return
    await update_terms(affected)
    covered = [change for change in affected if has_sla_policy(change)]
    existing = [change.ticket.id for change in covered if not change.creates_ticket]
    stored_clocks = await read_clocks(existing)
    snapshots = await read_snapshots(covered, stored_clocks)
    waiting_since = await read_waiting_since(
        [change.ticket.id for change in covered if can_start_next_response(change, snapshots)]
    )
    for change in covered:
        ticket = change.ticket
        had_responded = (
            ticket.first_responded_at is not None and "first_responded_at" not in change.columns
        )
        clocks = TicketClocks(
            snapshots.__getitem__,
            stored_clocks.get(ticket.id, ()),
            change.previous_terms,
            status_before(change),
            change.previous_status_since,
            responded=had_responded,
            waiting_since=waiting_since.get(ticket.id),
        )
        apply_change(change, clocks)


async def update_terms(changes: Sequence[SlaChange]) -> None:
    """Find the terms of each ticket whose policy can have changed, unless the change has them."""
    outdated = [
        change for change in changes if can_change_policy(change) and not change.has_current_terms
    ]
    if not outdated:
        return
    found = await policies.find_terms([change.ticket for change in outdated])
    for change, digest in zip(outdated, found, strict=True):
        set_terms(change, digest)


async def read_snapshots(
    changes: Sequence[SlaChange], stored_clocks: Mapping[UUID, Sequence[Clock]]
) -> Mapping[str, PolicySnapshot]:
    """Return the snapshots that the clocks and tickets name, before and after the changes."""
    digests = {clock.terms for clocks in stored_clocks.values() for clock in clocks}
    for change in changes:
        for digest in (change.previous_terms, change.ticket.sla_terms):
            if digest is not None:
                digests.add(digest)
    return await policies.read_snapshots(digests)


def is_affected(change: SlaChange) -> bool:
    return change.advances_clocks or can_change_policy(change) or has_clock_input(change)


def can_change_policy(change: SlaChange) -> bool:
    """Whether another policy can apply to the ticket after the change.

    That is so if the change creates or reopens the ticket, or sets a column that policies match.
    """
    if change.creates_ticket or not POLICY_COLUMNS.isdisjoint(change.columns):
        return True
    if "status" not in change.columns or not change.ticket.is_open:
        return False
    return status_before(change) not in OPEN_STATUSES


def has_clock_input(change: SlaChange) -> bool:
    return any(parse_clock_input(event) for event in change.events)


def can_start_next_response(change: SlaChange, snapshots: Mapping[str, PolicySnapshot]) -> bool:
    """Whether the new terms start a NEXT_RESPONSE clock, if the customer waits for an answer.

    They do if the old terms had no such clock running: because they had no target for it, or
    because a FIRST_RESPONSE clock, which the new terms do not have, ran in its place.
    """
    if change.creates_ticket:
        return False
    old, new = (
        snapshots[digest].targets if digest else {}
        for digest in (change.previous_terms, change.ticket.sla_terms)
    )
    if Metric.NEXT_RESPONSE not in new:
        return False
    if Metric.NEXT_RESPONSE not in old:
        return True
    return Metric.FIRST_RESPONSE in old and Metric.FIRST_RESPONSE not in new


async def read_waiting_since(ticket_ids: Sequence[UUID]) -> Mapping[UUID, datetime | None]:
    """Return since when each ticket's customer has waited for an answer, according to the log.

    The value is None if the customer does not wait.
    """
    since: dict[UUID, datetime | None] = dict.fromkeys(ticket_ids)
    if not since:
        return since
    events = Event.filter(ticket_id__in=list(ticket_ids), type__in=list(WAITING_EVENT_TYPES))
    for event in await events.order_by("position"):
        clock_input = parse_clock_input(event)
        if clock_input is not None:
            since[event.ticket_id] = next_waiting_since(since[event.ticket_id], clock_input)
    return since


def has_sla_policy(change: SlaChange) -> bool:
    """Whether a policy applies to the ticket, or did before the change.

    If none applies any longer, the clocks must be cancelled.
    """
    return change.ticket.sla_terms is not None or change.previous_terms is not None


def status_before(change: SlaChange) -> Status:
    """Return the ticket's status before the change."""
    for event in change.events:
        if "status" in event.changes:
            old = event.changes["status"][0]
            return Status.NEW if old is None else Status(old)
    return change.ticket.status


def set_terms(change: SlaChange, digest: str | None) -> None:
    """Set the policy snapshot that applies to the ticket, by its digest.

    The event that creates the ticket records it; for an existing ticket SLA_RETARGETED does.
    """
    if digest == change.ticket.sla_terms:
        return
    changes = change.set(sla_terms=digest)
    if change.creates_ticket:
        creation = change.events[0]
        cast("dict[str, object]", creation.changes)["sla_terms"] = changes["sla_terms"]
    else:
        change.log(EventType.SLA_RETARGETED, changes)


def set_intake_terms(change: SlaChange, digest: str | None) -> None:
    """Set the terms of a new ticket, which the caller has read from the current policies."""
    set_terms(change, digest)
    change.has_current_terms = True


def apply_change(change: SlaChange, clocks: TicketClocks) -> None:
    """Apply the change's events to the clocks, and add an event for each clock transition.

    Transitions that were due before the change precede its events; those that it causes follow.
    """
    before = build_events(change, clocks.advance_to(change.at))
    after: list[Event] = []
    for event in change.events:
        clock_input = parse_clock_input(event)
        if clock_input is not None:
            after += build_events(change, clocks.apply(clock_input))
    after += build_events(change, clocks.advance_to(change.at))
    change.events[:] = [*before, *change.events, *after]
    change.clocks = clocks
    if clocks.breaches_at != change.ticket.sla_breaches_at:
        change.ticket.sla_breaches_at = clocks.breaches_at
        change.columns["sla_breaches_at"] = clocks.breaches_at


def build_events(change: SlaChange, transitions: Iterable[ClockTransition]) -> list[Event]:
    """Return an event by the system for each transition.

    The event's time is the transition's, even if the change that records it is later.
    """
    return [
        new_record(
            Event,
            type=transition.type,
            ticket_id=change.ticket.id,
            occurred_at=transition.at,
            version=change.ticket.version,
            data={
                "changes": {},
                "metric": transition.clock.metric.value,
                "ordinal": transition.clock.ordinal,
                "terms": transition.clock.terms,
                "late": transition.clock.breached_at is not None,
                "recorded_at": format_instant(change.at),
            },
        )
        for transition in transitions
    ]
