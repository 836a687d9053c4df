"""The scheduler of subscription groups: their callers pay in rotation, and wait for budget."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from engine.fanout.scheduler import MAX_WORKING_GROUPS_PER_CALLER, GroupScheduler
from engine.limits.rate import LeakyBuckets

pytestmark = pytest.mark.asyncio(loop_scope="function")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_callers_of_a_group_pay_in_rotation() -> None:
    scheduler = GroupScheduler()
    callers = {"ada": 1, "bob": 3}
    taken: list[str] = []
    for _ in range(4):
        async with scheduler.schedule_step(callers) as caller:
            taken.append(caller)
    assert taken == ["ada", "bob", "ada", "bob"]
    assert callers == {"ada": 1, "bob": 3}


async def test_a_caller_whose_bucket_is_more_than_half_full_does_not_pay() -> None:
    clock = Clock()
    scheduler = GroupScheduler(LeakyBuckets(100, 1, clock))
    scheduler.charge("ada", 51)
    callers = {"ada": 1, "bob": 1}
    for _ in range(3):
        assert await scheduler.select_caller(callers) == "bob"
    clock.now = 1.0
    assert {await scheduler.select_caller(callers) for _ in range(2)} == {"ada", "bob"}


async def test_a_group_waits_until_a_caller_has_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fanout.scheduler.MAX_WAIT_SECONDS", 0.001)
    clock = Clock()
    scheduler = GroupScheduler(LeakyBuckets(100, 1, clock))
    scheduler.charge("ada", 500)
    waiting = asyncio.create_task(scheduler.select_caller({"ada": 1}))
    async with asyncio.timeout(60):
        while scheduler.waits < 3:
            await asyncio.sleep(0)
    assert not waiting.done()
    clock.now = 449
    waits = scheduler.waits
    async with asyncio.timeout(60):
        while scheduler.waits < waits + 2:
            await asyncio.sleep(0)
        assert not waiting.done()
        clock.now = 450
        assert await waiting == "ada"


async def test_requests_have_the_other_half_of_the_bucket() -> None:
    buckets = LeakyBuckets(100, 1, Clock())
    scheduler = GroupScheduler(buckets)
    scheduler.charge("ada", 50)
    assert scheduler.seconds_until_budget("ada") == 0
    assert buckets.take("ada", 50).retry_after_ms == 0
    assert scheduler.seconds_until_budget("ada") == 50


async def test_few_groups_of_a_caller_work_at_once_and_others_need_not_wait() -> None:
    current_callers: list[str] = []
    scheduler = GroupScheduler(set_caller=current_callers.append)
    working: list[str] = []
    end = asyncio.Event()

    async def work(caller: str) -> None:
        async with scheduler.schedule_step({caller: 1}) as caller_to_pay:
            working.append(caller_to_pay)
            await end.wait()

    tasks = [asyncio.create_task(work("ada")) for _ in range(50)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(work("bob")))
    for _ in range(10):
        await asyncio.sleep(0)
    assert working == ["ada"] * MAX_WORKING_GROUPS_PER_CALLER + ["bob"]
    assert current_callers == working
    end.set()
    await asyncio.gather(*tasks)
    assert len(working) == 51


async def test_without_a_rate_limit_no_caller_waits() -> None:
    scheduler = GroupScheduler()
    scheduler.charge("ada", 10**9)
    assert await scheduler.select_caller({"ada": 1}) == "ada"


async def test_a_group_with_several_callers_prefers_one_without_work() -> None:
    scheduler = GroupScheduler()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_WORKING_GROUPS_PER_CALLER):
            await stack.enter_async_context(scheduler.schedule_step({"ada": 1}))
        assert [await scheduler.select_caller({"ada": 1, "bob": 1}) for _ in range(2)] == [
            "bob",
            "bob",
        ]
        assert await scheduler.select_caller({"ada": 1}) == "ada"
