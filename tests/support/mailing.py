"""Mails for tests: queued by hand or by the notifier, and sent by a mailer to a sink."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from models.core import time
from models.log.event import Event, EventType
from models.notifications.email import Mail, build_message_id
from models.people.user import User
from models.tickets.ticket import Ticket
from support.actors import Person
from support.loop_limits import count_runs
from support.smtp_sink import Sink
from support.ticket_commands import DOMAIN
from workers.mail.smtp import SmtpTransport
from workers.mail.smtp_url import SmtpUrl
from workers.mail.template import Templates
from workers.mailer import Mailer

FROM = f"The Desk <desk@{DOMAIN}>"
TEMPLATES = Templates()


def mailer(sink: Sink, *, seconds: float = 60.0, **more: Any) -> Mailer:
    """A mailer that sends to a sink."""
    given: dict[str, Any] = {"mail_from": FROM, **more}
    return Mailer(SmtpTransport(SmtpUrl.of(sink.url), seconds=seconds), given.pop("templates", TEMPLATES), **given)


async def send_due_mails(by: Mailer | Sink, at: datetime | None = None) -> int:
    """Turns until nothing is due; returns how many mails were tried."""
    worker = mailer(by) if isinstance(by, Sink) else by
    tried, now = 0, at or time.now()
    for _ in count_runs():
        turn = await worker.run_once(now, 0)
        if not turn.more:
            break
        tried += turn.count
    return tried


async def newest_event(ticket: Ticket, *types: EventType) -> Event:
    """The ticket's newest entry, of these types where some are given."""
    found = await Event.filter(ticket_id=ticket.id, type__in=types or list(EventType)).order_by("-position").first()
    assert found is not None
    return found


async def queue_mail(ticket: Ticket, who: Person, template: str = "created", entry: Event | None = None, **values: Any) -> Mail:
    """A mail about an entry, else about the ticket's newest one."""
    entry, user, at = entry or await newest_event(ticket), await User.get(id=who.id), time.now()
    given: dict[str, Any] = {
        "event_id": entry.position,
        "ticket_id": ticket.id,
        "user_id": who.id,
        "template": template,
        "address": user.email,
        "message_id": build_message_id(entry.position, who.id, DOMAIN),
        "next_attempt_at": at,
        "created_at": at,
    }
    return await Mail.create(**{**given, **values})


async def reload_mail(mail: Mail) -> Mail:
    return await Mail.get(id=mail.id)


async def expire_claim(mail: Mail) -> None:
    """As if the time of a worker that died had passed."""
    found = await reload_mail(mail)
    assert found.claimed_until is not None
    assert found.claimed_until > time.now()
    found.claimed_until = time.now() - timedelta(seconds=1)
    await found.save(update_fields=["claimed_until"])
