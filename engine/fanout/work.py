"""The work of a subscription group: it reads the source and executes its items.

Each step is charged to one caller, the viewer of one of its subscribers (see scheduler.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from engine.execution.source import Item
from engine.execution.subscription import ExecutionInterrupted, SubscriptionExecution
from engine.fanout.scheduler import GroupScheduler

RETRY_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
log = structlog.get_logger("ticketwire.groups")


class GroupWork:
    """Reads and executes for one group.

    `callers` has the number of subscribers of each caller.
    """

    def __init__(self, execution: SubscriptionExecution, scheduler: GroupScheduler) -> None:
        self.execution = execution
        self.scheduler = scheduler
        self.callers: dict[str, int] = {}

    def add_caller(self, caller: str) -> None:
        self.callers[caller] = self.callers.get(caller, 0) + 1

    def remove_caller(self, caller: str) -> None:
        self.callers[caller] -= 1
        if not self.callers[caller]:
            del self.callers[caller]

    async def read_batch(self) -> Sequence[Item[Any]]:
        """Wait for new items and read them. May return none."""
        source = self.execution.source
        await source.wait()
        async with self.scheduler.schedule_step(self.callers) as caller:
            before = source.position
            items = await source.next_batch()
            if items or source.position != before:
                self.scheduler.charge(caller, self.execution.cost_reservation.update_cost)
            return items

    async def execute(self, values: Sequence[Any]) -> list[bytes]:
        """Execute the selection for each value; return the results as JSON.

        Raises ExecutionInterrupted if a database outage outlasts the retries.
        """
        for seconds in RETRY_DELAYS_SECONDS:
            try:
                return await self.execute_once(values)
            except ExecutionInterrupted:
                log.warning("groups.execution_interrupted", retry_seconds=seconds)
                await asyncio.sleep(seconds)
        return await self.execute_once(values)

    async def execute_once(self, values: Sequence[Any]) -> list[bytes]:
        async with self.scheduler.schedule_step(self.callers) as caller:
            payloads = await self.execution.execute_batch(values)
            self.scheduler.charge(caller, self.execution.cost_reservation.batch_cost(len(values)))
            return payloads
