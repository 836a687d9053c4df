"""Starts escalation paths: each event starts the first path that applies to its ticket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.escalation import admin
from models.escalation.path import EscalationPath, EscalationRun, EscalationTrigger
from models.log.event import Event, EventType, Json
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Action
from models.tickets.ticket import Ticket
from workers.job import LogJob

TRIGGERS: Mapping[EventType, EscalationTrigger] = {
    EventType.ESCALATED: EscalationTrigger.ESCALATED,
    EventType.SLA_AT_RISK: EscalationTrigger.SLA_AT_RISK,
    EventType.SLA_BREACHED: EscalationTrigger.SLA_BREACHED,
    EventType.TICKET_CREATED: EscalationTrigger.UNTOUCHED,
}
METRICS = {
    Metric.FIRST_RESPONSE: "first response",
    Metric.NEXT_RESPONSE: "next response",
    Metric.RESOLUTION: "resolution",
}
TriggeredPaths = tuple[Event, Sequence[EscalationPath]]
"""An event, and the paths that it may start."""


class Escalator(LogJob[TriggeredPaths]):
    """Starts the first applicable path for an event.

    An escalation by a person starts no path that already runs on the ticket. A breached SLA target
    also escalates the ticket.
    """

    name = "escalator"
    batch_size = 20

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window

    def wants(self, event: Event) -> bool:
        if event.type is EventType.ESCALATED:
            # An escalation by a path starts no other path.
            return event.actor_user_id is not None or event.actor_client_id is not None
        return event.type in TRIGGERS

    async def prepare(self, events: Sequence[Event], at: datetime) -> Sequence[TriggeredPaths]:
        paths = await admin.list_paths()
        triggered = [
            (event, [path for path in paths if is_triggered(path, event)]) for event in events
        ]
        return [(event, paths) for event, paths in triggered if paths]

    async def handle(self, work: Sequence[TriggeredPaths], at: datetime) -> int:
        tickets = await lock_tickets(event.ticket_id for event, _ in work)
        running = await find_running_paths(tickets)
        changes: dict[UUID, TicketChange] = {}
        started = 0
        for event, paths in work:
            ticket = tickets[event.ticket_id]
            path = next((path for path in paths if is_applicable(path, ticket)), None)
            if path is None:
                continue
            if path.trigger is EscalationTrigger.ESCALATED:
                if (ticket.id, path.id) in running:
                    continue
                running.add((ticket.id, path.id))
            started += 1
            await start_run(path, event)
            if path.trigger is EscalationTrigger.SLA_BREACHED:
                change = changes.setdefault(
                    ticket.id, TicketChange(ticket, SYSTEM, at, self.reopen_window)
                )
                metric = METRICS[Metric(event.value("metric"))]
                commands.escalate(change, f"The SLA target for the {metric} was missed.")
        await write(*changes.values())
        return started


async def find_running_paths(ticket_ids: Iterable[UUID]) -> set[tuple[UUID, UUID]]:
    """The tickets and paths of runs with steps left. The tickets must be locked.

    Ends runs that began before their ticket was reopened: a new escalation starts the path anew.
    """
    runs = await EscalationRun.filter(ticket_id__in=list(ticket_ids), due_at__isnull=False)
    if not runs:
        return set()
    changes = Event.filter(
        ticket_id__in={run.ticket_id for run in runs},
        position__gt=min(run.position for run in runs),
        type=EventType.STATUS_CHANGED,
    )
    reopened: dict[UUID, int] = {}
    for each in await changes:
        if each.value("action") == Action.REOPEN.value:
            reopened[each.ticket_id] = max(each.position, reopened.get(each.ticket_id, 0))
    ended = [run for run in runs if run.position < reopened.get(run.ticket_id, 0)]
    if ended:
        await EscalationRun.filter(id__in=[run.id for run in ended]).update(due_at=None)
    return {(run.ticket_id, run.path_id) for run in runs if run not in ended}


def is_triggered(path: EscalationPath, event: Event) -> bool:
    """Whether the event may start the path, judged by the event alone."""
    return path.trigger is TRIGGERS[event.type] and (
        path.metric is None or path.metric.value == event.value("metric")
    )


def is_applicable(path: EscalationPath, ticket: Ticket) -> bool:
    """Whether the path is for tickets like this one, and the ticket still needs it."""
    is_for_ticket = path.priority in (None, ticket.priority) and path.team_id in (
        None,
        ticket.team_id,
    )
    return is_for_ticket and is_needed(path.trigger, ticket)


def is_needed(trigger: EscalationTrigger, ticket: Ticket) -> bool:
    return ticket.is_untouched if trigger is EscalationTrigger.UNTOUCHED else ticket.is_open


async def start_run(path: EscalationPath, event: Event) -> None:
    steps = sorted(path.steps, key=lambda step: cast("int", step["after"]))
    metric = event.value("metric")
    await EscalationRun.create(
        ticket_id=event.ticket_id,
        path_id=path.id,
        position=event.position,
        steps=steps,
        metric=None if metric is None else Metric(metric),
        ordinal=event.value("ordinal"),
        started_at=event.occurred_at,
        due_at=event.occurred_at + delay_of(steps[0]),
    )


def delay_of(step: Mapping[str, Json]) -> timedelta:
    return timedelta(seconds=cast("int", step["after"]))
