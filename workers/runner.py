"""Running the duties: beside the requests in the embedded default, or in a process of their own. Any number may run at once."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime

from models.core import time
from models.core.ids import new_id
from models.log import consumer
from workers.job import Job, JobRunner, Listener

SECONDS = 1.0
"""How long what is due may wait to be noticed."""


class NoWakeups:
    """A bell that never rings."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def nobody() -> None:
    pass


async def run(
    jobs: Sequence[Job],
    *,
    now: Callable[[], datetime] = time.now,
    listen: Callable[[], Listener] = NoWakeups,
    changed: Callable[[], None] = nobody,
    lease: float = 30.0,
    rests: float = 0.0,
) -> None:
    """Do the duties until cancelled. `bell` makes a bell that rings when the log grew; `changed` is called when something was
    written that others follow. `lease` is in seconds: how long a process that died is waited for. `rests` is how long a duty
    rests after a turn with work, in lengths of that turn.
    """
    holder = f"{socket.gethostname()[:24]}:{os.getpid()}:{new_id().hex[-8:]}"
    for duty in jobs:
        await enrolled(duty.name)
    keepers = [JobRunner(duty, holder, now, listen(), changed, lease=lease, interval=SECONDS, rests=rests) for duty in jobs]
    async with asyncio.TaskGroup() as together:
        for keeper in keepers:
            together.create_task(keeper.run(), name=f"duty {keeper.job.name}")


async def enrolled(name: str) -> None:
    """Make sure of the duty's row, also where the database is away at this moment."""
    while True:
        try:
            return await consumer.register(name)
        except Exception:  # nothing can be done before it is there
            await asyncio.sleep(SECONDS)
