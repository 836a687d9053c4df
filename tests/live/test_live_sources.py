"""Live lists and figures as sources: what two of them tell from any position on, and how one goes on for somebody else."""

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
from engine.limits.attempts import SignInThrottle
from models.access.viewer import Viewer
from models.changes import commands
from models.core import time
from models.core.errors import TooExpensive
from models.log import event
from models.log.event import Event
from models.people.password import PasswordChecker
from models.queries import event_log, live_list
from models.queries.live_list import ChangeKind, LiveListChange
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from resolvers.auth.open_sessions import OpenSessions
from resolvers.context import Context, Rules, Services
from resolvers.presence_tail import PresenceTail
from resolvers.subscriptions.live_list_source import BEFORE_CATCH_UP, LiveListSource
from resolvers.subscriptions.stats import LiveStatsSource

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

HIGH: dict[str, Any] = {"escalationLevel": {"eq": 1}}


@asynccontextmanager
async def house(max_live_list_tickets: int = 100) -> AsyncIterator[Callable[[Viewer], Context]]:
    """Contexts over services as app.py makes them, with a tail that follows the log."""
    wakeup = WakeupBus("memory://")

    async def read(position: int) -> list[Event]:
        return await event_log.read_after(position, 1000)

    def place(entry: Event) -> int:
        return entry.position

    tail = LogTail(read, place, wakeup.listen(), poll_seconds=0.01)
    tail.start_at(await event.read_head())
    sessions = OpenSessions(time.now)
    services = Services(
        rules=Rules(WINDOW, WINDOW, max_live_list_tickets),
        now=time.now,
        wakeup=wakeup,
        event_tail=tail,
        notification_tail=tail,  # type: ignore[arg-type] - nobody follows notices here
        passwords=PasswordChecker(),
        sign_in_throttle=SignInThrottle(100),
        presence=PresenceTail(wakeup.listen(), time.now, refresh_permissions=sessions.refresh),
        sessions=sessions,
    )
    following = asyncio.create_task(tail.run())
    try:
        yield lambda who: Context(services, "test", "", who)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def take(source: LiveListSource) -> list[LiveListChange]:
    """The next batch, which must keep what a source promises of positions."""
    before = source.position
    async with asyncio.timeout(TIMEOUT_SECONDS):
        items = await source.next_batch()
    places = [position for position, _ in items]
    assert places == sorted(places)
    assert all(before < position <= source.position for position in places)
    return [step for _, step in items]


async def up_to(source: LiveListSource, position: int) -> list[LiveListChange]:
    came: list[LiveListChange] = []
    while source.position < position:
        came += await take(source)
    return came


def applied(steps: Sequence[LiveListChange], held: set[UUID]) -> set[UUID]:
    held = set(held)
    for step in steps:
        if step.kind is ChangeKind.REMOVED and step.ticket_id:
            held.discard(step.ticket_id)
        elif step.ticket_id:
            held.add(step.ticket_id)
    return held


async def shuffle(world: World, dice: Random, tickets: list[Ticket]) -> None:
    ticket = dice.choice(tickets)
    if dice.random() < 0.5:
        await apply_commands(world.ada, ticket, lambda change: commands.escalate(change, "slow"))
    else:
        priority = dice.choice(list(Priority))
        await apply_commands(world.ada, ticket, lambda change: commands.update(change, current_tags=[], priority=priority))


@pytest.mark.stress
@pytest.mark.parametrize("example", range(3))
async def test_a_subscriber_that_joins_an_older_source_misses_no_change(
    database: str, random: Random, example: int
) -> None:
    """The promise of engine/execution/source, by chance: each skips what the other tells up to where it came by itself."""
    dice, world = random, await World.make()
    tickets = [await create_ticket(world.cora) for _ in range(5)]
    filter = {"or": [HIGH, {"priority": {"eq": Priority.URGENT}}]}
    async with house() as context:
        ada = await viewer(world.ada)
        group = LiveListSource(context(ada), filter)
        held = applied(await take(group), set())
        for _ in range(6):
            since = await event.read_head()
            for _ in range(dice.randrange(1, 4)):
                await shuffle(world, dice, tickets)
            if dice.random() < 0.5:  # somebody who was here before, at a position that this group passes over
                late, have = LiveListSource(context(ada), filter, since, pending=None), held
                have = applied(await up_to(late, since + 1), have)
            else:
                late, have = LiveListSource(context(ada), filter), set[UUID]()
                have = applied(await take(late), have)
            assert late.share_key == group.share_key
            reached = late.position
            for _ in range(dice.randrange(3)):
                await shuffle(world, dice, tickets)
            steps = await up_to(group, await event.read_head())
            held = applied(steps, held)
            assert applied([step for step in steps if step.position > reached], have) == held
            assert (await live_list.read_members(ada, filter, time.now(), 100))[1] == held


