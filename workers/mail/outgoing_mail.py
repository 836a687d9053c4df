"""An email with the records that it is about, read again for each attempt.

It checks whether it may be sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from models.access.viewer import Viewer, read_shared_tickets, viewer_of_user
from models.access.visibility import can_access_ticket
from models.log.event import Event, EventType
from models.notifications import preferences
from models.notifications.email import MORE_UPDATES, Mail, MailStatus
from models.notifications.notification import Channel
from models.notifications.routing import (
    CUSTOMER_TEMPLATES,
    TOPIC_BY_TEMPLATE,
    get_email_topic,
)
from models.people.team import Team
from models.people.user import ApiClient, User
from models.sla.inputs import Side
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Action
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketWatcher

EVENT_TYPE_OF_TEMPLATE: Mapping[str, EventType] = {
    "created": EventType.TICKET_CREATED,
    "raised": EventType.TICKET_CREATED,
    "replied": EventType.REPLY_ADDED,
    "awaiting_customer": EventType.STATUS_CHANGED,
    "resolved": EventType.STATUS_CHANGED,
    "closed": EventType.STATUS_CHANGED,
    "reopened": EventType.STATUS_CHANGED,
    "assigned": EventType.ASSIGNED,
    "transferred": EventType.TRANSFERRED,
    "escalated": EventType.ESCALATED,
    "escalation_step": EventType.ESCALATION_STEP,
    "sla_at_risk": EventType.SLA_AT_RISK,
    "sla_breached": EventType.SLA_BREACHED,
    "reminder_waiting": EventType.REMINDED,
    "reminder_closing": EventType.REMINDED,
    "rated": EventType.RATED,
}
"""The type of event that each template is for. No template is for notes.

`created` confirms a new ticket to its requester; `raised` tells its team about it.
"""
INTERNAL_BUT_MAILED = frozenset({EventType.ESCALATION_STEP})
"""Internal events that are mailed, without their contents."""
MAX_REFERENCES = 20


class MailWithheld(Exception):
    """The email must not be sent; the text states the reason."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """An email about an event, with the records from which it is built.

    `subject` is the ticket's first subject. `earlier_message_ids` has the Message-IDs of the
    recipient's emails about the ticket before this one, oldest first.
    """

    mail: Mail
    event: Event
    ticket: Ticket
    recipient: User
    subject: str
    earlier_message_ids: Sequence[str] = ()
    team: Team | None = None
    """The team that the ticket was transferred to."""
    sla_clock: SlaClock | None = None
    is_watching: bool = False
    is_wanted: bool = True
    unanswered_reply: Message | None = None
    """The team's reply before an event by which the ticket began to wait for the customer."""
    close_event: Event | None = None
    """The event by which the reply of this email also closed the ticket."""
    merge_target: Ticket | None = None
    """The ticket that this one was merged into, if the recipient may see it."""
    shared_tickets: Mapping[UUID, frozenset[UUID]] = field(
        default_factory=dict[UUID, frozenset[UUID]]
    )
    """The tickets that are shared with the recipient, by the id of the recipient."""

    @property
    def is_shared(self) -> bool:
        """Whether the ticket is shared with the recipient, as a participant or a colleague."""
        return self.ticket.id in self.shared_tickets.get(self.recipient.id, ())

    @property
    def message(self) -> Message | None:
        return self.event.message if self.event.message_id is not None else None

    @property
    def actor(self) -> User | ApiClient | None:
        """The person or client that acted; None for the system."""
        if self.event.actor_user_id is not None:
            return self.event.actor_user
        return self.event.actor_client if self.event.actor_client_id is not None else None

    def require_mailable(self) -> None:
        """Raises MailWithheld if nobody may get the event by email, such as a note."""
        message = self.message
        if self.event.type is EventType.REPLY_MOVED:
            raise MailWithheld("the reply was moved to another ticket")
        is_summary = self.mail.template == MORE_UPDATES
        if not is_summary and EVENT_TYPE_OF_TEMPLATE.get(self.mail.template) is not self.event.type:
            raise MailWithheld("the template is not for this type of event")
        if message is not None and message.kind is not MessageKind.REPLY:
            raise MailWithheld("notes are never mailed")
        if self.event.internal and self.event.type not in INTERNAL_BUT_MAILED:
            raise MailWithheld("this internal event is not mailed")

    def require_visible(self) -> None:
        """Raises MailWithheld if the recipient is deactivated, or may no longer see the event, or
        if the template is not for customers."""
        if not self.recipient.active:
            raise MailWithheld("the recipient is deactivated")
        viewer = viewer_of_user(self.recipient, self.shared_tickets)
        is_for_recipient = not viewer.is_customer or self.mail.template in CUSTOMER_TEMPLATES
        if not (is_for_recipient and can_access_ticket(viewer, self.ticket)) or (
            self.event.internal and not viewer.can_see_notes
        ):
            raise MailWithheld("the recipient may not see it")

    def require_wanted(self) -> None:
        """Raises MailWithheld if the recipient has turned such emails off since it was queued."""
        if not self.is_wanted:
            raise MailWithheld("the recipient has turned such emails off")


