"""The turns of subscription groups: their owners pay, and wait without budget."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from engine.fanout.turns import MAX_WORKING_GROUPS_PER_OWNER, SubscriptionTurns
from engine.limits.rate import LeakyBuckets

pytestmark = pytest.mark.asyncio(loop_scope="function")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_owners_of_a_group_take_turns() -> None:
    turns = SubscriptionTurns()
    owners = {"ada": 1, "bob": 3}
    taken: list[str] = []
    for _ in range(4):
        async with turns.turn(owners) as owner:
            taken.append(owner)
    assert taken == ["ada", "bob", "ada", "bob"]
    assert owners == {"ada": 1, "bob": 3}


async def test_an_owner_whose_bucket_is_more_than_half_full_has_no_turn() -> None:
    clock = Clock()
    turns = SubscriptionTurns(LeakyBuckets(100, 1, clock))
    turns.pay("ada", 51)
    owners = {"ada": 1, "bob": 1}
    for _ in range(3):
        assert await turns.next_owner(owners) == "bob"
    clock.now = 1.0
    assert {await turns.next_owner(owners) for _ in range(2)} == {"ada", "bob"}


async def test_a_group_waits_until_an_owner_has_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fanout.turns.MAX_WAIT_SECONDS", 0.001)
    clock = Clock()
    turns = SubscriptionTurns(LeakyBuckets(100, 1, clock))
    turns.pay("ada", 500)
    waiting = asyncio.create_task(turns.next_owner({"ada": 1}))
    async with asyncio.timeout(60):
        while turns.waits < 3:
            await asyncio.sleep(0)
    assert not waiting.done()
    clock.now = 449
    waits = turns.waits
    async with asyncio.timeout(60):
        while turns.waits < waits + 2:
            await asyncio.sleep(0)
        assert not waiting.done()
        clock.now = 450
        assert await waiting == "ada"


async def test_requests_have_the_other_half_of_the_bucket() -> None:
    buckets = LeakyBuckets(100, 1, Clock())
    turns = SubscriptionTurns(buckets)
    turns.pay("ada", 50)
    assert turns.seconds_until_budget("ada") == 0
    assert buckets.take("ada", 50).retry_after_ms == 0
    assert turns.seconds_until_budget("ada") == 50


async def test_few_groups_of_an_owner_work_at_once_and_others_need_not_wait() -> None:
    callers: list[str] = []
    turns = SubscriptionTurns(set_caller=callers.append)
    working: list[str] = []
    end = asyncio.Event()

    async def work(owner: str) -> None:
        async with turns.turn({owner: 1}) as payer:
            working.append(payer)
            await end.wait()

    tasks = [asyncio.create_task(work("ada")) for _ in range(50)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(work("bob")))
    for _ in range(10):
        await asyncio.sleep(0)
    assert working == ["ada"] * MAX_WORKING_GROUPS_PER_OWNER + ["bob"]
    assert callers == working
    end.set()
    await asyncio.gather(*tasks)
    assert len(working) == 51


async def test_without_a_rate_limit_no_owner_waits() -> None:
    turns = SubscriptionTurns()
    turns.pay("ada", 10**9)
    assert await turns.next_owner({"ada": 1}) == "ada"


async def test_a_group_with_several_owners_prefers_one_without_work() -> None:
    turns = SubscriptionTurns()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_WORKING_GROUPS_PER_OWNER):
            await stack.enter_async_context(turns.turn({"ada": 1}))
        assert [await turns.next_owner({"ada": 1, "bob": 1}) for _ in range(2)] == ["bob", "bob"]
        assert await turns.next_owner({"ada": 1}) == "ada"
