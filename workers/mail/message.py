"""One mail with all that it tells of, read anew for each attempt; and whether it may go out at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from models.access.permissions import Viewer, concerns, viewer_as
from models.log.event import Event, EventType
from models.notifications import preferences
from models.notifications.email import Mail, MailStatus
from models.notifications.notification import Channel
from models.notifications.routing import MAILED_TO_CUSTOMERS, TOPICS
from models.people.team import Team
from models.people.user import ApiClient, User
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.message import Kind, Message
from models.tickets.ticket import Ticket, TicketWatcher

TELLS: Mapping[str, EventType] = {
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
UNTOLD = frozenset({EventType.ESCALATION_STEP})
"""Internal entries whose mail says that they are there, and nothing of what they hold."""
MOST_REFERENCES = 20


class NotSent(Exception):
    """The mail is not to go out; the text says why."""


@dataclass(frozen=True, slots=True)
class MessageBuilder:
    """`subject` is the ticket's as it was raised, `earlier` the ids of the person's mails before this one, oldest first."""

    mail: Mail
    entry: Event
    ticket: Ticket
    recipient: User
    subject: str
    earlier: Sequence[str] = ()
    team: Team | None = None
    """Where the ticket was transferred to."""
    clock: SlaClock | None = None
    watches: bool = False
    wanted: bool = True
    into: Ticket | None = None
    """The ticket that this one was merged into, where the reader may see it."""

    @property
    def message(self) -> Message | None:
        return self.entry.message if self.entry.message_id is not None else None

    @property
    def actor(self) -> User | ApiClient | None:
        """None where the system did it."""
        if self.entry.actor_user_id is not None:
            return self.entry.actor_user
        return self.entry.actor_client if self.entry.actor_client_id is not None else None

    def expect_public(self) -> None:
        """Raises NotSent for notes and whatever else is internal, whoever it is for."""
        message = self.message
        if TELLS.get(self.mail.template) is not self.entry.type:
            raise NotSent("the mail does not fit what happened")
        if message is not None and message.kind is not Kind.REPLY:
            raise NotSent("notes never leave by mail")
        if self.entry.internal and self.entry.type not in UNTOLD:
            raise NotSent("what is internal never leaves by mail")

    def expect_seen(self) -> None:
        """Raises NotSent where the person has left, or may not see by now what the mail tells of."""
        if not self.recipient.active:
            raise NotSent("this person is deactivated")
        viewer = viewer_as(self.recipient)
        is_meant = not viewer.is_customer or self.mail.template in MAILED_TO_CUSTOMERS
        if not (is_meant and concerns(viewer, self.ticket)) or (self.entry.internal and not viewer.sees_notes):
            raise NotSent("this person may not see it")

    def expect_wanted(self) -> None:
        """Raises NotSent where the person chose since it was queued not to be told so."""
        if not self.wanted:
            raise NotSent("this person does not want it")


async def read(mail_id: UUID) -> MessageBuilder:
    """A mail with its entry, ticket and reader, as they are now."""
    mail = await Mail.get(id=mail_id).select_related("user", "user__organization")
    entry = await Event.get(position=mail.event_id).select_related("message", "actor_user", "actor_client")
    ticket = await Ticket.get(id=mail.ticket_id).select_related("team")
    transferred = entry.changes.get("team_id", [None, None])[1] if entry.type is EventType.TRANSFERRED else None
    metric = entry.value("metric")
    return MessageBuilder(
        mail,
        entry,
        ticket,
        mail.user,
        await first_subject(ticket),
        await earlier(mail),
        await Team.get_or_none(id=UUID(str(transferred))) if transferred is not None else None,
        await clock(ticket.id, Metric(metric), cast("int", entry.value("ordinal"))) if metric is not None else None,
        await TicketWatcher.exists(ticket_id=ticket.id, user_id=mail.user_id),
        await wanted(mail),
        await goes_on(ticket, viewer_as(mail.user)),
    )


async def goes_on(ticket: Ticket, viewer: Viewer) -> Ticket | None:
    """Where a merged ticket goes on, as far as the viewer may know."""
    into = await Ticket.get_or_none(id=ticket.merged_into_id) if ticket.merged_into_id is not None else None
    return into if into is not None and concerns(viewer, into) else None


async def wanted(mail: Mail) -> bool:
    """Whether the person wants such mails now: it may have waited for days."""
    topic = TOPICS.get(mail.template)
    return topic is None or preferences.wants(await preferences.chosen([mail.user_id]), mail.user_id, topic, Channel.EMAIL)


async def earlier(mail: Mail) -> list[str]:
    """The ids of the latest mails to the person about the ticket before this one, as many as there is room for after the root."""
    found = Mail.filter(ticket_id=mail.ticket_id, user_id=mail.user_id, event_id__lt=mail.event_id)
    ids = (
        await found.exclude(status=MailStatus.FAILED)
        .order_by("-event_id")
        .limit(MOST_REFERENCES - 1)
        .values_list("message_id", flat=True)
    )
    return cast("list[str]", ids)[::-1]


async def first_subject(ticket: Ticket) -> str:
    """The subject that the ticket was raised with: mail programs tell conversations apart by it."""
    created = await Event.filter(ticket_id=ticket.id, type=EventType.TICKET_CREATED).first()
    raised = created.changes.get("subject") if created else None
    return str(raised[1]) if raised else ticket.subject


async def clock(ticket_id: UUID, metric: Metric, ordinal: int) -> SlaClock | None:
    return await SlaClock.get_or_none(ticket_id=ticket_id, metric=metric, ordinal=ordinal)
