"""Repeated escalations of one ticket, and the notifications and emails that they cause.

Every escalation notifies the ticket's team. The attacker must not be able to flood its members.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import httpx2

from benchmarks.attacks.accounts import CREATE, mutate
from benchmarks.attacks.target import Target
from benchmarks.programs import BenchmarkError
from models.log.consumer import LogConsumer
from models.log.event import Event, EventType
from models.notifications.email import MORE_UPDATES, Mail
from models.notifications.notification import Notification

ESCALATIONS = 60
SUBJECT = "Escalated again and again"
ESCALATE = """mutation($i: EscalateTicketInput!) {
  escalateTicket(input: $i) { cursor userErrors { code } }
}"""
TYPES = (EventType.ESCALATED, EventType.ESCALATION_STEP)
NOTIFIER_TIMEOUT_SECONDS = 120.0


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

    def describe(self) -> str:
        return (
            f"{self.escalations} escalations of one ticket caused {self.notifications} "
            f"notifications, {self.emails} emails and {self.summaries} summaries of further "
            f"emails to {self.recipients} people."
        )


async def read_effects() -> list[Effects]:
    """What the escalations of each attacked ticket caused, from the connected database.

    Raises BenchmarkError if the notifier does not reach the last escalation in time.
    """
    events = await Event.filter(ticket__subject=SUBJECT, type__in=TYPES).order_by("position")
    if not events:
        return []
    await wait_for_notifier(events[-1].position)
    return [await count_effects(id) for id in dict.fromkeys(each.ticket_id for each in events)]


async def wait_for_notifier(position: int) -> None:
    """Wait until the notifier has handled the event at a position. Raises BenchmarkError."""
    try:
        async with asyncio.timeout(NOTIFIER_TIMEOUT_SECONDS):
            # Another process moves the position, so no event of this one can tell.
            while (await LogConsumer.get(name="notifier")).position < position:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise BenchmarkError("the notifier did not reach the last escalation") from None


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
