"""Fair sharing of database connections.

A caller's excess statements wait only for its own statements, and no slot is ever lost.
"""

from __future__ import annotations

import asyncio

from models.database.fair_share import CallerShares


class Statement:
    """A statement that runs until `end` is called."""

    def __init__(self, shares: CallerShares, caller: object) -> None:
        self.may_end = asyncio.Event()
        self.runs = False
        self.task = asyncio.create_task(self.run(shares, caller))

    async def run(self, shares: CallerShares, caller: object) -> None:
        if not shares.try_acquire(caller):
            await shares.wait_for_share(caller)
        self.runs = True
        try:
            await self.may_end.wait()
        finally:
            self.runs = False
            shares.release(caller)

    async def end(self) -> None:
        self.may_end.set()
        await self.task
        await run_pending_callbacks()


async def run_pending_callbacks() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_statements_beyond_the_share_wait_in_order() -> None:
    shares = CallerShares(2)
    of_ada = [Statement(shares, "ada") for _ in range(5)]
    others = [Statement(shares, "bill"), *(Statement(shares, None) for _ in range(4))]
    await run_pending_callbacks()
    assert [each.runs for each in of_ada] == [True, True, False, False, False]
    assert all(each.runs for each in others)
    await of_ada[1].end()
    assert [each.runs for each in of_ada] == [True, False, True, False, False]
    await of_ada[0].end()
    assert [each.runs for each in of_ada] == [False, False, True, True, False]
    for each in [*of_ada, *others]:
        await each.end()
    assert not shares.in_use
    assert not shares.waiting


async def test_a_waiting_statement_that_is_cancelled_loses_no_slot() -> None:
    shares = CallerShares(1)
    first, second, third, fourth = (Statement(shares, "ada") for _ in range(4))
    await run_pending_callbacks()
    second.task.cancel()
    await run_pending_callbacks()
    await first.end()
    assert third.runs
    third.may_end.set()
    await third.task  # its slot goes to the fourth, which has not resumed yet
    fourth.task.cancel()
    await run_pending_callbacks()
    last = Statement(shares, "ada")
    await run_pending_callbacks()
    assert last.runs
    await last.end()
    assert not shares.in_use
    assert not shares.waiting


async def test_a_new_statement_does_not_overtake_waiting_ones() -> None:
    shares = CallerShares(1)
    first, second = Statement(shares, "ada"), Statement(shares, "ada")
    await run_pending_callbacks()
    first.may_end.set()
    await first.task
    third = Statement(shares, "ada")
    await run_pending_callbacks()
    assert (second.runs, third.runs) == (True, False)
    await second.end()
    assert third.runs
    await third.end()
