"""The reader behind presence: idle while nobody follows, one look for many rings, and each picture kept for who is late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from support.client import TIMEOUT_SECONDS
from support.live import until

from engine.bus.wakeup import WakeupBus
from models.core import time
from models.core.ids import new_id
from models.tickets import presence
from models.tickets.presence import PresenceState, PresentUser, TicketPresence
from resolvers import presence_tail as watching
from resolvers.presence_tail import PresenceTail

NOW = time.now()


class Stage:
    """A watcher on a listener, with pictures as they are set here."""

    def __init__(self) -> None:
        self.listener = WakeupBus("memory://")
        self.watcher = PresenceTail(self.listener.listen(), time.now, refresh_permissions=self.fresh)
        self.pictures: dict[UUID, TicketPresence] = {}
        self.looks: list[int] = []
        self.order: list[str] = []

    async def fresh(self) -> None:
        self.order.append("fresh")

    async def read(self, ticket_ids: Collection[UUID], at: datetime) -> dict[UUID, TicketPresence]:
        self.looks.append(len(ticket_ids))
        self.order.append("look")
        return {key: self.pictures.get(key, TicketPresence(key, ())) for key in ticket_ids}

    def paint(self, ticket_id: UUID, second: int) -> TicketPresence:
        people = (PresentUser(UUID(int=1), PresenceState.LOOKING, NOW + timedelta(seconds=second)),)
        self.pictures[ticket_id] = TicketPresence(ticket_id, people)
        return self.pictures[ticket_id]

    async def ring(self) -> None:
        """Ring, and wait until it was heard and dealt with."""
        heard = asyncio.create_task(self.watcher.due.wait())
        await asyncio.sleep(0)
        self.listener.notify()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await heard

        async def dealt_with() -> bool:
            return not self.watcher.due.is_set()

        await until(dealt_with)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    made = Stage()
    monkeypatch.setattr(presence, "read_presence", made.read)
    running = asyncio.create_task(made.watcher.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_nothing_is_read_while_nobody_watches(stage: Stage) -> None:
    for _ in range(5):
        await stage.ring()
    assert stage.looks == []
    key = new_id()
    followed = stage.watcher.watch(key, self := object())
    assert await followed.wait_for_snapshots(-1) == [(1, TicketPresence(key, ()))]
    assert stage.looks
    stage.watcher.unwatch(key, self)
    looks = len(stage.looks)
    for _ in range(5):
        await stage.ring()
    assert len(stage.looks) == looks


async def test_a_ticket_is_watched_until_its_last_watcher_leaves(stage: Stage) -> None:
    key = new_id()
    first, second = object(), object()
    followed = stage.watcher.watch(key, first)
    assert stage.watcher.watch(key, second) is stage.watcher.watch(key, first) is followed
    await followed.wait_for_snapshots(-1)
    stage.watcher.unwatch(key, first)
    stage.watcher.unwatch(key, first)
    assert stage.watcher.watched == {key: followed}
    stage.watcher.unwatch(key, second)
    stage.watcher.unwatch(key, second)
    assert stage.watcher.watched == {}
    picture = stage.paint(key, 1)
    assert await stage.watcher.watch(key, first).wait_for_snapshots(-1) == [(2, picture)]


async def test_all_watched_tickets_are_read_together(stage: Stage) -> None:
    keys = [new_id() for _ in range(20)]
    followed = [stage.watcher.watch(key, self) for key in keys for self in (object(), object())]
    turns = [await each.wait_for_snapshots(-1) for each in followed]
    assert {len(each) for each in turns} == {1}
    assert stage.looks[0] == 20


async def test_a_slow_watcher_gets_every_snapshot_and_a_new_one_the_latest(stage: Stage) -> None:
    key, other = new_id(), new_id()
    followed = stage.watcher.watch(key, stage)
    ((start, _),) = await followed.wait_for_snapshots(-1)
    stage.watcher.watch(other, stage)
    painted: list[TicketPresence] = []
    turn = start
    for second in range(5):
        painted.append(stage.paint(key, second))
        stage.paint(other, second)
        stage.listener.notify()
        ((turn, picture),) = await followed.wait_for_snapshots(turn)
        assert picture == painted[-1]
    late = await followed.wait_for_snapshots(start)
    assert [picture for _, picture in late] == painted
    turns = [turn for turn, _ in late]
    assert turns == sorted(set(turns))
    assert await followed.wait_for_snapshots(-1) == [late[-1]]
    assert await followed.wait_for_snapshots(turns[2]) == late[3:]


async def test_an_unchanged_snapshot_is_not_added_again(stage: Stage) -> None:
    key = new_id()
    stage.paint(key, 1)
    followed = stage.watcher.watch(key, stage)
    await followed.wait_for_snapshots(-1)
    looks = len(stage.looks)

    async def looked_again() -> bool:
        stage.listener.notify()
        return len(stage.looks) >= looks + 3

    await until(looked_again)
    assert len(followed.snapshots) == 1


async def test_permissions_are_refreshed_after_presence_is_read(stage: Stage) -> None:
    followed = stage.watcher.watch(new_id(), stage)
    await followed.wait_for_snapshots(-1)
    assert stage.order[:2] == ["look", "fresh"]


async def test_many_wakeups_cause_one_read_per_poll_interval(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MIN_POLL_INTERVAL_SECONDS", 3600)
    followed = stage.watcher.watch(new_id(), stage)
    await followed.wait_for_snapshots(-1)
    for _ in range(100):
        stage.listener.notify()
        await asyncio.sleep(0)
    assert stage.looks == [1]


async def test_the_number_of_kept_snapshots_is_limited(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MIN_POLL_INTERVAL_SECONDS", 0)
    key = new_id()
    followed = stage.watcher.watch(key, stage)
    ((turn, _),) = await followed.wait_for_snapshots(-1)
    for second in range(watching.MAX_SNAPSHOTS + 10):
        stage.paint(key, second)
        stage.listener.notify()
        ((turn, _),) = await followed.wait_for_snapshots(turn)
    assert len(await followed.wait_for_snapshots(1)) == watching.MAX_SNAPSHOTS
