"""Live lists and live stats as subscription sources: positions, forks for other viewers,
sharing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest
from support import World
from support.actors import Person
from support.client import TIMEOUT_SECONDS
from support.ticket_commands import WINDOW, apply_commands, create_ticket, viewer

from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus
from engine.execution.source import Source
from models.access.viewer import Viewer
from models.changes import commands
from models.core import time
from models.core.errors import TooExpensive
from models.log import event
from models.log.event import LogEntry
from models.people.password import PasswordChecker
from models.people.sign_in_limits import SignInLimits
from models.queries import live_list
from models.queries.live_list import ChangeKind, LiveListChange
from models.queries.logs import event_log
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context, ResolverSettings, Services
from resolvers.services.presence_tail import PresenceTail
from resolvers.subscriptions.live_list_source import (
    BEFORE_CATCH_UP,
    BYTES_PER_MEMBER,
    LiveListSource,
)
from resolvers.subscriptions.live_stats import BYTES_PER_TICKET
from resolvers.subscriptions.stats import LiveStatsSource

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

HIGH: dict[str, Any] = {"escalationLevel": {"eq": 1}}


@asynccontextmanager
async def running_services(
    max_live_list_tickets: int = 100,
) -> AsyncIterator[Callable[[Viewer], Context]]:
    """Create contexts of viewers, over services like those of app.py, with a running tail of the
    log."""
    wakeup = WakeupBus("memory://")

    async def read(position: int) -> Sequence[LogEntry]:
        return await event_log.read_log(position, 1000)

    def position_of(event: LogEntry) -> int:
        return event.position

    tail = LogTail(read, position_of, wakeup.listen(), poll_seconds=0.01)
    tail.start_at(await event.read_head())
    viewers = ViewerRegistry(time.now)
    services = Services(
        settings=ResolverSettings(
            WINDOW, WINDOW, max_live_list_tickets, TimerSettings(WINDOW, WINDOW)
        ),
        now=time.now,
        wakeup=wakeup,
        event_tail=tail,
        notification_tail=tail,  # type: ignore[arg-type] - no test here subscribes to notifications
        passwords=PasswordChecker(),
        sign_in_limits=SignInLimits(100),
        presence=PresenceTail(wakeup.listen(), time.now, refresh_permissions=viewers.refresh),
        viewers=viewers,
    )
    tailing = asyncio.create_task(tail.run())
    try:
        yield lambda viewer: Context(services, "test", "", viewer)
    finally:
        tailing.cancel()
        await asyncio.gather(tailing, return_exceptions=True)


async def read_batch(source: Source[Any]) -> Sequence[tuple[int, Any]]:
    await source.wait()
    return await source.next_batch()


async def take_batch(source: LiveListSource) -> list[LiveListChange]:
    """The next batch.

    Fails unless its positions ascend and do not exceed the position of the source.
    """
    before = source.position
    async with asyncio.timeout(TIMEOUT_SECONDS):
        items = await read_batch(source)
    positions = [position for position, _ in items]
    assert positions == sorted(positions)
    assert all(before < position <= source.position for position in positions)
    return [step for _, step in items]


async def read_until(source: LiveListSource, position: int) -> list[LiveListChange]:
    changes: list[LiveListChange] = []
    while source.position < position:
        changes += await take_batch(source)
    return changes


def apply_steps(steps: Sequence[LiveListChange], members: set[UUID]) -> set[UUID]:
    members = set(members)
    for step in steps:
        if step.kind is ChangeKind.REMOVED and step.ticket_id:
            members.discard(step.ticket_id)
        elif step.ticket_id:
            members.add(step.ticket_id)
    return members


async def change_random_ticket(world: World, random: Random, tickets: list[Ticket]) -> None:
    ticket = random.choice(tickets)
    if random.random() < 0.5:
        await apply_commands(world.ada, ticket, lambda change: commands.escalate(change, "slow"))
    else:
        priority = random.choice(list(Priority))
        await apply_commands(
            world.ada,
            ticket,
            lambda change: commands.update(change, current_tags=[], priority=priority),
        )


@pytest.mark.stress
@pytest.mark.parametrize("example", range(3))
async def test_a_subscriber_that_joins_an_older_source_misses_no_change(
    database: str, random: Random, example: int
) -> None:
    """Random check of the contract of engine/execution/source: a subscriber skips the changes of
    the group up to the position that it has reached on its own."""
    world = await World.make()
    tickets = [await create_ticket(world.cora) for _ in range(5)]
    filter = {"or": [HIGH, {"priority": {"eq": Priority.URGENT}}]}
    async with running_services() as context:
        ada = await viewer(world.ada)
        group = LiveListSource(context(ada), filter)
        members = apply_steps(await take_batch(group), set())
        for _ in range(6):
            since = await event.read_head()
            for _ in range(random.randrange(1, 4)):
                await change_random_ticket(world, random, tickets)
            if random.random() < 0.5:  # a resumed subscriber whose position the group skips
                late, late_members = (
                    LiveListSource(context(ada), filter, since, pending=None),
                    members,
                )
                late_members = apply_steps(await read_until(late, since + 1), late_members)
            else:
                late, late_members = LiveListSource(context(ada), filter), set[UUID]()
                late_members = apply_steps(await take_batch(late), late_members)
            assert late.share_key == group.share_key
            reached = late.position
            for _ in range(random.randrange(3)):
                await change_random_ticket(world, random, tickets)
            steps = await read_until(group, await event.read_head())
            members = apply_steps(steps, members)
            assert (
                apply_steps([step for step in steps if step.position > reached], late_members)
                == members
            )
            assert (await live_list.read_members(ada, filter, time.now(), 100))[1] == members


async def test_a_source_forked_for_another_visibility_reports_the_difference(database: str) -> None:
    world = await World.make()
    own, foreign = await create_ticket(world.carl), await create_ticket(world.cora)
    async with running_services() as context:
        carl = await viewer(world.carl)
        source = LiveListSource(context(carl), None)
        assert [step.ticket_id for step in await take_batch(source)] == [own.id, foreign.id, None]
        unshared = replace(carl, shared_organization_id=None)
        other = source.fork(context(unshared), source.position)
        assert other.position == BEFORE_CATCH_UP, (
            "until then it joins no group and no subscriber joins it"
        )
        assert [(step.kind, step.ticket_id) for step in await take_batch(other)] == [
            (ChangeKind.REMOVED, foreign.id)
        ]
        assert other.position == source.position == await event.read_head()
        assert other.share_key != source.share_key
        back = other.fork(context(carl), other.position)
        assert [(step.kind, step.ticket_id) for step in await take_batch(back)] == [
            (ChangeKind.ADDED, foreign.id)
        ]
        same = source.fork(context(carl), source.position)
        assert (same.position, same.share_key) == (source.position, source.share_key)
        behind = source.fork(context(carl), source.position - 1)
        steps = [step.kind for step in await take_batch(behind)]
        assert steps == [
            ChangeKind.GAP,
            ChangeKind.SNAPSHOT,
            ChangeKind.SNAPSHOT,
            ChangeKind.SNAPSHOT_END,
        ]
        third = await create_ticket(world.cora)
        for each in (same, source):
            assert [(step.kind, step.ticket_id) for step in await take_batch(each)] == [
                (ChangeKind.ADDED, third.id)
            ]


async def test_a_source_cancelled_while_it_waits_loses_no_change(database: str) -> None:
    world = await World.make()
    async with running_services() as context:
        source = LiveListSource(context(await viewer(world.ada)), None)
        await take_batch(source)
        for _ in range(5):
            waiting = asyncio.create_task(read_batch(source))
            await asyncio.sleep(0)
            ticket = await create_ticket(world.cora)
            waiting.cancel()
            (result,) = await asyncio.gather(waiting, return_exceptions=True)
            steps = (
                [step for _, step in result]
                if isinstance(result, list)
                else await read_until(source, await event.read_head())
            )
            assert [(step.kind, step.ticket_id) for step in steps] == [
                (ChangeKind.ADDED, ticket.id)
            ]


async def test_the_share_key_depends_on_arguments_and_visibility(database: str) -> None:
    world = await World.make()
    async with running_services() as context:

        async def share_keys(person: Person, filter: dict[str, Any] | None) -> list[object]:
            here = context(await viewer(person))
            return [
                LiveListSource(here, filter).share_key,
                LiveStatsSource(here, filter, None).share_key,
            ]

        assert await share_keys(world.ada, HIGH) == await share_keys(
            world.bill, dict(reversed([*HIGH.items(), ("search", None)]))
        )
        keys = [
            await share_keys(person, each)
            for person in (world.ada, world.cora, world.carl)
            for each in (HIGH, None)
        ]
        assert len({share_key for each in keys for share_key in each}) == 12
        assert await share_keys(world.ada, {"createdAt": {"within": time.now() - time.now()}}) == [
            None,
            None,
        ]


async def test_equal_stats_sources_share_one_counter(database: str) -> None:
    world = await World.make()
    async with running_services() as context:
        people = (world.ada, world.bill, world.cora)
        first, second, other = [
            LiveStatsSource(context(await viewer(person)), None, None) for person in people
        ]
        assert first.live is second.live
        assert other.live is not first.live
        assert [stats.total for _, stats in await read_batch(first)] == [0]
        await create_ticket(world.cora)
        received = [
            [stats async for stats in read_until_ticket(each)] for each in (first, second, other)
        ]
        assert [each[-1].total for each in received] == [1, 1, 1]
        live_stats = first.context.services.live_stats
        assert len(live_stats) == 2
        del first, second, other
        assert len(live_stats) == 0, "no source uses them any more"


async def read_until_ticket(source: LiveStatsSource) -> AsyncIterator[Any]:
    """The stats up to the first ones that count a ticket."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            for _, stats in await read_batch(source):
                yield stats
                if stats.total:
                    return


