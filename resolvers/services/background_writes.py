"""Writes that a response does not wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from engine.limit_refusals import count_refusal

MAX_CONCURRENT = 2
"""Slow writes can't use all connections of the database."""
MAX_WAITING = 1000
FINISH_SECONDS = 5.0
"""The time that writes have when the server stops. Its supervisor may kill it soon after."""
log = structlog.get_logger("ticketwire")


class BackgroundWrites:
    """Runs writes in tasks, and keeps the tasks until they end.

    Use it only for a write whose time must not show in a response: a process that is killed loses
    the writes that still run. So does one that stops if they take longer than FINISH_SECONDS. If
    MAX_WAITING writes wait because the database is slow, further ones are dropped, counted and
    logged. Other lost writes are logged, unless the process is killed.
    """

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.slots = asyncio.Semaphore(MAX_CONCURRENT)

    def start(self, name: str, write: Callable[[], Awaitable[object]]) -> None:
        """Start a write. It must not be part of the caller's transaction."""
        if len(self.tasks) >= MAX_WAITING + MAX_CONCURRENT:
            count_refusal("background_writes")
            log.error("background_write.dropped", write=name)
            return
        task = asyncio.create_task(self.run(name, write), name=f"background write {name}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self, name: str, write: Callable[[], Awaitable[object]]) -> None:
        try:
            async with self.slots:
                await write()
        except Exception:
            log.exception("background_write.failed", write=name)

    async def finish(self) -> None:
        """Wait for the writes that still run, for FINISH_SECONDS at most."""
        if not self.tasks:
            return
        _, unfinished = await asyncio.wait(self.tasks, timeout=FINISH_SECONDS)
        if unfinished:
            log.error("background_write.lost_at_shutdown", count=len(unfinished))
            for task in unfinished:
                task.cancel()
            await asyncio.wait(unfinished)
