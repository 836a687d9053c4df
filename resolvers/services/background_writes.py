"""Writes that a response does not wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger("ticketwire")


class BackgroundWrites:
    """Runs writes in tasks, and keeps the tasks until they end.

    Use it only for a write whose time must not show in a response: a process that is killed loses
    the writes that still run.
    """

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, write: Callable[[], Awaitable[None]]) -> None:
        """Start a write. It must not be part of the caller's transaction."""
        task = asyncio.create_task(self.run(write))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except Exception:
            log.exception("background_write.failed")

    async def finish(self) -> None:
        """Wait for the writes that still run."""
        await asyncio.gather(*self.tasks)
