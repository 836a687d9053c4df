"""Computes equal reads once for all subscriptions at the same position of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
MAX_EVALUATIONS = 1_000
"""All results are forgotten when there are this many. The next callers evaluate again."""


class SharedEvaluations:
    """Results by key, as long as the log has not grown.

    Any change of a ticket moves the log's head, so a result is never older than the events that it
    is used for.
    """

    def __init__(self) -> None:
        self.head = -1
        self.tasks: dict[Hashable, asyncio.Task[Any]] = {}
        self.evaluated = 0
        self.shared = 0

    async def get(self, key: Hashable, head: int, evaluate: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `evaluate`, which may be that of an earlier caller with this key.

        Args:
            head: The head of the log as this process knows it.
        """
        if head != self.head or len(self.tasks) >= MAX_EVALUATIONS:
            self.head = head
            self.tasks.clear()
        task = self.tasks.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            self.evaluated += 1
            task = self.tasks[key] = asyncio.ensure_future(self.run(evaluate))
        else:
            self.shared += 1
        # A caller that is cancelled does not cancel the evaluation for others.
        return await asyncio.shield(task)

    async def run(self, evaluate: Callable[[], Awaitable[T]]) -> T:
        return await evaluate()
