"""Work ends when its time is over, each piece by its own start, and nothing else is taken for that.

Time limits here either have to run out, or are longer than any test lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.execution.timeout import SharedTimeout, TimeoutScope

LONG_SECONDS = 1e9
SHORT_SECONDS = 0.01


async def within(deadline: SharedTimeout, work: Awaitable[object]) -> object:
    with TimeoutScope(deadline):
        return await work


async def test_what_takes_too_long_is_cancelled_and_says_so() -> None:
    clock = TimeoutScope(SharedTimeout(SHORT_SECONDS))
    ended: list[bool] = []

    async def long() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError), clock:
        await long()
    assert clock.expired
    assert ended
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
    await asyncio.sleep(0)


async def test_what_is_done_in_time_leaves_nothing_behind() -> None:
    deadline = SharedTimeout(LONG_SECONDS)
    for _ in range(100):
        assert await within(deadline, asyncio.sleep(0, "done")) == "done"
    assert not deadline.active
    deadline = SharedTimeout(SHORT_SECONDS)
    with TimeoutScope(deadline):
        pass
    async with asyncio.timeout(60):
        while deadline.timer is not None:  # nothing runs, so nothing is waited for
            await asyncio.sleep(SHORT_SECONDS)
    deadline.seconds = LONG_SECONDS
    assert await within(deadline, asyncio.sleep(0, "done")) == "done"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """Moves the clock of the running loop on, and lets all tasks notice it."""
    ahead = 0.0

    async def move(seconds: float) -> None:
        nonlocal ahead
        if not ahead:
            loop = asyncio.get_running_loop()
            real = loop.time
            monkeypatch.setattr(loop, "time", lambda: real() + ahead)
        ahead += seconds
        for _ in range(10):
            await asyncio.sleep(0)

    return move


@pytest.mark.asyncio(loop_scope="function")
async def test_each_piece_has_its_own_time(later: Callable[[float], Awaitable[None]]) -> None:
    deadline = SharedTimeout(10_000)
    ended: list[int] = []
    done = asyncio.Event()

    async def piece(number: int) -> None:
        try:
            await within(deadline, asyncio.Event().wait() if number % 2 else done.wait())
        except TimeoutError:
            ended.append(number)

    tasks = [asyncio.create_task(piece(0))]
    await asyncio.sleep(0)
    for number in range(1, 10):
        await later(1000)
        tasks.append(asyncio.create_task(piece(number)))
        await asyncio.sleep(0)
    assert ended == []
    done.set()
    await later(0)
    await later(1000)
    assert ended == []
    for number in range(1, 10):
        await later(1000)
        assert ended == list(range(1, number + 1, 2)), "each ends ten thousand seconds after it began"
    await asyncio.gather(*tasks)
    assert not deadline.active


async def test_who_is_cancelled_from_outside_is_not_late() -> None:
    deadline = SharedTimeout(LONG_SECONDS)
    task = asyncio.create_task(within(deadline, asyncio.sleep(3600)))
    await asyncio.sleep(0)
    assert deadline.active
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not deadline.active


async def test_a_timeout_of_the_work_itself_is_another_one() -> None:
    clock = TimeoutScope(SharedTimeout(LONG_SECONDS))

    async def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError), clock:
        await late()
    assert not clock.expired


async def test_a_cancellation_at_the_same_moment_is_not_swallowed() -> None:
    deadline = SharedTimeout(SHORT_SECONDS)
    task = asyncio.create_task(within(deadline, asyncio.sleep(3600)))
    await asyncio.sleep(0)
    deadline.running_loop().call_at(next(iter(deadline.active)).ends_at, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_may_be_used_in_another_loop() -> None:
    deadline = SharedTimeout(SHORT_SECONDS)

    def used() -> None:
        with pytest.raises(TimeoutError):
            asyncio.run(within(deadline, asyncio.sleep(3600)))

    for _ in range(2):
        await asyncio.to_thread(used)
