"""Copies a server into a target once, and then follows its log."""

from __future__ import annotations

import asyncio

from cli.follow.api import Api
from cli.follow.position import LOG_STAGE, Batch, Position
from cli.follow.reader import Reader
from cli.follow.retries import Reporter
from cli.follow.stream import WakeUp, watch
from cli.follow.targets.base import Target


class Follower:
    """Applies batch after batch. Each is one transaction of the target, with the new position.

    After a kill at any moment, the target has all batches up to its position and nothing of the
    next one, which is then read again.
    """

    def __init__(self, api: Api, target: Target, report: Reporter) -> None:
        self.api = api
        self.reader = Reader(api)
        self.target = target
        self.report = report
        self.position = Position()
        self.rows = 0
        """How many rows this run has written, for the reports."""

    async def run(self, *, once: bool) -> None:
        """Follow until cancelled, or with `once` until the target is up to date.

        Raises FollowError.
        """
        try:
            self.position = await self.target.open()
            await self.reader.check_server(self.position)
            await self.copy()
            await self.catch_up()
            self.report(f"up to date at {self.position.cursor}, {self.rows} rows written")
            if not once:
                await self.follow()
        finally:
            await self.target.close()

    async def apply(self, batch: Batch) -> None:
        """Store a batch. One that does not move the position has no rows."""
        if batch.position != self.position:
            await self.target.apply(batch)
            self.position = batch.position
            self.rows += batch.row_count

    async def copy(self) -> None:
        """Copy all lists, from where an earlier run was interrupted."""
        while self.position.stage != LOG_STAGE:
            stage, rows = self.position.stage, self.rows
            while self.position.stage == stage:
                await self.apply(await self.reader.read_copy_page(self.position))
            self.report(f"copied {self.rows - rows} {stage}")

    async def catch_up(self) -> None:
        """Read the log to its end."""
        more = True
        while more:
            batch, more = await self.reader.read_log(self.position)
            await self.apply(batch)

    async def follow(self) -> None:
        """Wait for the log to grow, and read it, for ever."""
        wake_up = WakeUp()
        watching = asyncio.create_task(watch(self.api, wake_up, lambda: self.position.cursor))
        reading = asyncio.create_task(self.read_when_awake(wake_up))
        try:
            await asyncio.wait({watching, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watching, reading):
                task.cancel()
            results = await asyncio.gather(watching, reading, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def read_when_awake(self, wake_up: WakeUp) -> None:
        while True:
            await wake_up.wait_beyond(self.position.cursor or "")
            self.reader.learn(wake_up.cursor)
            await self.catch_up()
