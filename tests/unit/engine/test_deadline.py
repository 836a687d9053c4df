"""Work ends when its time is over, each piece by its own start, and nothing else is taken for that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from engine.deadline import Deadline, Timed


async def within(deadline: Deadline, work: Awaitable[object]) -> object:
    with Timed(deadline):
        return await work


async def test_what_takes_too_long_is_cancelled_and_says_so() -> None:
    clock = Timed(Deadline(0.02))
    ended: list[bool] = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError), clock:
        await long()
    assert clock.expired
    assert ended
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
    await asyncio.sleep(0)


async def test_what_is_done_in_time_leaves_nothing_behind() -> None:
    deadline = Deadline(0.05)
    for _ in range(100):
        assert await within(deadline, asyncio.sleep(0, "done")) == "done"
    assert not deadline.running
    await asyncio.sleep(0.1)
    assert deadline.timer is None, "nothing runs, so nothing is waited for"
    assert await within(deadline, asyncio.sleep(0, "done")) == "done"


async def test_each_piece_has_its_own_time() -> None:
    deadline = Deadline(0.2)
    ends: dict[int, float] = {}
    began = asyncio.get_running_loop().time()

    async def piece(number: int) -> None:
        await asyncio.sleep(number * 0.05)
        try:
            await within(deadline, asyncio.sleep(60 if number % 2 else 0.01))
        except TimeoutError:
            ends[number] = asyncio.get_running_loop().time() - began - number * 0.05

    await asyncio.gather(*(piece(number) for number in range(10)))
    assert sorted(ends) == [1, 3, 5, 7, 9]
    assert min(ends.values()) > 0.19


async def test_who_is_cancelled_from_outside_is_not_late() -> None:
    deadline = Deadline(60)
    task = asyncio.create_task(within(deadline, asyncio.sleep(60)))
    await asyncio.sleep(0)
    assert deadline.running
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not deadline.running


async def test_a_timeout_of_the_work_itself_is_another_one() -> None:
    clock = Timed(Deadline(60))

    async def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError), clock:
        await late()
    assert not clock.expired


async def test_a_cancellation_at_the_same_moment_is_not_swallowed() -> None:
    deadline = Deadline(0.01)
    task = asyncio.create_task(within(deadline, asyncio.sleep(60)))
    await asyncio.sleep(0)
    deadline.running_loop().call_at(next(iter(deadline.running)).ends_at, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_may_be_used_in_another_loop() -> None:
    deadline = Deadline(0.01)

    def used() -> None:
        with pytest.raises(TimeoutError):
            asyncio.run(within(deadline, asyncio.sleep(60)))

    for _ in range(2):
        await asyncio.to_thread(used)
