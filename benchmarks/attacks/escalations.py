"""Repeated escalations of one ticket, and the notifications and emails that they cause.

Every escalation notifies the ticket's team. The attacker must not be able to flood its members.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx2

from benchmarks.attacks.accounts import CREATE, mutate
from benchmarks.attacks.target import Target
from benchmarks.programs import BenchmarkError
from models.escalation.path import EscalationRun
from models.log.consumer import LogConsumer
from models.log.event import Event, EventType, read_head
from models.notifications.email import MORE_UPDATES, Mail
from models.notifications.notification import Notification
from models.tickets.ticket import Ticket

ESCALATIONS = 60
SUBJECT = "Escalated again and again"
ESCALATE = """mutation($i: EscalateTicketInput!) {
  escalateTicket(input: $i) { cursor userErrors { code } }
}"""
TYPES = (EventType.ESCALATED, EventType.ESCALATION_STEP)
JOBS = ("escalator", "notifier")
JOBS_TIMEOUT_SECONDS = 120.0


async def escalate_repeatedly(target: Target) -> list[str]:
    """Create a ticket and escalate it many times at once."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{target.port}") as http:
        new = {"subject": SUBJECT, "description": "d", "category": "technical"}
        ticket_id = (await mutate(http, target.token, CREATE, new))["ticket"]["id"]
    inputs = [
        {"ticketId": ticket_id, "reason": f"Now! ({number})"} for number in range(ESCALATIONS)
    ]
    return list(await asyncio.gather(*(target.post(ESCALATE, {"i": each}) for each in inputs)))


@dataclass(frozen=True)
class Effects:
    """What the escalations of one ticket caused.

    `summaries` are the emails that follow later in place of the folded ones; `emails` are the
    others.
    """

    escalations: int
    notifications: int
    emails: int
    summaries: int
    recipients: int

    def format_sentence(self) -> str:
        return (
            f"{self.escalations} escalations of one ticket caused {self.notifications} "
            f"notifications, {self.emails} emails and {self.summaries} summaries of further "
            f"emails to {self.recipients} people."
        )


async def read_effects() -> list[Effects]:
    """What the escalations of each attacked ticket caused, from the connected database.

    Raises BenchmarkError if the jobs do not handle the escalations in time.
    """
    tickets = await Ticket.filter(subject=SUBJECT)
    if tickets:
        await wait_for_jobs()
    return [await count_effects(ticket.id) for ticket in tickets]


async def wait_for_jobs() -> None:
    """Wait until the due steps of escalation paths are taken and everything is notified.

    Raises BenchmarkError.
    """
    try:
        async with asyncio.timeout(JOBS_TIMEOUT_SECONDS):
            # Another process runs the jobs, so no event of this one can tell.
            while not await are_jobs_done():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise BenchmarkError("the jobs did not handle all escalations") from None


async def are_jobs_done() -> bool:
    """Whether the jobs have handled the whole log, and no step of a path is due."""
    head = await read_head()
    consumers = await LogConsumer.filter(name__in=JOBS)
    if any(each.position < head for each in consumers):
        return False
    is_due = await EscalationRun.filter(due_at__lte=datetime.now(UTC)).exists()
    return not is_due and await read_head() == head


async def count_effects(ticket_id: UUID) -> Effects:
    escalations = Event.filter(ticket_id=ticket_id, type=EventType.ESCALATED)
    notifications = Notification.filter(event__ticket_id=ticket_id, event__type__in=TYPES)
    emails = Mail.filter(ticket_id=ticket_id, event__type__in=TYPES)
    recipients = {
        *await notifications.values_list("user_id", flat=True),
        *await emails.values_list("user_id", flat=True),
    }
    return Effects(
        await escalations.count(),
        await notifications.count(),
        await emails.exclude(template=MORE_UPDATES).count(),
        await emails.filter(template=MORE_UPDATES).count(),
        len(recipients),
    )
