"""Runs background jobs, in a server process or in a process of their own.

Any number of processes may run at once.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from models.core import time
from models.core.ids import new_id
from models.log import consumer
from workers.job import Job, JobRunner, Listener

log = structlog.get_logger("ticketwire.jobs")
POLL_SECONDS = 1.0
"""How often an idle job looks for work."""


class NoWakeups:
    """A listener for a process without a wake-up bus."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def notify_nobody() -> None:
    pass


async def run(
    jobs: Sequence[Job],
    *,
    now: Callable[[], datetime] = time.now,
    listen: Callable[[], Listener] = NoWakeups,
    notify: Callable[[], None] = notify_nobody,
    lease_seconds: float = 30.0,
    rest_factor: float = 0.0,
) -> None:
    """Run the jobs until cancelled.

    `listen` makes a listener to the wake-up bus; `notify` wakes the followers of the log and of the
    notifications. `lease_seconds` is how long the jobs of a process that died wait for another one.
    After a run with work a job rests for `rest_factor` times the run's duration.
    """
    holder = f"{socket.gethostname()[:24]}:{os.getpid()}:{new_id().hex[-8:]}"
    await register([job.name for job in jobs])
    runners = [
        JobRunner(
            job,
            holder,
            now,
            listen(),
            notify,
            lease_seconds=lease_seconds,
            interval_seconds=POLL_SECONDS,
            rest_factor=rest_factor,
        )
        for job in jobs
    ]
    async with asyncio.TaskGroup() as group:
        for runner in runners:
            group.create_task(runner.run(), name=f"job {runner.job.name}")


async def register(names: Sequence[str]) -> None:
    """Create the rows of jobs, and delete those that no version has used for a while.

    If the database is unreachable, try again until it is back.
    """
    while True:
        try:
            for name in names:
                await consumer.register(name)
            return await consumer.delete_unused(names, time.now())
        except Exception as error:  # no job can run before its row exists
            log.warning("jobs.not_registered", error=repr(error))
            await asyncio.sleep(POLL_SECONDS)
