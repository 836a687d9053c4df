"""One person can't flood another with notifications about a ticket: repeated ones are folded."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from support import World
from support.loop_limits import count_runs
from support.statements import statements
from support.ticket_commands import (
    DOMAIN,
    apply_commands,
    clear_notifications,
    create_ticket,
    list_mails,
    list_notifications,
    reply,
    run_notifier,
    set_preference,
)

from models import database
from models.background_metrics import read_background_metrics
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.core import time
from models.log import event
from models.log.consumer import LogConsumer
from models.log.event import Event, EventType, read_head
from models.notifications.email import MORE_UPDATES, Mail, MailStatus
from models.notifications.folding import (
    DEFAULT_MAX_PER_TICKET,
    DEFAULT_MAX_PER_TYPE,
    FIRST_STEP_EVENTS,
    FOLD_WINDOW,
    find_earlier_position,
    read_folding,
)
from models.notifications.notification import Channel, Notification, Topic
from models.tickets.ticket import Ticket, TicketParticipant
from settings.application import Settings
from workers.mail.template import Templates
from workers.mailer import Mailer
from workers.notifier import Notifier

pytestmark = pytest.mark.without_default_policies


async def create_assigned_ticket(people: World) -> Ticket:
    ticket = await create_ticket(people.cora, assignee_id=people.ada.id)
    await clear_notifications()
    return ticket


async def read_folded() -> float:
    at = time.now()
    metrics = await read_background_metrics(at, at)
    return next(each.value for each in metrics if each.name == "ticketwire_notifications_folded")


def escalate(change: TicketChange) -> None:
    commands.escalate(change, "too slow")


async def escalate_often(people: World, ticket: Ticket, times: int, at: datetime) -> None:
    for number in range(times):
        step = timedelta(milliseconds=25) * number
        await apply_commands(people.cora, ticket, escalate, at=at + step)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
async def test_sixty_escalations_send_one_email_and_one_notification_to_each_recipient(
    people: World, batch_size: int
) -> None:
    ticket = await create_assigned_ticket(people)
    await escalate_often(people, ticket, 60, time.now())
    await run_notifier(batch_size=batch_size)
    assert await list_mails() == ["ada escalated", "ada more_updates"]
    assert (await Mail.get(template=MORE_UPDATES)).updates == 59
    assert await list_notifications() == ["ada ESCALATED ASSIGNEE"]
    assert await read_folded() == 2 * 59
    assert (await Ticket.get(id=ticket.id)).escalation_level == 60


async def test_another_person_another_ticket_and_a_later_time_notify_again(people: World) -> None:
    ticket, other = await create_assigned_ticket(people), await create_assigned_ticket(people)
    at = time.now()
    for each in (ticket, other):
        await apply_commands(people.cora, each, escalate, at=at)
    await apply_commands(people.carl, ticket, escalate, at=at)
    await apply_commands(people.cora, ticket, escalate, at=at + FOLD_WINDOW - timedelta(seconds=1))
    await run_notifier()
    assert await list_mails() == ["ada escalated"] * 3 + ["ada more_updates"]
    await apply_commands(people.cora, ticket, escalate, at=at + FOLD_WINDOW)
    await run_notifier()
    assert await list_mails() == ["ada escalated"] * 4 + ["ada more_updates"]
    assert len(await list_notifications()) == 4
    assert await read_folded() == 2


async def test_a_notification_is_folded_only_into_an_unread_one(people: World) -> None:
    ticket, at = await create_assigned_ticket(people), time.now()
    await apply_commands(people.cora, ticket, escalate, at=at)
    await run_notifier()
    await Notification.all().update(read_at=at)
    await apply_commands(people.cora, ticket, escalate, at=at)
    await run_notifier()
    assert await list_notifications() == ["ada ESCALATED ASSIGNEE"] * 2
    assert await list_mails() == ["ada escalated", "ada more_updates"]


async def test_each_of_a_few_changed_ratings_notifies(people: World) -> None:
    ticket = await create_ticket(people.cora, assignee_id=people.ada.id)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    await clear_notifications()
    for score in range(1, 4):
        await rate(people, ticket, score)
    await run_notifier()
    assert await list_mails() == ["ada rated"] * 3
    assert await list_notifications() == ["ada RATED ASSIGNEE"] * 3
    for _ in range(DEFAULT_MAX_PER_TYPE):
        await rate(people, ticket, 5)
    await run_notifier()
    assert await list_mails() == ["ada more_updates", *["ada rated"] * DEFAULT_MAX_PER_TYPE]


async def rate(people: World, ticket: Ticket, score: int) -> None:
    await apply_commands(people.cora, ticket, lambda change: rating.rate(change, score, None))


@pytest.mark.parametrize("batch_size", [3, 100])
async def test_a_burst_of_replies_hides_no_change_of_status(people: World, batch_size: int) -> None:
    ticket = await create_assigned_ticket(people)
    await TicketParticipant.create(ticket_id=ticket.id, user_id=people.olga.id)
    for _ in range(DEFAULT_MAX_PER_TICKET + 5):
        await reply(people.ada, ticket)
    await apply_commands(people.ada, ticket, commands.await_customer)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    await run_notifier(batch_size=batch_size)
    for person in (people.cora, people.olga):
        name = "cora" if person is people.cora else "olga"
        mails = [each for each in await list_mails() if each.startswith(name)]
        replies = [f"{name} replied"] * DEFAULT_MAX_PER_TICKET
        assert mails == sorted(
            [f"{name} awaiting_customer", f"{name} more_updates", *replies, f"{name} resolved"]
        )
        assert (await Mail.get(template=MORE_UPDATES, user_id=person.id)).updates == 5
        shown = [each for each in await list_notifications() if each.startswith(name)]
        assert shown[-2:] == [f"{name} STATUS_CHANGED REQUESTER"] * 2


async def test_the_summary_comes_after_ten_minutes_and_delays_no_other_email(
    people: World,
) -> None:
    ticket, now = await create_assigned_ticket(people), time.now()
    for _ in range(DEFAULT_MAX_PER_TICKET + 2):
        await reply(people.ada, ticket)
    await run_notifier(now)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    await run_notifier(now)
    transport = MemoryTransport()
    mailer = Mailer(transport, Templates(), mail_from=f"help@{DOMAIN}")
    await run_mailer(mailer, now)
    assert len(transport.texts) == DEFAULT_MAX_PER_TICKET + 1
    assert "resolved" in transport.texts[-1]
    await run_mailer(mailer, now + FOLD_WINDOW)
    assert len(transport.texts) == DEFAULT_MAX_PER_TICKET + 2
    assert "2 more updates of this ticket" in transport.texts[-1]
    # Later folded emails get a summary of their own.
    await reply(people.ada, ticket)
    await run_notifier(now)
    later = await Mail.filter(template=MORE_UPDATES).order_by("-event_id").first()
    assert later is not None
    assert (later.updates, later.status) == (1, MailStatus.QUEUED)


async def test_a_summary_is_not_sent_to_a_user_who_turned_such_emails_off(people: World) -> None:
    ticket, now = await create_assigned_ticket(people), time.now()
    for _ in range(DEFAULT_MAX_PER_TICKET + 1):
        await reply(people.ada, ticket)
    await run_notifier(now)
    await set_preference(people.cora, Topic.REPLIES, Channel.EMAIL, False)
    transport = MemoryTransport()
    mailer = Mailer(transport, Templates(), mail_from=f"help@{DOMAIN}")
    await run_mailer(mailer, now + FOLD_WINDOW)
    assert transport.texts == []
    assert (await Mail.get(template=MORE_UPDATES)).status is MailStatus.FAILED


async def run_mailer(mailer: Mailer, at: datetime) -> None:
    for _ in count_runs():
        if not (await mailer.run_once(at, 0)).more:
            return


class MemoryTransport:
    """Keeps the texts of the emails that it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def send(self, message: EmailMessage, address: str) -> str:
        body = message.get_body(("plain",))
        assert body is not None
        self.texts.append(body.get_content())
        return "250 OK"


