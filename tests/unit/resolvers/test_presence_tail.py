"""PresenceTail reads only watched tickets, and keeps snapshots for slow watchers."""

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
from resolvers.services import presence_tail
from resolvers.services.presence_tail import PresenceTail

NOW = time.now()


class Harness:
    """A PresenceTail on an in-memory bus, with presence as the test sets it."""

    def __init__(self) -> None:
        self.bus = WakeupBus("memory://")
        self.tail = PresenceTail(
            self.bus.listen(), time.now, refresh_permissions=self.refresh_permissions
        )
        self.snapshots: dict[UUID, TicketPresence] = {}
        self.read_sizes: list[int] = []
        self.calls: list[str] = []

    async def refresh_permissions(self) -> None:
        self.calls.append("refresh_permissions")

    async def read(self, ticket_ids: Collection[UUID], at: datetime) -> dict[UUID, TicketPresence]:
        self.read_sizes.append(len(ticket_ids))
        self.calls.append("read")
        return {key: self.snapshots.get(key, TicketPresence(key, ())) for key in ticket_ids}

    def set_presence(self, ticket_id: UUID, second: int) -> TicketPresence:
        people = (PresentUser(UUID(int=1), PresenceState.LOOKING, NOW + timedelta(seconds=second)),)
        self.snapshots[ticket_id] = TicketPresence(ticket_id, people)
        return self.snapshots[ticket_id]

    async def notify_and_wait(self) -> None:
        """Notify the tail, and wait until it has handled the wake-up."""
        woken = asyncio.create_task(self.tail.due.wait())
        await asyncio.sleep(0)
        self.bus.notify()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await woken

        async def is_handled() -> bool:
            return not self.tail.due.is_set()

        await until(is_handled)


@pytest.fixture
async def harness(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    harness = Harness()
    monkeypatch.setattr(presence, "read_presence", harness.read)
    running = asyncio.create_task(harness.tail.run())
    yield harness
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_nothing_is_read_while_nobody_watches(harness: Harness) -> None:
    for _ in range(5):
        await harness.notify_and_wait()
    assert harness.read_sizes == []
    key, watcher = new_id(), object()
    watched = harness.tail.watch(key, watcher)
    assert await watched.wait_for_snapshots(-1) == [(1, TicketPresence(key, ()))]
    assert harness.read_sizes
    harness.tail.unwatch(key, watcher)
    reads = len(harness.read_sizes)
    for _ in range(5):
        await harness.notify_and_wait()
    assert len(harness.read_sizes) == reads


async def test_a_ticket_is_watched_until_its_last_watcher_leaves(harness: Harness) -> None:
    key = new_id()
    first, second = object(), object()
    watched = harness.tail.watch(key, first)
    assert harness.tail.watch(key, second) is harness.tail.watch(key, first) is watched
    await watched.wait_for_snapshots(-1)
    harness.tail.unwatch(key, first)
    harness.tail.unwatch(key, first)
    assert harness.tail.watched == {key: watched}
    harness.tail.unwatch(key, second)
    harness.tail.unwatch(key, second)
    assert harness.tail.watched == {}
    snapshot = harness.set_presence(key, 1)
    assert await harness.tail.watch(key, first).wait_for_snapshots(-1) == [(2, snapshot)]


async def test_all_watched_tickets_are_read_together(harness: Harness) -> None:
    keys = [new_id() for _ in range(20)]
    watched = [harness.tail.watch(key, watcher) for key in keys for watcher in (object(), object())]
    snapshots = [await each.wait_for_snapshots(-1) for each in watched]
    assert {len(each) for each in snapshots} == {1}
    assert harness.read_sizes[0] == 20


async def test_a_slow_watcher_gets_every_snapshot_and_a_new_one_the_latest(
    harness: Harness,
) -> None:
    key, other = new_id(), new_id()
    watched = harness.tail.watch(key, harness)
    ((start, _),) = await watched.wait_for_snapshots(-1)
    harness.tail.watch(other, harness)
    snapshots: list[TicketPresence] = []
    number = start
    for second in range(5):
        snapshots.append(harness.set_presence(key, second))
        harness.set_presence(other, second)
        harness.bus.notify()
        ((number, snapshot),) = await watched.wait_for_snapshots(number)
        assert snapshot == snapshots[-1]
    late = await watched.wait_for_snapshots(start)
    assert [snapshot for _, snapshot in late] == snapshots
    numbers = [number for number, _ in late]
    assert numbers == sorted(set(numbers))
    assert await watched.wait_for_snapshots(-1) == [late[-1]]
    assert await watched.wait_for_snapshots(numbers[2]) == late[3:]


async def test_an_unchanged_snapshot_is_not_added_again(harness: Harness) -> None:
    key = new_id()
    harness.set_presence(key, 1)
    watched = harness.tail.watch(key, harness)
    await watched.wait_for_snapshots(-1)
    reads = len(harness.read_sizes)

    async def has_read_again() -> bool:
        harness.bus.notify()
        return len(harness.read_sizes) >= reads + 3

    await until(has_read_again)
    assert len(watched.snapshots) == 1


async def test_permissions_are_refreshed_after_presence_is_read(harness: Harness) -> None:
    watched = harness.tail.watch(new_id(), harness)
    await watched.wait_for_snapshots(-1)
    assert harness.calls[:2] == ["read", "refresh_permissions"]


async def test_many_wakeups_cause_one_read_per_poll_interval(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_tail, "MIN_POLL_INTERVAL_SECONDS", 3600)
    watched = harness.tail.watch(new_id(), harness)
    await watched.wait_for_snapshots(-1)
    for _ in range(100):
        harness.bus.notify()
        await asyncio.sleep(0)
    assert harness.read_sizes == [1]


async def test_the_number_of_kept_snapshots_is_limited(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_tail, "MIN_POLL_INTERVAL_SECONDS", 0)
    key = new_id()
    watched = harness.tail.watch(key, harness)
    ((number, _),) = await watched.wait_for_snapshots(-1)
    for second in range(presence_tail.MAX_SNAPSHOTS + 10):
        harness.set_presence(key, second)
        harness.bus.notify()
        ((number, _),) = await watched.wait_for_snapshots(number)
    assert len(await watched.wait_for_snapshots(1)) == presence_tail.MAX_SNAPSHOTS
