"""The values that templates get. They are plain values, never records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import cast

from markupsafe import Markup

from models.core.markdown import to_html
from models.core.text import MAX_NAME_CHARS, MAX_SUBJECT_CHARS
from models.core.time import to_utc
from models.log.event import EventType, Json
from models.notifications.notification import Topic
from models.notifications.routing import TOPIC_BY_TEMPLATE
from models.people.user import User
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Status
from workers.mail.address import to_one_line
from workers.mail.outgoing_mail import OutgoingMail

SYSTEM = "Ticketwire"
TOPIC_NAMES: Mapping[Topic, str] = {
    Topic.RAISED: "new tickets",
    Topic.REPLIES: "replies",
    Topic.STATUS: "the progress of tickets",
    Topic.ASSIGNMENT: "assignments",
    Topic.ESCALATION: "escalations",
    Topic.SLA: "SLA targets",
    Topic.REMINDERS: "reminders",
}
"""Completes the sentence `emails about …`."""
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MarkdownText:
    """A text in Markdown and as safe HTML."""

    text: str
    html: Markup


@dataclass(frozen=True, slots=True)
class TicketValues:
    ref: str
    number: int
    subject: str
    status: str
    priority: str
    team: str


@dataclass(frozen=True, slots=True)
class EventValues:
    """`status` is the new status, if it changed."""

    type: str
    occurred_at: datetime
    status: str | None = None


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """`at` is None while the SLA clock is paused."""

    metric: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    score: int
    comment: str | None = None


OPTIONAL_VALUES: Values = dict.fromkeys(
    (
        "request",
        "reply",
        "closed",
        "resolution",
        "reason",
        "into",
        "sla_target",
        "closes_at",
        "team",
        "rating",
    )
)
"""Values that only some templates get; None for the others."""


async def build_template_values(outgoing: OutgoingMail, url: str | None) -> Values:
    """Return the values for an email's templates, without the contents of internal events."""
    ticket, event, recipient = outgoing.ticket, outgoing.event, outgoing.recipient
    actor = outgoing.actor
    new_status = None
    if event.type is EventType.STATUS_CHANGED and "status" in event.changes:
        status_change = event.changes["status"]
        new_status = format_label(Status(status_change[1]))
    common: dict[str, object] = {
        "ticket": TicketValues(
            ticket.ref,
            ticket.number,
            to_one_line(ticket.subject, MAX_SUBJECT_CHARS),
            format_label(ticket.status),
            format_label(ticket.priority),
            to_one_line(ticket.team.name, MAX_NAME_CHARS),
        ),
        "event": EventValues(event.type.value, event.occurred_at, new_status),
        "actor": to_one_line(actor.display_name, MAX_NAME_CHARS) if actor is not None else SYSTEM,
        "recipient": to_one_line(recipient.display_name, MAX_NAME_CHARS),
        "url": f"{url.rstrip('/')}/tickets/{ticket.number}" if url else None,
        "because": f"You get this because {explain_email(outgoing)}.",
        "hint": explain_opt_out(outgoing.mail.template),
        "updates": outgoing.mail.updates,
    }
    return {
        **OPTIONAL_VALUES,
        **common,
        **(await build_event_values(outgoing) if not event.internal else {}),
    }


async def build_event_values(outgoing: OutgoingMail) -> Values:
    """Return the values that only this template has."""
    event, template = outgoing.event, outgoing.mail.template
    if template in ("created", "raised"):
        return {"request": await render_text(outgoing.ticket.description)}
    if template == "replied":
        values: Values = {"closed": outgoing.close_event is not None}
        if outgoing.message is None:
            return values
        return {**values, "reply": await render_text(outgoing.message.body)}
    if template == "awaiting_customer":
        unanswered = outgoing.unanswered_reply
        return {"reply": await render_text(unanswered.body) if unanswered is not None else None}
    if template == "resolved":
        return {"resolution": await render_text(to_text(event.value("comment")) or "")}
    if template == "closed":
        close_reason = event.changes.get("close_reason", [None, None])[1]
        return {
            "reason": str(close_reason).replace("_", " ") if close_reason is not None else None,
            "into": outgoing.merge_target.ref if outgoing.merge_target is not None else None,
        }
    if template == "reopened":
        return {"reason": to_text(event.value("comment"))}
    if template == "escalated":
        return {"reason": to_text(event.value("reason"))}
    if template == "transferred":
        return {
            "team": to_one_line(outgoing.team.name, MAX_NAME_CHARS)
            if outgoing.team is not None
            else None
        }
    if template in ("sla_at_risk", "sla_breached"):
        return {"sla_target": build_sla_target(outgoing)}
    if template in ("reminder_waiting", "reminder_closing"):
        closes_at = event.value("closes_at")
        return {"closes_at": datetime.fromisoformat(str(closes_at)) if closes_at else None}
    if template == "rated":
        return {
            "rating": Rating(cast("int", event.value("score")), to_text(event.value("comment")))
        }
    return {}


def build_sla_target(outgoing: OutgoingMail) -> SlaTarget:
    metric = format_label(Metric(outgoing.event.value("metric")))
    if outgoing.event.type is EventType.SLA_BREACHED:
        return SlaTarget(metric, outgoing.event.occurred_at)
    return SlaTarget(
        metric, outgoing.sla_clock.breaches_at if outgoing.sla_clock is not None else None
    )


def explain_email(outgoing: OutgoingMail) -> str:
    """Why the recipient gets this email: completes `You get this because …`."""
    ticket, user = outgoing.ticket, outgoing.recipient
    if outgoing.mail.template == "escalation_step":
        return "an escalation path of this ticket notifies you"
    if user.id == ticket.requester_id:
        return "this is your request"
    if user.id == ticket.assignee_id:
        return "this ticket is assigned to you"
    if outgoing.is_watching:
        return "you watch this ticket"
    if outgoing.is_shared:
        return "this ticket is shared with you"
    return explain_access(user)


def explain_access(user: User) -> str:
    return "this ticket is your team's" if user.is_staff else "your organization shares this ticket"


def explain_opt_out(template: str) -> str:
    """How to turn such emails off."""
    topic = TOPIC_BY_TEMPLATE.get(template)
    about = TOPIC_NAMES[topic] if topic is not None else "tickets"
    return f"To stop emails about {about}, turn them off in your notification preferences."


async def render_text(text: str) -> MarkdownText:
    return MarkdownText(text, Markup(await to_html(text)))  # noqa: S704 - it was sanitised there


def to_text(value: Json) -> str | None:
    return str(value) if value is not None else None


def format_label(value: Enum) -> str:
    """The name of an enum value in lower case, with spaces."""
    return value.name.lower().replace("_", " ")


def format_instant(value: datetime) -> str:
    """Format an instant like `5 March 2026, 14:30 UTC`."""
    at = to_utc(value)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
