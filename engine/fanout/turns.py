"""Schedules the work of subscription groups, and charges it to the owners of their subscriptions.

A group has the owners of its subscribers. They take turns: each piece of work is charged to one of
them, and its reads of the database count as this owner's. So a group costs each of its owners only
a part, and an owner without budget, or with much work of its own, delays no others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from functools import partial

from engine.limits.concurrency import PerCallerLimit
from engine.limits.rate import LeakyBuckets

MAX_WORKING_GROUPS_PER_OWNER = 2
"""One event can wake hundreds of groups of one owner. Other owners don't wait for all of them."""
MAX_BUCKET_FRACTION = 0.5
"""Subscriptions wait while more than this part of the owner's bucket is full, so that requests have
the rest of it."""
MAX_WAIT_SECONDS = 1.0
"""After this time, a waiting group looks for owners that were added since."""


class SubscriptionTurns:
    """Shared by all groups of the process.

    Args:
        buckets: The callers' buckets. A capacity of 0 turns the rate limit off.
        set_caller: Sets the caller for whom the current task reads the database.
        set_charge: Sets the function by which this work charges its caller for more.
    """

    def __init__(
        self,
        buckets: LeakyBuckets | None = None,
        set_caller: Callable[[str], object] = lambda _: None,
        set_charge: Callable[[Callable[[int], None]], object] = lambda _: None,
    ) -> None:
        self.buckets = buckets or LeakyBuckets(0, 1)
        self.set_caller = set_caller
        self.set_charge = set_charge
        self.working = PerCallerLimit(MAX_WORKING_GROUPS_PER_OWNER)
        self.waits = 0
        """How often groups had to wait for the budgets of their owners."""

    @contextlib.asynccontextmanager
    async def turn(self, owners: dict[str, int]) -> AsyncGenerator[str]:
        """Wait for the turn of an owner that has budget; yield the owner, who pays.

        `owners` has the number of subscribers of each owner, in the order of their turns. The owner
        is moved to the end.
        """
        owner = await self.next_owner(owners)
        async with self.working.semaphore_of(owner):
            self.set_caller(owner)
            self.set_charge(partial(self.pay, owner))
            yield owner

    async def next_owner(self, owners: dict[str, int]) -> str:
        """Return the first owner that has budget, and move it to the end.

        An owner with MAX_WORKING_GROUPS_PER_OWNER working groups is chosen only if every owner with
        budget has as many.
        """
        while True:
            found: str | None = None
            shortest = MAX_WAIT_SECONDS
            for owner in owners:
                seconds = self.seconds_until_budget(owner)
                if seconds:
                    shortest = min(shortest, seconds)
                elif not self.is_busy(owner):
                    found = owner
                    break
                else:
                    found = found or owner
            if found is not None:
                owners[found] = owners.pop(found)
                return found
            self.waits += 1
            await asyncio.sleep(shortest)

    def is_busy(self, owner: str) -> bool:
        """Whether as many groups of the owner work as may."""
        return self.working.semaphore_of(owner).locked()

    def seconds_until_budget(self, owner: str) -> float:
        if not self.buckets.capacity:
            return 0
        capacity = self.buckets.capacity * MAX_BUCKET_FRACTION
        return self.buckets.milliseconds_until(owner, 0, capacity) / 1000

    def pay(self, owner: str, cost: int) -> None:
        if self.buckets.capacity:
            self.buckets.add(owner, cost)
