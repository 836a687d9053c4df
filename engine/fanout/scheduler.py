"""Schedules the work of subscription groups fairly, and charges it to the viewers of their
subscribers.

Each step of a group's work is charged to one caller, the viewer of one of its subscribers. The
callers of a group pay in rotation, and the reads of a step use the connections of its caller. So a
group costs each caller only a part, and a caller without budget, or with much work of its own,
delays no others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from functools import partial

from engine.limits.concurrency import PerCallerLimit
from engine.limits.rate import LeakyBuckets

MAX_WORKING_GROUPS_PER_CALLER = 2
"""One event can wake hundreds of groups of one caller. Other callers don't wait for all of them."""
MAX_BUCKET_FRACTION = 0.5
"""Subscriptions wait while more than this part of the caller's bucket is full, so that requests
have the rest of it."""
MAX_WAIT_SECONDS = 1.0
"""After this time, a waiting group looks for callers that were added since."""


class GroupScheduler:
    """Shared by all groups of the process.

    The functions take the `callers` of a group: the number of subscribers of each caller, with the
    next caller to pay first.

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
        self.working_group_limit = PerCallerLimit(MAX_WORKING_GROUPS_PER_CALLER)
        self.waits = 0
        """How often groups had to wait for the budgets of their callers."""

    @contextlib.asynccontextmanager
    async def schedule_step(self, callers: dict[str, int]) -> AsyncGenerator[str]:
        """Wait until a caller has budget, and may have one more working group.

        Yields that caller. Inside of the block, the current task works for it.
        """
        caller = await self.select_caller(callers)
        async with self.working_group_limit.semaphore_of(caller):
            self.set_caller(caller)
            self.set_charge(partial(self.charge, caller))
            yield caller

    async def select_caller(self, callers: dict[str, int]) -> str:
        """Return the first caller that has budget, and move it to the end of `callers`.

        A caller with MAX_WORKING_GROUPS_PER_CALLER working groups is selected only if every caller
        with budget has as many.
        """
        while True:
            selected: str | None = None
            shortest_wait = MAX_WAIT_SECONDS
            for caller in callers:
                seconds = self.seconds_until_budget(caller)
                if seconds:
                    shortest_wait = min(shortest_wait, seconds)
                elif not self.is_busy(caller):
                    selected = caller
                    break
                else:
                    selected = selected or caller
            if selected is not None:
                callers[selected] = callers.pop(selected)
                return selected
            self.waits += 1
            await asyncio.sleep(shortest_wait)

    def is_busy(self, caller: str) -> bool:
        """Whether the caller has MAX_WORKING_GROUPS_PER_CALLER working groups."""
        return self.working_group_limit.semaphore_of(caller).locked()

    def seconds_until_budget(self, caller: str) -> float:
        if not self.buckets.capacity:
            return 0
        capacity = self.buckets.capacity * MAX_BUCKET_FRACTION
        return self.buckets.milliseconds_until(caller, 0, capacity) / 1000

    def charge(self, caller: str, cost: int) -> None:
        if self.buckets.capacity:
            self.buckets.add(caller, cost)
