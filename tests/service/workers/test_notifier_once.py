"""The notifier tells everything, and everything once: whatever dies, runs beside it, or is cut in
two."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import World
from support.live import until
from support.statements import statements
from support.ticket_commands import (
    DOMAIN,
    add_note,
    apply_commands,
    assign,
    check_notifications,
    clear_notifications,
    create_ticket,
    list_mails,
    list_notifications,
    reply,
    run_notifier,
    unique_notifications,
    watch,
)

from models.changes import commands
from models.core import time
from models.log import consumer, event
from models.log.consumer import LogConsumer, OffsetConflict
from models.notifications import notification
from models.notifications.email import Mail
from models.notifications.notification import Notification
from models.people.team import Membership, Team
from models.people.user import Role, User
from models.tickets.ticket import Ticket
from workers.job import JobRunner
from workers.notifier import Notifier

pytestmark = [pytest.mark.never_retried, pytest.mark.stress]


@pytest.fixture
async def people(database: str) -> World:
    """Everybody, in a database without a service."""
    return await World.make()


async def eventful(people: World, count: int) -> None:
    """Tickets to which something happens."""
    for place in range(count):
        ticket = await create_ticket((people.cora, people.olga)[place % 2])
        await assign(people.root, ticket, people.ada)
        await watch(people.bill, ticket)
        await add_note(people.bill, ticket, f"@ada look {place}")
        await reply(people.ada, ticket)
        await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
        await reply((people.cora, people.olga)[place % 2], ticket)


async def turn(at_once: int = 100, *, position: int | None = None) -> int | type[BaseException]:
    """One turn from where the cursor stands: what it did, or why it did nothing."""
    notifier = Notifier(DOMAIN)
    notifier.batch_size = at_once
    start = (await LogConsumer.get(name="notifier")).position if position is None else position
    try:
        return (await notifier.run_once(time.now(), start)).count
    except OffsetConflict:
        return OffsetConflict


async def test_two_that_do_the_same_at_once_tell_everything_once(people: World) -> None:
    await eventful(people, 3)
    done = await asyncio.gather(*(turn(position=0) for _ in range(4)))
    assert done.count(OffsetConflict) == 3, done
    assert (await LogConsumer.get(name="notifier")).position == await event.read_head()
    await check_notifications()
    assert (
        sum(each for each in done if isinstance(each, int))
        == await Notification.all().count() + await Mail.all().count()
    )


async def test_keepers_that_take_the_lease_from_one_another_tell_everything_once(
    people: World,
) -> None:
    """Leases so short that each is lost in the middle of the work."""

    class Bell:
        async def wait(self, seconds: float) -> None:
            await asyncio.sleep(0.001)

    def keeper(holder: str) -> JobRunner:
        notifier = Notifier(DOMAIN)
        notifier.batch_size = 2
        return JobRunner(
            notifier,
            holder,
            time.now,
            Bell(),
            lambda: None,
            lease_seconds=0.001,
            interval_seconds=0.001,
        )

    await eventful(people, 4)
    working = [asyncio.create_task(keeper(f"worker-{place}").run()) for place in range(3)]

    async def caught_up() -> bool:
        return (await LogConsumer.get(name="notifier")).position == await event.read_head()

    try:
        await until(caught_up)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    assert (await LogConsumer.get(name="notifier")).failures == 0
    together = sorted(await list_notifications()), await list_mails()
    await check_notifications()
    await Notification.all().delete()
    await Mail.all().delete()
    await LogConsumer.filter(name="notifier").update(position=0)
    await run_notifier()
    assert (sorted(await list_notifications()), await list_mails()) == together


@pytest.mark.parametrize("where", ["before", "between", "after"])
async def test_who_dies_in_the_middle_loses_nothing_and_leaves_nothing_half_done(
    people: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    class Died(Exception):
        pass

    async def die(*_: object) -> None:
        raise Died

    async def handle_and_die(*given: Any) -> None:
        await handle(*given)
        raise Died

    handle = Notifier.handle
    await eventful(people, 1)
    with monkeypatch.context() as patched:
        if where == "before":
            patched.setattr(Notifier, "handle", die)
        elif where == "between":
            patched.setattr(notification, "append_notifications", die)
        else:
            patched.setattr(Notifier, "handle", handle_and_die)
        with pytest.raises(Died):
            await turn()
    assert (await LogConsumer.get(name="notifier")).position == 0
    assert (
        await Notification.all().count()
        == await Mail.all().count()
        == await notification.read_last_number()
        == 0
    )
    await run_notifier()
    await check_notifications()
    assert "cora REPLY_ADDED REQUESTER" in await list_notifications()


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
async def test_an_act_that_is_cut_by_the_end_of_a_turn_is_still_one(
    people: World, at_once: int
) -> None:
    await eventful(people, 2)
    await run_notifier()
    whole_turns = sorted(await list_notifications()), await list_mails()
    await Notification.all().delete()
    await Mail.all().delete()
    await LogConsumer.filter(name="notifier").update(position=0)
    await run_notifier(at_once=at_once)
    assert (sorted(await list_notifications()), await list_mails()) == whole_turns
    await check_notifications()


async def test_an_act_that_is_cut_by_the_end_of_a_reading_is_still_one(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await create_ticket(people.cora)
    await assign(people.root, ticket, people.ada)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    await clear_notifications()
    before = await event.read_head()
    await reply(people.cora, ticket)
    assert await event.read_head() >= before + 2
    monkeypatch.setattr("workers.job.MAX_EVENTS_PER_READ", 1)
    await run_notifier()
    assert (await unique_notifications(), await list_mails()) == (
        {"ada REPLY_ADDED ASSIGNEE"},
        ["ada replied"],
    )


async def test_a_turn_takes_as_many_statements_for_many_entries_and_people_as_for_few(
    people: World,
) -> None:
    async def sent() -> list[str]:
        with statements() as collected:
            await run_notifier()
        return collected.texts

    await eventful(people, 1)
    few = await sent()
    support = await Team.get(slug="support")
    for place in range(40):
        user = await User.create(
            email=f"agent{place}@example.com", display_name=f"agent{place}", role=Role.AGENT
        )
        await Membership.create(team=support, user=user)
    for place, ticket in enumerate([await create_ticket(people.cora) for _ in range(12)]):
        await reply(people.cora, ticket, f"reply {place}")
        await add_note(people.ada, ticket, "@agent1 @agent2")
    many = await sent()
    assert await Mail.all().count() > 900
    assert len(many) <= len(few) + 2, "\n".join(many)


async def test_numbers_follow_the_log_and_go_on_over_turns(people: World) -> None:
    await eventful(people, 1)
    await run_notifier()
    first = await notification.read_last_number()
    assert first == await Notification.all().count() > 0
    await eventful(people, 1)
    await run_notifier(at_once=3)
    await check_notifications()
    assert await notification.read_last_number() == await Notification.all().count() > first


async def test_a_reader_that_is_new_starts_at_the_head(people: World) -> None:
    await eventful(people, 1)
    await LogConsumer.filter(name="notifier").delete()
    await consumer.register("notifier")
    await run_notifier()
    assert (await list_notifications(), await list_mails()) == ([], [])


async def test_entries_that_nobody_hears_of_move_the_cursor_and_write_nothing(
    people: World,
) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await watch(people.bill, ticket)
    with statements() as collected:
        assert await run_notifier() == 0
    assert not [text for text in collected.texts if "notification_head" in text]
    assert (await LogConsumer.get(name="notifier")).position == await event.read_head()


async def test_the_log_goes_on_while_the_notifier_works(people: World) -> None:
    """People write as it reads; nobody waits for the other for good, and nothing is missed."""
    tickets = [await create_ticket(people.cora) for _ in range(3)]

    async def write(ticket: Ticket) -> None:
        for place in range(6):
            await (
                reply(people.cora, ticket) if place % 2 else add_note(people.bill, ticket, "@root")
            )

    writing = [asyncio.create_task(write(ticket)) for ticket in tickets]
    while not all(task.done() for task in writing):
        await run_notifier(at_once=2)
    await asyncio.gather(*writing)
    await run_notifier()
    await check_notifications()
    lines = await list_notifications()
    assert lines.count("root NOTE_ADDED MENTIONED") == lines.count("ada REPLY_ADDED TEAM") == 9