async def read_mail(mail_id: UUID) -> Mail:
    """Read an email with its recipient and its link, if it has them."""
    mails = Mail.get(id=mail_id)
    return await mails.select_related("user", "user__organization", "account_link")


async def read_outgoing_mail(mail: Mail) -> OutgoingMail:
    """Read the event, ticket and recipient of an email about an event, as they are now."""
    assert mail.user is not None  # the database deletes the email with its user
    event = await Event.get(position=mail.event_id).select_related(
        "message", "actor_user", "actor_client"
    )
    ticket = await Ticket.get(id=mail.ticket_id).select_related("team")
    shared_tickets = await read_shared_tickets([mail.user])
    return OutgoingMail(
        mail,
        event,
        ticket,
        mail.user,
        await read_first_subject(ticket),
        await read_earlier_message_ids(mail),
        await find_new_team(event),
        await find_clock(event),
        await TicketWatcher.exists(ticket_id=ticket.id, user_id=mail.user_id),
        await is_still_wanted(mail, event),
        await find_unanswered_reply(event),
        await find_close_event(event),
        await find_merge_target(ticket, viewer_of_user(mail.user, shared_tickets)),
        shared_tickets,
    )


async def find_new_team(event: Event) -> Team | None:
    """Return the team that a transfer moved the ticket to."""
    if event.type is not EventType.TRANSFERRED or "team_id" not in event.changes:
        return None
    return await Team.get_or_none(id=UUID(str(event.changes["team_id"][1])))


async def find_clock(event: Event) -> SlaClock | None:
    """Return the SLA clock of an SLA event."""
    metric = event.value("metric")
    if metric is None:
        return None
    return await SlaClock.get_or_none(
        ticket_id=event.ticket_id,
        metric=Metric(metric),
        ordinal=cast("int", event.value("ordinal")),
    )


async def find_unanswered_reply(event: Event) -> Message | None:
    """Return the team's reply before the event by which the ticket began to wait for the customer.

    None after another event, or if the last reply is the customer's.
    """
    if event.value("action") != Action.AWAIT_CUSTOMER.value:
        return None
    replies = Event.filter(
        ticket_id=event.ticket_id,
        type=EventType.REPLY_ADDED,
        internal=False,
        message__kind=MessageKind.REPLY,
        position__lt=event.position,
    )
    last = await replies.order_by("-position").first().select_related("message")
    return last.message if last is not None and last.value("side") == Side.TEAM.value else None


async def find_close_event(event: Event) -> Event | None:
    """Return the event by which the change that added the event's reply also closed the ticket."""
    if event.type is not EventType.REPLY_ADDED:
        return None
    changes = Event.filter(
        ticket_id=event.ticket_id, type=EventType.STATUS_CHANGED, version=event.version
    )
    return next(
        (each for each in await changes if each.value("action") == Action.CLOSE.value), None
    )


async def find_merge_target(ticket: Ticket, viewer: Viewer) -> Ticket | None:
    """Return the ticket that this one was merged into, if the viewer may see it."""
    if ticket.merged_into_id is None:
        return None
    target = await Ticket.get_or_none(id=ticket.merged_into_id)
    return target if target is not None and can_access_ticket(viewer, target) else None


async def is_still_wanted(mail: Mail, event: Event) -> bool:
    """Whether the recipient still wants such emails; this one may have waited for days.

    A summary has the topic of the first email in whose place it is sent.
    """
    topic = TOPIC_BY_TEMPLATE.get(mail.template) or get_email_topic(event)
    if topic is None or mail.user_id is None:
        return True
    return preferences.is_enabled(
        await preferences.read_overrides([mail.user_id]), mail.user_id, topic, Channel.EMAIL
    )


async def read_earlier_message_ids(mail: Mail) -> list[str]:
    """Read the ids of the recipient's latest emails about the ticket before this one, oldest
    first.

    Summaries are left out, because they are sent later than emails about later events.
    """
    earlier = Mail.filter(
        ticket_id=mail.ticket_id, user_id=mail.user_id, event_id__lt=mail.event_id
    )
    ids = (
        await earlier.exclude(status=MailStatus.FAILED)
        .exclude(template=MORE_UPDATES)
        .order_by("-event_id")
        .limit(MAX_REFERENCES - 1)
        .values_list("message_id", flat=True)
    )
    return cast("list[str]", ids)[::-1]


async def read_first_subject(ticket: Ticket) -> str:
    """Read the ticket's first subject: email programs group a thread by it."""
    created = await Event.filter(ticket_id=ticket.id, type=EventType.TICKET_CREATED).first()
    change = created.changes.get("subject") if created else None  # [from, to]
    return str(change[1]) if change else ticket.subject
