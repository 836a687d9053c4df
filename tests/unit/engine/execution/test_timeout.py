"""The shared timeout: each task is cancelled a fixed time after its own start.

Time limits in these tests either expire, or are longer than any test lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.execution.timeout import SharedTimeout, TimeoutScope

LONG_SECONDS = 1e9
SHORT_SECONDS = 0.01


async def run_within(timeout: SharedTimeout, work: Awaitable[object]) -> object:
    with TimeoutScope(timeout):
        return await work


async def test_work_that_takes_too_long_is_cancelled_with_a_timeout_error() -> None:
    scope = TimeoutScope(SharedTimeout(SHORT_SECONDS))
    ended: list[bool] = []

    async def long() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError), scope:
        await long()
    assert scope.expired
    assert ended
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
    await asyncio.sleep(0)


async def test_work_that_ends_in_time_leaves_no_timer() -> None:
    timeout = SharedTimeout(LONG_SECONDS)
    for _ in range(100):
        assert await run_within(timeout, asyncio.sleep(0, "done")) == "done"
    assert not timeout.active
    timeout = SharedTimeout(SHORT_SECONDS)
    with TimeoutScope(timeout):
        pass
    async with asyncio.timeout(60):
        while timeout.timer is not None:  # nothing runs, so the timer is not renewed
            await asyncio.sleep(SHORT_SECONDS)
    timeout.seconds = LONG_SECONDS
    assert await run_within(timeout, asyncio.sleep(0, "done")) == "done"


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """Moves the clock of the running loop forward, and lets all tasks run."""
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
async def test_each_task_has_its_own_timeout(advance: Callable[[float], Awaitable[None]]) -> None:
    timeout = SharedTimeout(10_000)
    ended: list[int] = []
    done = asyncio.Event()

    async def work(number: int) -> None:
        try:
            await run_within(timeout, asyncio.Event().wait() if number % 2 else done.wait())
        except TimeoutError:
            ended.append(number)

    tasks = [asyncio.create_task(work(0))]
    await asyncio.sleep(0)
    for number in range(1, 10):
        await advance(1000)
        tasks.append(asyncio.create_task(work(number)))
        await asyncio.sleep(0)
    assert ended == []
    done.set()
    await advance(0)
    await advance(1000)
    assert ended == []
    for number in range(1, 10):
        await advance(1000)
        assert ended == list(range(1, number + 1, 2)), "each task ends 10,000 s after its start"
    await asyncio.gather(*tasks)
    assert not timeout.active


async def test_a_cancellation_from_outside_is_not_a_timeout() -> None:
    timeout = SharedTimeout(LONG_SECONDS)
    task = asyncio.create_task(run_within(timeout, asyncio.sleep(3600)))
    await asyncio.sleep(0)
    assert timeout.active
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not timeout.active


async def test_a_timeout_error_raised_by_the_work_does_not_expire_the_scope() -> None:
    scope = TimeoutScope(SharedTimeout(LONG_SECONDS))

    async def fail() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError), scope:
        await fail()
    assert not scope.expired


async def test_a_cancellation_at_the_moment_of_the_timeout_is_not_lost() -> None:
    timeout = SharedTimeout(SHORT_SECONDS)
    task = asyncio.create_task(run_within(timeout, asyncio.sleep(3600)))
    await asyncio.sleep(0)
    timeout.running_loop().call_at(next(iter(timeout.active)).ends_at, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_can_be_used_in_another_loop() -> None:
    timeout = SharedTimeout(SHORT_SECONDS)

    def run_in_new_loop() -> None:
        with pytest.raises(TimeoutError):
            asyncio.run(run_within(timeout, asyncio.sleep(3600)))

    for _ in range(2):
        await asyncio.to_thread(run_in_new_loop)
