"""Creates notifications and queues emails, as the table in `models.notifications.routing` says.

Both are stored in the transaction that moves the cursor, so that each is made once, whatever dies when.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from models.log.event import Event, EventType
from models.notifications import notification
from models.notifications.email import Mail, message_id
from models.notifications.notification import Channel, Notification
from models.notifications.routing import Delivery, group_key, hears, route
from workers.job import LogJob
from workers.recipients import Recipients, assemble

MOST_OF_AN_ACT = 100
"""Greater than the number of entries that one change of a ticket writes."""
ALARMS = ("escalated", "escalation_step", "sla_at_risk", "sla_breached")
QUIET = timedelta(minutes=10)
"""For how long somebody who was mailed an alarm about a ticket is not mailed the steps of its escalation as well."""


class Notifier(LogJob[Mail | Notification]):
    name = "notifier"
    at_once = 100

    def __init__(self, mail_domain: str) -> None:
        self.mail_domain = mail_domain

    def wants(self, entry: Event) -> bool:
        return bool(hears(entry))

    async def prepare(self, entries: Sequence[Event], at: datetime) -> Sequence[Mail | Notification]:
        acts: dict[Hashable, list[Event]] = {}
        for entry in (*entries, *await cut_off(entries)):
            acts.setdefault(group_key(entry), []).append(entry)
        crowd = await assemble([entry for act in acts.values() for entry in act])
        due = {entry.position for entry in entries}

        def told(channel: Channel) -> list[Delivery]:
            found = [each for act in acts.values() for each in route(act, channel, crowd) if each.entry.position in due]
            return sorted(found, key=position)

        mails = await self.mails(told(Channel.EMAIL), crowd, at)
        notices = [
            Notification(user_id=each.user_id, event_id=each.entry.position, reason=each.row.reason, created_at=at)
            for each in told(Channel.IN_APP)
        ]
        return [*mails, *notices]

    async def handle(self, work: Sequence[Mail | Notification], at: datetime) -> int:
        mails = [each for each in work if isinstance(each, Mail)]
        if mails:
            # in the order in which verbs lock tickets, against deadlocks: each row holds on to its ticket
            await Mail.bulk_create(sorted(mails, key=ticket_of))
        await notification.append([each for each in work if isinstance(each, Notification)])
        return len(work)

    async def mails(self, told: Sequence[Delivery], crowd: Recipients, at: datetime) -> list[Mail]:
        steps = {each.entry.ticket_id for each in told if each.entry.type is EventType.ESCALATION_STEP}
        alarmed = await lately_alarmed(steps, at) if steps else set[tuple[UUID, UUID]]()
        found: list[Mail] = []
        for each in told:
            mail = self.mail(each, crowd.users[each.user_id].email, at)
            pair = (mail.ticket_id, mail.user_id)
            if each.entry.type is EventType.ESCALATION_STEP and pair in alarmed:
                continue
            if mail.template in ALARMS:
                alarmed.add(pair)
            found.append(mail)
        return found

    def mail(self, telling: Delivery, address: str, at: datetime) -> Mail:
        entry, user_id = telling.entry, telling.user_id
        assert telling.row.template is not None
        return Mail(
            event_id=entry.position,
            ticket_id=entry.ticket_id,
            user_id=user_id,
            template=telling.row.template,
            address=address,
            message_id=message_id(entry.position, user_id, self.mail_domain),
            next_attempt_at=at,
            created_at=at,
        )


def position(telling: Delivery) -> int:
    return telling.entry.position


def ticket_of(mail: Mail) -> UUID:
    return mail.ticket_id


async def cut_off(entries: Sequence[Event]) -> list[Event]:
    """The rest of the acts that the first and the last of the entries belong to: what is told of an act depends on all of it."""
    first, last = entries[0], entries[-1]
    ends, have = {group_key(first), group_key(last)}, {entry.position for entry in entries}
    near = await Event.filter(
        ticket_id__in={first.ticket_id, last.ticket_id},
        position__gte=first.position - MOST_OF_AN_ACT,
        position__lte=last.position + MOST_OF_AN_ACT,
    ).order_by("position")
    return [entry for entry in near if group_key(entry) in ends and entry.position not in have]


async def lately_alarmed(ticket_ids: Iterable[UUID], at: datetime) -> set[tuple[UUID, UUID]]:
    """Who was mailed an alarm about which of the tickets a short while ago."""
    found = await Mail.filter(ticket_id__in=list(ticket_ids), template__in=ALARMS, created_at__gt=at - QUIET)
    return {(mail.ticket_id, mail.user_id) for mail in found}
