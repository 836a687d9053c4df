"""The notifier handles every event exactly once.

That also holds if processes fail, run concurrently, or read an action's events in two batches.
"""

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
from models.log.consumer import LogConsumer, PositionConflict
from models.notifications import notification
from models.notifications.email import Mail
from models.notifications.notification import Notification
from models.people.team import Membership, Team
from models.people.user import Role, User
from models.tickets.ticket import Ticket
from workers.job import JobRunner
from workers.notifier import Notifier

pytestmark = [pytest.mark.never_retried, pytest.mark.stress]


async def create_events(people: World, count: int) -> None:
    """Create tickets, each with an assignment, a watcher, a note, replies and a resolution."""
    for number in range(count):
        ticket = await create_ticket((people.cora, people.olga)[number % 2])
        await assign(people.root, ticket, people.ada)
        await watch(people.bill, ticket)
        await add_note(people.bill, ticket, f"@ada look {number}")
        await reply(people.ada, ticket)
        await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
        await reply((people.cora, people.olga)[number % 2], ticket)


async def run_batch(
    batch_size: int = 100, *, position: int | None = None
) -> int | type[BaseException]:
    """Run one batch from the cursor or from a position.

    Returns how many notifications and mails were written, or `PositionConflict`.
    """
    notifier = Notifier(DOMAIN)
    notifier.batch_size = batch_size
    start = (await LogConsumer.get(name="notifier")).position if position is None else position
    try:
        return (await notifier.run_once(time.now(), start)).count
    except PositionConflict:
        return PositionConflict


async def test_concurrent_notifiers_handle_each_event_once(people: World) -> None:
    await create_events(people, 3)
    done = await asyncio.gather(*(run_batch(position=0) for _ in range(4)))
    assert done.count(PositionConflict) == 3, done
    assert (await LogConsumer.get(name="notifier")).position == await event.read_head()
    await check_notifications()
    assert (
        sum(each for each in done if isinstance(each, int))
        == await Notification.all().count() + await Mail.all().count()
    )


async def test_runners_that_lose_their_leases_handle_each_event_once(
    people: World,
) -> None:
    """The leases are so short that each expires in the middle of a batch."""

    class ShortPause:
        async def wait(self, seconds: float) -> None:
            await asyncio.sleep(0.001)

    def make_runner(holder: str) -> JobRunner:
        notifier = Notifier(DOMAIN)
        notifier.batch_size = 2
        return JobRunner(
            notifier,
            holder,
            time.now,
            ShortPause(),
            lambda: None,
            lease_seconds=0.001,
            interval_seconds=0.001,
        )

    await create_events(people, 4)
    tasks = [asyncio.create_task(make_runner(f"worker-{number}").run()) for number in range(3)]

    async def is_caught_up() -> bool:
        return (await LogConsumer.get(name="notifier")).position == await event.read_head()

    try:
        await until(is_caught_up)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (await LogConsumer.get(name="notifier")).failures == 0
    by_concurrent_runners = sorted(await list_notifications()), await list_mails()
    await check_notifications()
    await Notification.all().delete()
    await Mail.all().delete()
    await LogConsumer.filter(name="notifier").update(position=0)
    await run_notifier()
    assert (sorted(await list_notifications()), await list_mails()) == by_concurrent_runners


@pytest.mark.parametrize("failure", ["before", "between", "after"])
async def test_a_batch_that_fails_stores_nothing_and_is_repeated(
    people: World, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    class ProcessFailed(Exception):
        pass

    async def fail(*_: object, **__: object) -> None:
        raise ProcessFailed

    async def handle_and_fail(*args: Any, **named: Any) -> None:
        await handle(*args, **named)
        raise ProcessFailed

    handle = Notifier.handle
    await create_events(people, 1)
    with monkeypatch.context() as patched:
        if failure == "before":
            patched.setattr(Notifier, "handle", fail)
        elif failure == "between":
            patched.setattr(notification, "append_notifications", fail)
        else:
            patched.setattr(Notifier, "handle", handle_and_fail)
        with pytest.raises(ProcessFailed):
            await run_batch()
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
async def test_the_events_of_one_action_in_two_batches_are_handled_together(
    people: World, at_once: int
) -> None:
    await create_events(people, 2)
    await run_notifier()
    in_one_batch = sorted(await list_notifications()), await list_mails()
    await Notification.all().delete()
    await Mail.all().delete()
    await LogConsumer.filter(name="notifier").update(position=0)
    await run_notifier(batch_size=at_once)
    assert (sorted(await list_notifications()), await list_mails()) == in_one_batch
    await check_notifications()


async def test_the_events_of_one_action_in_two_reads_are_handled_together(
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


async def test_the_number_of_statements_does_not_grow_with_events_and_users(
    people: World,
) -> None:
    async def run_and_collect_statements() -> list[str]:
        with statements() as collected:
            await run_notifier()
        return collected.texts

    await create_events(people, 1)
    few = await run_and_collect_statements()
    support = await Team.get(slug="support")
    for number in range(40):
        user = await User.create(
            email=f"agent{number}@example.com", display_name=f"agent{number}", role=Role.AGENT
        )
        await Membership.create(team=support, user=user)
    for number, ticket in enumerate([await create_ticket(people.cora) for _ in range(12)]):
        await reply(people.cora, ticket, f"reply {number}")
        await add_note(people.ada, ticket, "@agent1 @agent2")
    many = await run_and_collect_statements()
    assert await Mail.all().count() > 900
    assert len(many) <= len(few) + 2, "\n".join(many)


async def test_notification_numbers_follow_the_log_and_continue_over_batches(people: World) -> None:
    await create_events(people, 1)
    await run_notifier()
    first = await notification.read_last_number()
    assert first == await Notification.all().count() > 0
    await create_events(people, 1)
    await run_notifier(batch_size=3)
    await check_notifications()
    assert await notification.read_last_number() == await Notification.all().count() > first


async def test_a_new_consumer_starts_at_the_head(people: World) -> None:
    await create_events(people, 1)
    await LogConsumer.filter(name="notifier").delete()
    await consumer.register("notifier")
    await run_notifier()
    assert (await list_notifications(), await list_mails()) == ([], [])


async def test_events_without_recipients_move_the_cursor_and_write_nothing(
    people: World,
) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await watch(people.bill, ticket)
    with statements() as collected:
        assert await run_notifier() == 0
    assert not [text for text in collected.texts if "notification_head" in text]
    assert (await LogConsumer.get(name="notifier")).position == await event.read_head()


async def test_users_write_while_the_notifier_runs(people: World) -> None:
    """Users write while it reads; neither blocks the other for good, and no event is missed."""
    tickets = [await create_ticket(people.cora) for _ in range(3)]

    async def write(ticket: Ticket) -> None:
        for number in range(6):
            await (
                reply(people.cora, ticket) if number % 2 else add_note(people.bill, ticket, "@root")
            )

    writers = [asyncio.create_task(write(ticket)) for ticket in tickets]
    while not all(task.done() for task in writers):
        await run_notifier(batch_size=2)
    await asyncio.gather(*writers)
    await run_notifier()
    await check_notifications()
    lines = await list_notifications()
    assert lines.count("root NOTE_ADDED MENTIONED") == lines.count("ada REPLY_ADDED TEAM") == 9
