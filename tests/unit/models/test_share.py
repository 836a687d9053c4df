"""What one caller may have of the connections: a place is never lost, and what one has too many of waits for its own alone."""

from __future__ import annotations

import asyncio

from models.database.fair_share import CallerShares


class Statement:
    """One that runs until it is let go."""

    def __init__(self, shares: CallerShares, caller: object) -> None:
        self.over = asyncio.Event()
        self.runs = False
        self.task = asyncio.create_task(self.run(shares, caller))

    async def run(self, shares: CallerShares, caller: object) -> None:
        if not shares.try_acquire(caller):
            await shares.wait(caller)
        self.runs = True
        try:
            await self.over.wait()
        finally:
            self.runs = False
            shares.release(caller)

    async def end(self) -> None:
        self.over.set()
        await self.task
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_so_many_run_and_the_next_ones_wait_in_turn() -> None:
    shares = CallerShares(2)
    asked = [Statement(shares, "ada") for _ in range(5)]
    others = [Statement(shares, "bill"), *(Statement(shares, None) for _ in range(4))]
    await settled()
    assert [each.runs for each in asked] == [True, True, False, False, False]
    assert all(each.runs for each in others)
    await asked[1].end()
    assert [each.runs for each in asked] == [True, False, True, False, False]
    await asked[0].end()
    assert [each.runs for each in asked] == [False, False, True, True, False]
    for each in [*asked, *others]:
        await each.end()
    assert not shares.in_use
    assert not shares.waiting


async def test_who_is_cancelled_while_waiting_takes_no_place_along() -> None:
    shares = CallerShares(1)
    first, second, third, fourth = (Statement(shares, "ada") for _ in range(4))
    await settled()
    second.task.cancel()
    await settled()
    await first.end()
    assert third.runs
    third.over.set()
    await third.task  # which hands its place to the fourth, before that goes on
    fourth.task.cancel()
    await settled()
    last = Statement(shares, "ada")
    await settled()
    assert last.runs
    await last.end()
    assert not shares.in_use
    assert not shares.waiting


async def test_who_comes_while_others_wait_does_not_pass_them() -> None:
    shares = CallerShares(1)
    first, second = Statement(shares, "ada"), Statement(shares, "ada")
    await settled()
    first.over.set()
    await first.task
    third = Statement(shares, "ada")
    await settled()
    assert (second.runs, third.runs) == (True, False)
    await second.end()
    assert third.runs
    await third.end()
