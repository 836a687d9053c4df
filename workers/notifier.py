"""Creates notifications and queues emails, as the table in `models.notifications.routing` says.

Both are stored in the transaction that moves the job's position, so each is made exactly once, even
after a crash.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models.log.event import Event, EventType
from models.notifications import notification
from models.notifications.email import MORE_UPDATES, Mail, build_message_id, store_summary
from models.notifications.folding import (
    DEFAULT_MAX_PER_TICKET,
    DEFAULT_MAX_PER_TYPE,
    FOLD_WINDOW,
    Folding,
    read_folding,
)
from models.notifications.notification import Channel, Notification
from models.notifications.routing import Delivery, build_deliveries, find_rules, get_group_key
from workers.job import LogJob
from workers.recipients import Recipients, read_recipients

MAX_EVENTS_PER_CHANGE = 400
"""More than the number of events that one change of a ticket, or one merge, writes."""
ALARM_TEMPLATES = ("escalated", "escalation_step", "sla_at_risk", "sla_breached")
QUIET_PERIOD = timedelta(minutes=10)
"""After an alarm email about a ticket, its escalation steps are not mailed to the same person for
this long."""


@dataclass(frozen=True, slots=True)
class Folded:
    """How many notifications and emails of a batch are folded into earlier ones."""

    count: int


TicketUser = tuple[UUID | None, UUID | None]
"""The ticket and the recipient of an email."""
Work = Mail | Notification | Folded


class Notifier(LogJob[Work]):
    name = "notifier"
    batch_size = 100

    def __init__(
        self,
        mail_domain: str,
        max_per_ticket: int = DEFAULT_MAX_PER_TICKET,
        max_per_type: int = DEFAULT_MAX_PER_TYPE,
    ) -> None:
        """The limits bound the notifications that one person causes for another about one ticket;
        see `models.notifications.folding`."""
        self.mail_domain = mail_domain
        self.max_per_ticket = max_per_ticket
        self.max_per_type = max_per_type

    def wants(self, event: Event) -> bool:
        return bool(find_rules(event))

    async def prepare(self, events: Sequence[Event], at: datetime) -> Sequence[Work]:
        groups: dict[Hashable, list[Event]] = {}
        for event in (*events, *await read_rest_of_groups(events)):
            groups.setdefault(get_group_key(event), []).append(event)
        recipients = await read_recipients([event for group in groups.values() for event in group])
        due_positions = {event.position for event in events}

        def deliveries(channel: Channel) -> list[Delivery]:
            routed = [
                each
                for group in groups.values()
                for each in build_deliveries(group, channel, recipients)
            ]
            return sorted(
                (each for each in routed if position_of(each) in due_positions), key=position_of
            )

        folding = await read_folding(events, self.max_per_ticket, self.max_per_type)
        mails = await self.build_mails(deliveries(Channel.EMAIL), recipients, folding, at)
        notifications = [
            Notification(
                user_id=each.user_id,
                event_id=each.event.position,
                reason=each.rule.reason,
                created_at=at,
            )
            for each in deliveries(Channel.IN_APP)
            if folding.admit(each.event, each.user_id, Channel.IN_APP)
        ]
        folded = [Folded(folding.folded)] if folding.folded else []
        return [*mails, *notifications, *folded]

    async def handle(self, work: Sequence[Work], at: datetime) -> int:
        mails = [each for each in work if isinstance(each, Mail)]
        if mails:
            # Inserting a mail locks its ticket. Commands lock tickets in this order, so there is no
            # deadlock.
            single = [mail for mail in mails if mail.template != MORE_UPDATES]
            await Mail.bulk_create(sorted(single, key=ticket_of))
            for summary in sorted(set(mails).difference(single), key=ticket_of):
                await store_summary(summary)
        await notification.append_notifications(
            [each for each in work if isinstance(each, Notification)],
            folded=sum(each.count for each in work if isinstance(each, Folded)),
        )
        return len(work)

    async def build_mails(
        self,
        deliveries: Sequence[Delivery],
        recipients: Recipients,
        folding: Folding,
        at: datetime,
    ) -> list[Mail]:
        steps = {
            each.event.ticket_id
            for each in deliveries
            if each.event.type is EventType.ESCALATION_STEP
        }
        alarmed = await read_recent_alarms(steps, at) if steps else set[TicketUser]()
        mails: list[Mail] = []
        summaries: dict[tuple[UUID, UUID], Mail] = {}
        for each in deliveries:
            mail = self.build_mail(each, recipients.users[each.user_id].email, at)
            pair = (each.event.ticket_id, each.user_id)
            if each.event.type is EventType.ESCALATION_STEP and pair in alarmed:
                continue
            if not folding.admit(each.event, each.user_id, Channel.EMAIL):
                summary = summaries.setdefault(pair, mail)
                summary.template, summary.next_attempt_at = MORE_UPDATES, at + FOLD_WINDOW
                summary.updates += 1
                continue
            if mail.template in ALARM_TEMPLATES:
                alarmed.add(pair)
            mails.append(mail)
        return [*mails, *summaries.values()]

    def build_mail(self, delivery: Delivery, address: str, at: datetime) -> Mail:
        event, user_id = delivery.event, delivery.user_id
        assert delivery.rule.template is not None
        return Mail(
            event_id=event.position,
            ticket_id=event.ticket_id,
            user_id=user_id,
            template=delivery.rule.template,
            address=address,
            message_id=build_message_id(event.position, user_id, self.mail_domain),
            next_attempt_at=at,
            created_at=at,
        )


def position_of(delivery: Delivery) -> int:
    return delivery.event.position


def ticket_of(mail: Mail) -> UUID:
    assert mail.ticket_id is not None  # the notifier builds only emails about tickets
    return mail.ticket_id


async def read_rest_of_groups(events: Sequence[Event]) -> list[Event]:
    """Return the other events of the groups of the first and the last event.

    The deliveries of a group depend on all of its events.
    """
    first, last = events[0], events[-1]
    keys = {get_group_key(first), get_group_key(last)}
    positions = {event.position for event in events}
    nearby = Event.filter(
        position__gte=first.position - MAX_EVENTS_PER_CHANGE,
        position__lte=last.position + MAX_EVENTS_PER_CHANGE,
    ).order_by("position")
    if not any(event.value("action_id") for event in (first, last)):  # they are of one ticket
        nearby = nearby.filter(ticket_id__in={first.ticket_id, last.ticket_id})
    return [
        event
        for event in await nearby
        if get_group_key(event) in keys and event.position not in positions
    ]


async def read_recent_alarms(ticket_ids: Iterable[UUID], at: datetime) -> set[TicketUser]:
    """Return the pairs of ticket and user with an alarm email within the quiet period."""
    mails = Mail.filter(
        ticket_id__in=list(ticket_ids),
        template__in=ALARM_TEMPLATES,
        created_at__gt=at - QUIET_PERIOD,
    )
    pairs = await mails.distinct().values_list("ticket_id", "user_id")
    return set(cast("list[tuple[UUID, UUID]]", pairs))
