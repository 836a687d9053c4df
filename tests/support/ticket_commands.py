"""Changes of tickets through the models, without the API; and the notifications that follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM, Viewer, read_shared_tickets, viewer_of_user
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.participants import sharing
from models.changes.storage import lock_tickets, write
from models.core import time
from models.log import consumer, event
from models.log.consumer import LogConsumer, PositionConflict
from models.log.event import Event, EventType
from models.notifications import email, notification
from models.notifications.email import Mail
from models.notifications.folding import FOLD_WINDOW
from models.notifications.notification import (
    Channel,
    Notification,
    NotificationPreference,
    NotificationReason,
    Topic,
)
from models.people.team import Category
from models.people.user import User
from models.tickets.ticket import Ticket, TicketWatcher
from support.actors import Person
from support.loop_limits import count_runs
from support.ticket_factory import WINDOW, allocate_number
from workers.notifier import Notifier

DOMAIN = "help.example.com"


async def viewer(person: Person | None) -> Viewer:
    """The current viewer of a person; without a person, the system."""
    if person is None:
        return SYSTEM
    user = await User.get(id=person.id).select_related("organization")
    return viewer_of_user(user, await read_shared_tickets([user]))


async def create_ticket(
    by: Person, requester: Person | None = None, category: str = "technical", **values: Any
) -> Ticket:
    """Create a ticket with the values that `createTicket` would set."""
    owner = await User.get(id=(requester or by).id)
    category_record, at = await Category.get(slug=category), time.now()
    async with database.transaction():
        defaults: dict[str, Any] = {
            "number": await allocate_number(),
            "subject": "VPN is down",
            "description": "since noon",
            "category_id": category_record.id,
            "team_id": category_record.team_id,
            "requester_id": owner.id,
            "organization_id": owner.organization_id,
            "created_at": at,
            "updated_at": at,
        }
        change = TicketChange(Ticket(**{**defaults, **values}), await viewer(by), at, WINDOW)
        commands.create(change, (), ())
        await write(change)
    return change.ticket


async def apply_commands(
    by: Person | None,
    ticket: Ticket,
    *verbs: Callable[[TicketChange], object],
    at: datetime | None = None,
) -> TicketChange:
    """Apply commands to a ticket as one change."""
    actor = await viewer(by)
    async with database.transaction():
        change = TicketChange(
            (await lock_tickets([ticket.id]))[ticket.id], actor, at or time.now(), WINDOW
        )
        for verb in verbs:
            verb(change)
        await write(change)
    return change


async def reply(by: Person, ticket: Ticket, body: str = "hello") -> TicketChange:
    from_customer = (await viewer(by)).is_customer or by.id == ticket.requester_id
    return await apply_commands(
        by, ticket, lambda change: commands.reply(change, body, is_from_customer=from_customer)
    )


async def add_note(by: Person, ticket: Ticket, body: str = "for staff") -> TicketChange:
    return await apply_commands(by, ticket, lambda change: commands.add_note(change, body))


async def assign(by: Person | None, ticket: Ticket, to: Person | None) -> TicketChange:
    user = await User.get(id=to.id) if to else None
    return await apply_commands(by, ticket, lambda change: commands.assign(change, user))


async def watch(by: Person, ticket: Ticket) -> TicketChange:
    watchers = [each.user_id for each in await TicketWatcher.filter(ticket_id=ticket.id)]
    return await apply_commands(by, ticket, lambda change: sharing.watch(change, by.id, watchers))


async def append_worker_events(
    ticket: Ticket, *types: EventType, internal: bool = False, **data: Any
) -> None:
    """Append events of a ticket as a worker does, in one transaction."""
    at = time.now()
    version = (await Ticket.get(id=ticket.id)).version
    event_data = {"changes": {}, "recorded_at": time.format_instant(at), **data}
    async with database.transaction():
        await event.append(
            [
                Event(
                    type=type,
                    ticket_id=ticket.id,
                    occurred_at=at,
                    version=version,
                    internal=internal,
                    data=event_data,
                )
                for type in types
            ]
        )


async def set_preference(person: Person, topic: Topic, channel: Channel, enabled: bool) -> None:
    await NotificationPreference.create(
        user_id=person.id, topic=topic, channel=channel, enabled=enabled
    )


async def run_notifier(at: datetime | None = None, *, batch_size: int = 100) -> int:
    """Run the notifier up to the head of the log, possibly beside other workers; return its
    count."""
    notifier = Notifier(DOMAIN)
    notifier.batch_size = batch_size
    await consumer.register(notifier.name)
    count = position = 0
    for _ in count_runs():
        position = (await LogConsumer.get(name=notifier.name)).position
        if max(position, notifier.seen_position) >= await event.read_head():
            break
        try:
            count += (await notifier.run_once(at or time.now(), position)).count
        except PositionConflict:
            continue
    # as the renewal of the lease does
    await LogConsumer.filter(name=notifier.name, position=position).update(
        position=max(position, notifier.seen_position)
    )
    return count


async def clear_notifications() -> None:
    """Run the notifier, then delete all notifications and mails."""
    await run_notifier()
    await Notification.all().delete()
    await Mail.all().delete()


async def unique_notifications() -> set[str]:
    """The notifications as `ada REPLY_ADDED TEAM`: person, type of event, reason.

    Fails on duplicates.
    """
    lines = await list_notifications()
    assert len(set(lines)) == len(lines), lines
    return set(lines)


async def list_notifications() -> list[str]:
    """The notifications as `ada REPLY_ADDED TEAM`, oldest first."""
    notifications = await Notification.all().order_by("number")
    lines: list[str] = []
    for each in notifications:
        event_type = (await event_at(each.event_id)).type
        lines.append(f"{await user_name(each.user_id)} {event_type.name} {each.reason.name}")
    return lines


async def list_mails() -> list[str]:
    """The mails as `cora replied`: recipient and template, sorted."""
    return sorted([f"{await user_name(each.user_id)} {each.template}" for each in await Mail.all()])


async def user_name(user_id: object) -> str:
    return (await User.get(id=user_id)).display_name.lower()


async def event_at(position: int) -> Event:
    return await Event.get(position=position)


async def check_notifications() -> None:
    """Fail on duplicate notifications or mails, gaps in the numbers, or a mail that is not
    queued."""
    notifications = await Notification.all().order_by("number")
    head = await notification.read_last_number()
    numbers = [each.number for each in notifications]
    assert numbers == list(range(head - len(notifications) + 1, head + 1))
    mails = await Mail.all()
    for records in (notifications, mails):
        assert len({(each.event_id, each.user_id) for each in records}) == len(records)
    events = {each.position: each for each in await Event.all()}
    assert [each.event_id for each in notifications] == sorted(
        each.event_id for each in notifications
    )
    for each in mails:
        assert events[each.event_id].ticket_id == each.ticket_id
        assert not events[each.event_id].internal or (await User.get(id=each.user_id)).is_staff
        assert each.message_id == email.build_message_id(each.event_id, each.user_id, DOMAIN)
        assert (each.status.value, each.attempts, each.sent_at) == ("queued", 0, None)
        is_summary = each.template == email.MORE_UPDATES
        assert each.next_attempt_at == each.created_at + is_summary * FOLD_WINDOW


async def add_notifications(ticket_id: UUID, *user_ids: UUID) -> int:
    """Notify people of a new event for which the notifier creates nothing; return the last
    number."""
    at = time.now()
    linked = Event(type=EventType.LINKED, ticket_id=ticket_id, occurred_at=at, version=1)
    async with database.transaction():
        await event.append([linked])
        created = [
            Notification(
                user_id=each,
                event_id=linked.position,
                reason=NotificationReason.TEAM,
                created_at=at,
            )
            for each in user_ids
        ]
        await notification.append_notifications(created)
    return created[-1].number  # the head may already be a notification of the notifier
