"""Acting by the models alone, as people of the world: what the log then holds, and whom the notifier tells of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM, Viewer, viewer_as
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import allocate_number, lock_tickets, write
from models.core import time
from models.log import consumer, event
from models.log.consumer import LogConsumer, OffsetConflict
from models.log.event import Event, EventType
from models.notifications import email, notification
from models.notifications.email import Mail
from models.notifications.notification import Channel, Notification, NotificationPreference, NotificationReason, Topic
from models.people.team import Category
from models.people.user import User
from models.tickets.ticket import Ticket, TicketWatcher
from support.actors import Person
from support.loop_limits import count_runs
from workers.notifier import Notifier

WINDOW = timedelta(days=14)
DOMAIN = "help.example.com"


async def viewer(person: Person | None) -> Viewer:
    """A person as they are now; nobody is the system."""
    return viewer_as(await User.get(id=person.id).select_related("organization")) if person else SYSTEM


async def create_ticket(by: Person, requester: Person | None = None, category: str = "technical", **values: Any) -> Ticket:
    """A ticket as `createTicket` would fill it in."""
    whose = await User.get(id=(requester or by).id)
    kind, at = await Category.get(slug=category), time.now()
    async with database.transaction():
        given: dict[str, Any] = {
            "number": await allocate_number(),
            "subject": "VPN is down",
            "description": "since noon",
            "category_id": kind.id,
            "team_id": kind.team_id,
            "requester_id": whose.id,
            "organization_id": whose.organization_id,
            "created_at": at,
            "updated_at": at,
        }
        change = TicketChange(Ticket(**{**given, **values}), await viewer(by), at, WINDOW)
        commands.create(change, (), ())
        await write(change)
    return change.ticket


async def apply_commands(
    by: Person | None, ticket: Ticket, *does: Callable[[TicketChange], object], at: datetime | None = None
) -> TicketChange:
    """Verbs on a ticket, as one change."""
    who = await viewer(by)
    async with database.transaction():
        change = TicketChange((await lock_tickets([ticket.id]))[ticket.id], who, at or time.now(), WINDOW)
        for verb in does:
            verb(change)
        await write(change)
    return change


async def reply(by: Person, ticket: Ticket, body: str = "hello") -> TicketChange:
    from_customer = (await viewer(by)).is_customer or by.id == ticket.requester_id
    return await apply_commands(by, ticket, lambda change: commands.reply(change, body, is_from_customer=from_customer))


async def add_note(by: Person, ticket: Ticket, body: str = "for us") -> TicketChange:
    return await apply_commands(by, ticket, lambda change: commands.add_note(change, body))


async def assign(by: Person | None, ticket: Ticket, to: Person | None) -> TicketChange:
    user = await User.get(id=to.id) if to else None
    return await apply_commands(by, ticket, lambda change: commands.assign(change, user))


async def watch(by: Person, ticket: Ticket) -> TicketChange:
    watchers = [each.user_id for each in await TicketWatcher.filter(ticket_id=ticket.id)]
    return await apply_commands(by, ticket, lambda change: commands.watch(change, by.id, watchers))


async def append_worker_events(ticket: Ticket, *types: EventType, internal: bool = False, **data: Any) -> None:
    """Entries as a worker writes them around a ticket, in one transaction."""
    at = time.now()
    version = (await Ticket.get(id=ticket.id)).version
    said = {"changes": {}, "recorded_at": time.format_instant(at), **data}
    async with database.transaction():
        await event.append(
            [
                Event(type=type, ticket_id=ticket.id, occurred_at=at, version=version, internal=internal, data=said)
                for type in types
            ]
        )


async def set_preference(who: Person, topic: Topic, channel: Channel, enabled: bool) -> None:
    await NotificationPreference.create(user_id=who.id, topic=topic, channel=channel, enabled=enabled)


async def run_notifier(at: datetime | None = None, *, at_once: int = 100) -> int:
    """Let the notifier come to the head of the log, beside others that may do it too; returns how much it did."""
    notifier = Notifier(DOMAIN)
    notifier.batch_size = at_once
    await consumer.register(notifier.name)
    done = position = 0
    for _ in count_runs():
        position = (await LogConsumer.get(name=notifier.name)).position
        if max(position, notifier.seen_position) >= await event.read_head():
            break
        try:
            done += (await notifier.run_once(at or time.now(), position)).count
        except OffsetConflict:
            continue
    # as the renewal of its lease does
    await LogConsumer.filter(name=notifier.name, position=position).update(position=max(position, notifier.seen_position))
    return done


async def clear_notifications() -> None:
    """Have everything noticed that happened up to now, and nobody remember it."""
    await run_notifier()
    await Notification.all().delete()
    await Mail.all().delete()


async def unique_notifications() -> set[str]:
    """Who was told of what in the app, and why: `ada REPLY_ADDED TEAM`; each must be there once."""
    lines = await list_notifications()
    assert len(set(lines)) == len(lines), lines
    return set(lines)


async def list_notifications() -> list[str]:
    """The same, oldest first, as often as it was told."""
    found = await Notification.all().order_by("number")
    return [f"{await user_name(each.user_id)} {(await event_at(each.event_id)).type.name} {each.reason.name}" for each in found]


async def list_mails() -> list[str]:
    """Who gets which mails: `cora replied`, sorted."""
    return sorted([f"{await user_name(each.user_id)} {each.template}" for each in await Mail.all()])


async def user_name(user_id: object) -> str:
    return (await User.get(id=user_id)).display_name.lower()


async def event_at(position: int) -> Event:
    return await Event.get(position=position)


async def check_notifications() -> None:
    """Fails where something was told twice, where numbers have holes, or where a mail is not to be sent."""
    notices = await Notification.all().order_by("number")
    head = await notification.read_last_number()
    numbers = [notice.number for notice in notices]
    assert numbers == list(range(head - len(notices) + 1, head + 1))
    mails = await Mail.all()
    for told in (notices, mails):
        assert len({(each.event_id, each.user_id) for each in told}) == len(told)
    entries = {each.position: each for each in await Event.all()}
    assert [each.event_id for each in notices] == sorted(each.event_id for each in notices)
    for each in mails:
        assert entries[each.event_id].ticket_id == each.ticket_id
        assert not entries[each.event_id].internal or (await User.get(id=each.user_id)).is_staff
        assert each.message_id == email.build_message_id(each.event_id, each.user_id, DOMAIN)
        assert (each.status.value, each.attempts, each.sent_at) == ("queued", 0, None)
        assert each.next_attempt_at == each.created_at


async def add_notifications(ticket_id: UUID, *user_ids: UUID) -> int:
    """Notifications by hand, of an entry that the notifier tells nobody of; the last one's number."""
    at = time.now()
    heard = Event(type=EventType.LINKED, ticket_id=ticket_id, occurred_at=at, version=1)
    async with database.transaction():
        await event.append([heard])
        told = [
            Notification(user_id=each, event_id=heard.position, reason=NotificationReason.TEAM, created_at=at)
            for each in user_ids
        ]
        await notification.append_notifications(told)
    return told[-1].number  # not the head, where the notifier may have told somebody meanwhile