@pytest.mark.parametrize("batch_size", [3, 100])
async def test_at_most_twenty_replies_notify_in_ten_minutes(people: World, batch_size: int) -> None:
    ticket = await create_assigned_ticket(people)
    for _ in range(DEFAULT_MAX_PER_TICKET + 5):
        await reply(people.cora, ticket)
    await reply(people.ada, ticket)
    await run_notifier(batch_size=batch_size)
    to_ada = Mail.filter(user_id=people.ada.id, template="replied").order_by("event_id")
    assert len(await to_ada) == DEFAULT_MAX_PER_TICKET, "the first ones, each with its text"
    assert await Notification.filter(user_id=people.ada.id).count() == DEFAULT_MAX_PER_TICKET
    assert await Mail.filter(user_id=people.cora.id).count() == 1, "others are not affected"
    assert await read_folded() == 2 * 5


async def test_the_limit_is_a_setting(people: World) -> None:
    assert Settings().max_notifications_per_ticket == DEFAULT_MAX_PER_TICKET
    assert Settings().max_notifications_per_type == DEFAULT_MAX_PER_TYPE
    ticket = await create_assigned_ticket(people)
    for _ in range(3):
        await reply(people.cora, ticket)
    for verb in (commands.await_customer, commands.resume) * 2:
        await apply_commands(people.root, ticket, verb)
    position = (await LogConsumer.get(name=Notifier.name)).position
    await Notifier(DOMAIN, max_per_ticket=2, max_per_type=1).run_once(time.now(), position)
    expected = ["ada more_updates", "ada replied", "ada replied"]
    expected += ["cora awaiting_customer", "cora more_updates"]
    assert await list_mails() == expected
    summaries = Mail.filter(template=MORE_UPDATES)
    assert await summaries.values_list("updates", flat=True) == [1, 1]


