"""Queued mails, and a mailer that sends them to an SMTP sink."""

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
    options: dict[str, Any] = {"mail_from": FROM, **more}
    return Mailer(
        SmtpTransport(SmtpUrl.of(sink.url), seconds=seconds),
        options.pop("templates", TEMPLATES),
        **options,
    )


async def send_due_mails(by: Mailer | Sink, at: datetime | None = None) -> int:
    """Run the mailer until no mail is due; return how many mails it attempted."""
    worker = mailer(by) if isinstance(by, Sink) else by
    attempts, now = 0, at or time.now()
    for _ in count_runs():
        run = await worker.run_once(now, 0)
        if not run.more:
            break
        attempts += run.count
    return attempts


async def newest_event(ticket: Ticket, *types: EventType) -> Event:
    """The newest event of the ticket, or the newest one of the given types."""
    newest = (
        await Event.filter(ticket_id=ticket.id, type__in=types or list(EventType))
        .order_by("-position")
        .first()
    )
    assert newest is not None
    return newest


async def queue_mail(
    ticket: Ticket,
    person: Person,
    template: str = "created",
    event: Event | None = None,
    **values: Any,
) -> Mail:
    """Queue a mail to a person about an event, by default the newest one of the ticket."""
    event, user, at = event or await newest_event(ticket), await User.get(id=person.id), time.now()
    defaults: dict[str, Any] = {
        "event_id": event.position,
        "ticket_id": ticket.id,
        "user_id": person.id,
        "template": template,
        "address": user.email,
        "message_id": build_message_id(event.position, person.id, DOMAIN),
        "next_attempt_at": at,
        "created_at": at,
    }
    return await Mail.create(**{**defaults, **values})


async def reload_mail(mail: Mail) -> Mail:
    return await Mail.get(id=mail.id)


async def expire_claim(mail: Mail) -> None:
    """Expire the claim of a mail, as if its worker had died."""
    claimed = await reload_mail(mail)
    assert claimed.claimed_until is not None
    assert claimed.claimed_until > time.now()
    claimed.claimed_until = time.now() - timedelta(seconds=1)
    await claimed.save(update_fields=["claimed_until"])