async def test_a_list_that_grows_beyond_its_limit_ends(database: str) -> None:
    world = await World.make()
    async with running_services(max_live_list_tickets=2) as context:
        source = LiveListSource(context(await viewer(world.ada)), None)
        for _ in range(2):
            await create_ticket(world.cora)
        await take_batch(source)
        await create_ticket(world.cora)
        with pytest.raises(TooExpensive):
            await take_batch(source)


async def test_the_memory_of_sources_is_limited_and_released(database: str) -> None:
    world = await World.make()
    async with running_services() as context:
        here = context(await viewer(world.ada))
        memory = here.services.live_memory
        for _ in range(3):
            await create_ticket(world.cora)
        lists = [LiveListSource(here, {"number": {"gt": -index}}) for index in range(3)]
        memory.max_bytes_per_viewer = 2 * 3 * BYTES_PER_MEMBER
        for source in lists[:2]:
            await take_batch(source)
        with pytest.raises(TooExpensive, match="narrow"):
            await take_batch(lists[2])
        assert memory.total == 2 * 3 * BYTES_PER_MEMBER
        lists[0].close()
        await take_batch(lists[2])
        with pytest.raises(TooExpensive):
            lists[1].fork(here, lists[1].position)
        stats = LiveStatsSource(context(await viewer(world.bill)), None, None)
        await read_batch(stats)
        memory.max_bytes_per_viewer = 3 * BYTES_PER_TICKET - 1
        with pytest.raises(TooExpensive):
            await stats.live.track()
        memory.max_bytes_per_viewer = 3 * BYTES_PER_TICKET
        await stats.live.track()
        assert memory.total == 2 * 3 * BYTES_PER_MEMBER + 3 * BYTES_PER_TICKET
        memory.max_bytes_per_viewer = 0  # others share the statistics, so they go on
        await create_ticket(world.cora)
        assert (await stats.live.track()).total == 4
        assert memory.total == 2 * 3 * BYTES_PER_MEMBER
        lists.clear()
        del stats, source
        assert memory.total == 0, "released when the sources end"