async def test_the_earlier_notifications_are_read_from_a_position_near_the_window(
    people: World,
) -> None:
    ticket, now = await create_assigned_ticket(people), time.now()
    await append_events(ticket, 10 * FIRST_STEP_EVENTS, now - 2 * FOLD_WINDOW)
    old = await read_head()
    for number in range(3):
        await apply_commands(people.cora, ticket, escalate, at=now + timedelta(seconds=number))
    last = await Event.get(position=await read_head())
    with statements() as collected:
        folding = await read_folding([last], DEFAULT_MAX_PER_TICKET)
    assert not folding.times, "nothing is notified yet"
    bounds = [parameters for text, parameters in collected.sent if "SELECT" in text][1:]
    start = last.position - FIRST_STEP_EVENTS
    assert start < old
    assert len(bounds) == 2
    assert all(isinstance(each, list) and start in each for each in bounds)


@pytest.mark.parametrize(
    ("recent", "steps"), [(0, 1), (FIRST_STEP_EVENTS - 1, 1), (FIRST_STEP_EVENTS, 2), (1600, 3)]
)
async def test_the_start_of_the_window_is_found_in_doubling_steps(
    people: World, recent: int, steps: int
) -> None:
    ticket, now = await create_assigned_ticket(people), time.now()
    await append_events(ticket, 10 * FIRST_STEP_EVENTS, now - 2 * FOLD_WINDOW)
    await append_events(ticket, recent + 1, now)
    head, since = await read_head(), now - FOLD_WINDOW
    assert await find_earlier_position(head, since) == head - FIRST_STEP_EVENTS * 2 ** (steps - 1)
    assert await find_earlier_position(head, now - 3 * FOLD_WINDOW) == 0
    assert await find_earlier_position(1, now) == 0


async def append_events(ticket: Ticket, count: int, at: datetime) -> None:
    """Append events that notify nobody."""
    events = [
        Event(type=EventType.TICKET_UPDATED, ticket_id=ticket.id, occurred_at=at, version=1)
        for _ in range(count)
    ]
    async with database.transaction():
        await event.append(events)
