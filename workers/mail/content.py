"""What templates are given: names with plain values, none of them a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import cast

from markupsafe import Markup

from models.core.markdown import to_html
from models.core.text import NAME, SUBJECT
from models.core.time import utc
from models.log.event import EventType, Json
from models.notifications.notification import Topic
from models.notifications.routing import TOPICS
from models.people.user import User
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Status
from workers.mail.address import line
from workers.mail.message import MessageBuilder

SYSTEM = "Ticketwire"
ABOUT: Mapping[Topic, str] = {
    Topic.RAISED: "new tickets",
    Topic.REPLIES: "replies",
    Topic.STATUS: "the progress of tickets",
    Topic.ASSIGNMENT: "assignments",
    Topic.ESCALATION: "escalations",
    Topic.SLA: "promised times",
    Topic.REMINDERS: "reminders",
}
"""What mails of a topic are about, for: mails about …"""
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote, in Markdown and as safe HTML."""

    text: str
    html: Markup


@dataclass(frozen=True, slots=True)
class TicketWords:
    ref: str
    number: int
    subject: str
    status: str
    priority: str
    team: str


@dataclass(frozen=True, slots=True)
class EventWords:
    """`status` is where a step of the life cycle led."""

    type: str
    occurred_at: datetime
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """`at` is None while the promise's clock stands still."""

    metric: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    score: int
    comment: str | None = None


NOTHING: Values = dict.fromkeys(
    ("request", "reply", "resolution", "reason", "into", "promise", "closes_at", "team", "rating", "url")
)
"""What not every mail has."""


async def words(letter: MessageBuilder, url: str | None) -> Values:
    """The values for a letter's templates. What an internal entry holds is not among them."""
    ticket, entry, recipient = letter.ticket, letter.entry, letter.recipient
    actor = letter.actor
    step = entry.changes.get("status") if entry.type is EventType.STATUS_CHANGED else None
    common: dict[str, object] = {
        "ticket": TicketWords(
            ticket.ref,
            ticket.number,
            line(ticket.subject, SUBJECT),
            plain(ticket.status),
            plain(ticket.priority),
            line(ticket.team.name, NAME),
        ),
        "event": EventWords(entry.type.value, entry.occurred_at, plain(Status(step[1])) if step else None),
        "actor": line(actor.display_name, NAME) if actor is not None else SYSTEM,
        "recipient": line(recipient.display_name, NAME),
        "url": f"{url.rstrip('/')}/tickets/{ticket.number}" if url else None,
        "because": f"You get this because {because(letter)}.",
        "hint": hint(letter.mail.template),
    }
    return {**NOTHING, **common, **(await told(letter) if not entry.internal else {})}


async def told(letter: MessageBuilder) -> Values:
    """What this kind of mail has beside the names that all have."""
    entry, template = letter.entry, letter.mail.template
    if template in ("created", "raised"):
        return {"request": await written(letter.ticket.description)}
    if template == "replied":
        return {"reply": await written(letter.message.body)} if letter.message is not None else {}
    if template == "resolved":
        return {"resolution": await written(text_of(entry.value("comment")) or "")}
    if template == "closed":
        closed = entry.changes.get("close_reason", [None, None])[1]
        return {
            "reason": str(closed).replace("_", " ") if closed is not None else None,
            "into": letter.into.ref if letter.into is not None else None,
        }
    if template == "reopened":
        return {"reason": text_of(entry.value("comment"))}
    if template == "escalated":
        return {"reason": text_of(entry.value("reason"))}
    if template == "transferred":
        return {"team": line(letter.team.name, NAME) if letter.team is not None else None}
    if template in ("sla_at_risk", "sla_breached"):
        return {"promise": promise(letter)}
    if template in ("reminder_waiting", "reminder_closing"):
        closes_at = entry.value("closes_at")
        return {"closes_at": datetime.fromisoformat(str(closes_at)) if closes_at else None}
    if template == "rated":
        return {"rating": Rating(cast("int", entry.value("score")), text_of(entry.value("comment")))}
    return {}


def promise(letter: MessageBuilder) -> Promise:
    metric = plain(Metric(letter.entry.value("metric")))
    if letter.entry.type is EventType.SLA_BREACHED:
        return Promise(metric, letter.entry.occurred_at)
    return Promise(metric, letter.clock.breaches_at if letter.clock is not None else None)


def because(letter: MessageBuilder) -> str:
    """Why somebody gets a mail, for: You get this because …"""
    ticket, user = letter.ticket, letter.recipient
    if letter.mail.template == "escalation_step":
        return "an escalation of this ticket is to reach you"
    if user.id == ticket.requester_id:
        return "this is your request"
    if user.id == ticket.assignee_id:
        return "this ticket was given to you"
    return "you watch this ticket" if letter.watches else team(user)


def team(user: User) -> str:
    return "this ticket is your team's" if user.is_staff else "your organization shares this ticket"


def hint(template: str) -> str:
    """How to get no such mails."""
    about = ABOUT[TOPICS[template]]
    return f"To get no more mails about {about}, turn them off in your notification preferences."


async def written(text: str) -> Written:
    return Written(text, Markup(await to_html(text)))  # noqa: S704 - it was sanitised there


def text_of(value: Json) -> str | None:
    return str(value) if value is not None else None


def plain(value: Enum) -> str:
    """The name of a value of an enum as people write it."""
    return value.name.lower().replace("_", " ")


def moment(value: datetime) -> str:
    """An instant for people: 5 March 2026, 14:30 UTC."""
    at = utc(value)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
