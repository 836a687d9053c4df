"""One mail with all that it tells of, read anew for each attempt; and whether it may go out at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from models.access.viewer import Viewer, viewer_as
from models.access.visibility import can_access_ticket
from models.log.event import Event, EventType
from models.notifications import preferences
from models.notifications.email import Mail, MailStatus
from models.notifications.notification import Channel
from models.notifications.routing import CUSTOMER_TEMPLATES, TOPIC_BY_TEMPLATE
from models.people.team import Team
from models.people.user import ApiClient, User
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketWatcher

EVENT_TYPE_OF_TEMPLATE: Mapping[str, EventType] = {
    "created": EventType.TICKET_CREATED,
    "raised": EventType.TICKET_CREATED,
    "replied": EventType.REPLY_ADDED,
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
"""Each mail's template, and the only kind of entry that it tells of: notes are none of them."""
INTERNAL_BUT_MAILED = frozenset({EventType.ESCALATION_STEP})
"""Internal entries whose mail says that they are there, and nothing of what they hold."""
MAX_REFERENCES = 20


class MailWithheld(Exception):
    """The mail is not to go out; the text says why."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """`subject` is the ticket's as it was raised, `earlier` the ids of the person's mails before this one, oldest first."""

    mail: Mail
    event: Event
    ticket: Ticket
    recipient: User
    subject: str
    earlier_message_ids: Sequence[str] = ()
    team: Team | None = None
    """Where the ticket was transferred to."""
    sla_clock: SlaClock | None = None
    is_watching: bool = False
    is_wanted: bool = True
    merge_target: Ticket | None = None
    """The ticket that this one was merged into, where the reader may see it."""

    @property
    def message(self) -> Message | None:
        return self.event.message if self.event.message_id is not None else None

    @property
    def actor(self) -> User | ApiClient | None:
        """None where the system did it."""
        if self.event.actor_user_id is not None:
            return self.event.actor_user
        return self.event.actor_client if self.event.actor_client_id is not None else None

    def require_public(self) -> None:
        """Raises NotSent for notes and whatever else is internal, whoever it is for."""
        message = self.message
        if EVENT_TYPE_OF_TEMPLATE.get(self.mail.template) is not self.event.type:
            raise MailWithheld("the mail does not fit what happened")
        if message is not None and message.kind is not MessageKind.REPLY:
            raise MailWithheld("notes never leave by mail")
        if self.event.internal and self.event.type not in INTERNAL_BUT_MAILED:
            raise MailWithheld("what is internal never leaves by mail")

    def require_visible(self) -> None:
        """Raises NotSent where the person has left, or may not see by now what the mail tells of."""
        if not self.recipient.active:
            raise MailWithheld("this person is deactivated")
        viewer = viewer_as(self.recipient)
        is_meant = not viewer.is_customer or self.mail.template in CUSTOMER_TEMPLATES
        if not (is_meant and can_access_ticket(viewer, self.ticket)) or (self.event.internal and not viewer.can_see_notes):
            raise MailWithheld("this person may not see it")

    def require_wanted(self) -> None:
        """Raises NotSent where the person chose since it was queued not to be told so."""
        if not self.is_wanted:
            raise MailWithheld("this person does not want it")


async def read_outgoing_mail(mail_id: UUID) -> OutgoingMail:
    """A mail with its entry, ticket and reader, as they are now."""
    mail = await Mail.get(id=mail_id).select_related("user", "user__organization")
    entry = await Event.get(position=mail.event_id).select_related("message", "actor_user", "actor_client")
    ticket = await Ticket.get(id=mail.ticket_id).select_related("team")
    transferred = entry.changes.get("team_id", [None, None])[1] if entry.type is EventType.TRANSFERRED else None
    metric = entry.value("metric")
    return OutgoingMail(
        mail,
        entry,
        ticket,
        mail.user,
        await read_first_subject(ticket),
        await read_earlier_message_ids(mail),
        await Team.get_or_none(id=UUID(str(transferred))) if transferred is not None else None,
        await find_clock(ticket.id, Metric(metric), cast("int", entry.value("ordinal"))) if metric is not None else None,
        await TicketWatcher.exists(ticket_id=ticket.id, user_id=mail.user_id),
        await is_still_wanted(mail),
        await find_merge_target(ticket, viewer_as(mail.user)),
    )


async def find_merge_target(ticket: Ticket, viewer: Viewer) -> Ticket | None:
    """Where a merged ticket goes on, as far as the viewer may know."""
    into = await Ticket.get_or_none(id=ticket.merged_into_id) if ticket.merged_into_id is not None else None
    return into if into is not None and can_access_ticket(viewer, into) else None


async def is_still_wanted(mail: Mail) -> bool:
    """Whether the person wants such mails now: it may have waited for days."""
    topic = TOPIC_BY_TEMPLATE.get(mail.template)
    return topic is None or preferences.is_enabled(
        await preferences.read_overrides([mail.user_id]), mail.user_id, topic, Channel.EMAIL
    )


async def read_earlier_message_ids(mail: Mail) -> list[str]:
    """The ids of the latest mails to the person about the ticket before this one, as many as there is room for after the root."""
    found = Mail.filter(ticket_id=mail.ticket_id, user_id=mail.user_id, event_id__lt=mail.event_id)
    ids = (
        await found.exclude(status=MailStatus.FAILED)
        .order_by("-event_id")
        .limit(MAX_REFERENCES - 1)
        .values_list("message_id", flat=True)
    )
    return cast("list[str]", ids)[::-1]


async def read_first_subject(ticket: Ticket) -> str:
    """The subject that the ticket was raised with: mail programs tell conversations apart by it."""
    created = await Event.filter(ticket_id=ticket.id, type=EventType.TICKET_CREATED).first()
    raised = created.changes.get("subject") if created else None
    return str(raised[1]) if raised else ticket.subject


async def find_clock(ticket_id: UUID, metric: Metric, ordinal: int) -> SlaClock | None:
    return await SlaClock.get_or_none(ticket_id=ticket_id, metric=metric, ordinal=ordinal)
