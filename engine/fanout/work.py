"""The work of a subscription group: it reads the source and executes its items.

Each step is charged to the viewer (`owner`) of one of its subscribers, in rotation (see turns.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from engine.execution.source import Item
from engine.execution.subscription import ExecutionInterrupted, SubscriptionExecution
from engine.fanout.turns import SubscriptionTurns

RETRY_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
log = structlog.get_logger("ticketwire.groups")


class GroupWork:
    """Reads and executes for one group. Each step is charged to one subscriber's viewer (`owner`),
    in rotation (see turns.py).

    `owners` has the number of subscribers of each viewer.
    """

    def __init__(self, execution: SubscriptionExecution, turns: SubscriptionTurns) -> None:
        self.execution = execution
        self.turns = turns
        self.owners: dict[str, int] = {}

    def add_owner(self, owner: str) -> None:
        self.owners[owner] = self.owners.get(owner, 0) + 1

    def remove_owner(self, owner: str) -> None:
        self.owners[owner] -= 1
        if not self.owners[owner]:
            del self.owners[owner]

    async def read_batch(self) -> Sequence[Item[Any]]:
        """Wait for new items and read them. May return none."""
        source = self.execution.source
        await source.wait()
        async with self.turns.turn(self.owners) as owner:
            before = source.position
            items = await source.next_batch()
            if items or source.position != before:
                self.turns.pay(owner, self.execution.cost_reservation.update_cost)
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
        async with self.turns.turn(self.owners) as owner:
            payloads = await self.execution.execute_batch(values)
            self.turns.pay(owner, self.execution.cost_reservation.batch_cost(len(values)))
            return payloads