async def test_a_source_forked_for_another_visibility_reports_the_difference(database: str) -> None:
    world = await World.make()
    own, foreign = await create_ticket(world.carl), await create_ticket(world.cora)
    async with house() as context:
        carl = await viewer(world.carl)
        source = LiveListSource(context(carl), None)
        assert [step.ticket_id for step in await take(source)] == [own.id, foreign.id, None]
        alone = replace(carl, shared_organization_id=None)
        other = source.fork(context(alone), source.position)
        assert other.position == BEFORE_CATCH_UP, "nobody may join it, nor it anybody, before"
        assert [(step.kind, step.ticket_id) for step in await take(other)] == [(ChangeKind.REMOVED, foreign.id)]
        assert other.position == source.position == await event.read_head()
        assert other.share_key != source.share_key
        back = other.fork(context(carl), other.position)
        assert [(step.kind, step.ticket_id) for step in await take(back)] == [(ChangeKind.ADDED, foreign.id)]
        same = source.fork(context(carl), source.position)
        assert (same.position, same.share_key) == (source.position, source.share_key)
        behind = source.fork(context(carl), source.position - 1)
        steps = [step.kind for step in await take(behind)]
        assert steps == [ChangeKind.GAP, ChangeKind.SNAPSHOT, ChangeKind.SNAPSHOT, ChangeKind.SNAPSHOT_END]
        third = await create_ticket(world.cora)
        for each in (same, source):
            assert [(step.kind, step.ticket_id) for step in await take(each)] == [(ChangeKind.ADDED, third.id)]


async def test_a_source_cancelled_while_it_waits_loses_no_change(database: str) -> None:
    world = await World.make()
    async with house() as context:
        source = LiveListSource(context(await viewer(world.ada)), None)
        await take(source)
        for _ in range(5):
            waiting = asyncio.create_task(source.next_batch())
            await asyncio.sleep(0)
            ticket = await create_ticket(world.cora)
            waiting.cancel()
            (ended,) = await asyncio.gather(waiting, return_exceptions=True)
            steps = [step for _, step in ended] if isinstance(ended, list) else await up_to(source, await event.read_head())
            assert [(step.kind, step.ticket_id) for step in steps] == [(ChangeKind.ADDED, ticket.id)]


async def test_the_share_key_depends_on_arguments_and_visibility(database: str) -> None:
    world = await World.make()
    async with house() as context:

        async def audiences(person: Person, filter: dict[str, Any] | None) -> list[object]:
            here = context(await viewer(person))
            return [LiveListSource(here, filter).share_key, LiveStatsSource(here, filter, None).share_key]

        assert await audiences(world.ada, HIGH) == await audiences(world.bill, dict(reversed([*HIGH.items(), ("search", None)])))
        told = [await audiences(person, each) for person in (world.ada, world.cora, world.carl) for each in (HIGH, None)]
        assert len({audience for each in told for audience in each}) == 12
        assert await audiences(world.ada, {"createdAt": {"within": time.now() - time.now()}}) == [None, None]


async def test_equal_stats_sources_share_one_counter(database: str) -> None:
    world = await World.make()
    async with house() as context:
        people = (world.ada, world.bill, world.cora)
        first, second, other = [LiveStatsSource(context(await viewer(person)), None, None) for person in people]
        assert first.live is second.live
        assert other.live is not first.live
        assert [stats.total for _, stats in await first.next_batch()] == [0]
        await create_ticket(world.cora)
        told = [[stats async for stats in once(each)] for each in (first, second, other)]
        assert [each[-1].total for each in told] == [1, 1, 1]
        figures = first.context.services.live_stats
        assert len(figures) == 2
        del first, second, other
        assert len(figures) == 0, "nobody follows them any more"


async def once(source: LiveStatsSource) -> AsyncIterator[Any]:
    """What comes up to the first figures with a ticket."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            for _, stats in await source.next_batch():
                yield stats
                if stats.total:
                    return


async def test_a_list_that_grows_beyond_its_limit_ends(database: str) -> None:
    world = await World.make()
    async with house(max_live_list_tickets=2) as context:
        source = LiveListSource(context(await viewer(world.ada)), None)
        for _ in range(2):
            await create_ticket(world.cora)
        await take(source)
        await create_ticket(world.cora)
        with pytest.raises(TooExpensive):
            await take(source)
