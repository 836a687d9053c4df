"""The log tail: which events it keeps in memory, which readers it wakes, and that a failed read
loses no event."""

from __future__ import annotations

import asyncio

import pytest

from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus

pytestmark = pytest.mark.never_retried

LIMIT = 60
"""Seconds. Whatever a test waits for normally comes within one."""


class ListeningBus(WakeupBus):
    """A bus with one listener."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.wait = self.listen().wait


class Log:
    """A gapless log of numbers. `at_once` of them are read at a time."""

    def __init__(self, at_once: int = 1000) -> None:
        self.head = 0
        self.at_once = at_once
        self.failing = 0
        self.reads = 0

    async def read(self, position: int) -> list[int]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.failing:
            self.failing -= 1
            raise ConnectionError("away")
        return list(range(position + 1, self.head + 1))[: self.at_once]


def tail_of(log: Log, *, max_recent: int = 100, poll_seconds: float = 0.02) -> LogTail[int]:
    return LogTail(
        log.read,
        lambda event: event,
        ListeningBus("memory://"),
        poll_seconds=poll_seconds,
        max_recent=max_recent,
    )


async def test_it_reads_on_from_where_it_was_started() -> None:
    log = Log(at_once=3)
    log.head = 10
    tail = tail_of(log)
    tail.start_at(4)
    assert [await tail.advance() for _ in range(3)] == [True, True, False]
    assert tail.head == 10
    assert tail.after(4) == [5, 6, 7, 8, 9, 10]
    assert tail.after(7) == [8, 9, 10]
    assert tail.after(10) == tail.after(99) == []
    assert tail.after(3) is None, "it never had event 4"


async def test_it_forgets_events_whose_rows_were_rewritten() -> None:
    log = Log(at_once=3)
    log.head = 7
    tail = LogTail(
        log.read,
        lambda event: event,
        ListeningBus("memory://"),
        outdates_earlier=lambda event: event == 5,
    )
    assert [await tail.advance() for _ in range(3)] == [True, True, True]
    assert tail.after(2) is None, "event 3 was read before event 5 said that it changed"
    assert tail.after(3) == [4, 5, 6, 7]


async def test_it_keeps_the_newest_events_and_returns_none_for_older_ones() -> None:
    log = Log()
    log.head = 10
    tail = tail_of(log, max_recent=4)
    await tail.advance()
    assert tail.after(6) == [7, 8, 9, 10]
    assert tail.after(5) is None
    log.head = 12
    await tail.advance()
    assert (tail.after(8), tail.after(7)) == ([9, 10, 11, 12], None)


async def test_a_reader_is_woken_only_when_the_log_grows_beyond_its_position() -> None:
    log = Log()
    tail = tail_of(log)
    waiting = {position: asyncio.create_task(tail.wait_beyond(position)) for position in (0, 1, 2)}
    await asyncio.sleep(0)
    log.head = 2
    await tail.advance()
    await asyncio.wait_for(asyncio.gather(waiting[0], waiting[1]), LIMIT)
    assert not waiting[2].done()
    log.head = 3
    await tail.advance()
    await asyncio.wait_for(waiting[2], LIMIT)
    await asyncio.wait_for(tail.wait_beyond(1), LIMIT)


async def test_readers_get_each_event_once_and_in_order_while_the_log_grows() -> None:
    log = Log(at_once=7)
    tail = tail_of(log, max_recent=1000)
    following = asyncio.create_task(tail.run())
    seen: list[list[int]] = [[], [], []]

    async def follow(place: int) -> None:
        position = place * 10
        while position < 500:
            await tail.wait_beyond(position)
            events = tail.after(position)
            assert events
            seen[place] += events
            position = events[-1]

    async def grow() -> None:
        while log.head < 500:
            log.head += 3
            tail.listener.notify()  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    try:
        await asyncio.wait_for(
            asyncio.gather(grow(), *(follow(place) for place in range(3))), LIMIT
        )
    finally:
        following.cancel()
    for place, events in enumerate(seen):
        assert events == list(range(place * 10 + 1, events[-1] + 1))


async def test_a_lost_signal_or_a_failed_read_costs_time_and_no_event() -> None:
    log = Log()
    tail = tail_of(log)
    following = asyncio.create_task(tail.run())
    try:
        log.failing = 3
        log.head = 5
        await asyncio.wait_for(tail.wait_beyond(4), LIMIT)
        log.head = 6
        await asyncio.wait_for(tail.wait_beyond(5), LIMIT)
    finally:
        following.cancel()
    assert tail.after(0) == [1, 2, 3, 4, 5, 6]
    assert log.reads > 4


async def test_it_waits_for_a_signal_between_reads() -> None:
    log = Log()
    tail = tail_of(log, poll_seconds=3600)
    following = asyncio.create_task(tail.run())
    try:
        for _ in range(50):
            await asyncio.sleep(0)
        assert log.reads == 1
        log.head = 1
        tail.listener.notify()  # type: ignore[attr-defined]
        await asyncio.wait_for(tail.wait_beyond(0), LIMIT)
    finally:
        following.cancel()


async def test_events_are_announced_after_a_refresh_and_not_while_it_fails() -> None:
    log, failing, seen = Log(), [True, True, False], list[tuple[int, int]]()

    async def refresh() -> None:
        await asyncio.sleep(0)
        seen.append((tail.head, log.reads))
        if failing.pop(0):
            raise ConnectionError("away")

    tail = LogTail(
        log.read, lambda event: event, ListeningBus("memory://"), refresh=refresh, poll_seconds=0.02
    )
    log.head = 2
    waiting = asyncio.create_task(tail.wait_beyond(0))
    for reads in (1, 2):
        with pytest.raises(ConnectionError):
            await tail.advance()
        assert (tail.head, len(tail.recent), waiting.done()) == (0, 0, False)
        assert seen[-1] == (0, reads)
    assert await tail.advance()
    await asyncio.wait_for(waiting, LIMIT)
    assert tail.after(0) == [1, 2]
    assert not await tail.advance()
    assert len(seen) == 3, "without new events there is no refresh"
