"""Caches the viewers of bearer tokens while the permission revision stays the same.

The revision is read after each request has arrived: by the first statement of a query
(resolvers/auth/viewer_confirmation.py), or else by a statement of its own. Requests that arrive
during such a statement share the next one. Each request therefore sees every change that was
committed before it arrived (docs/decisions/0015).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import datetime
from typing import Generic, TypeVar

from models.access import revision
from models.access.viewer import Viewer, authenticate
from models.people.token import hash_token

T = TypeVar("T")
MAX_VIEWERS = 2000
"""The default number of cached viewers."""


class SharedRead(Generic[T]):
    """A read that many callers share. It always begins after all of them have called `get`."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self.read = read
        self.waiters: list[asyncio.Future[T]] = []
        self.task: asyncio.Task[None] | None = None

    async def get(self) -> T:
        task = self.task
        loop = asyncio.get_running_loop() if task is None else task.get_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self.waiters.append(waiter)
        if task is None:
            # An empty context, so that log fields of the first caller are not attached to the read.
            self.task = loop.create_task(self.read_for_waiters(), context=Context())
        return await waiter

    async def read_for_waiters(self) -> None:
        """Runs in its own task, so that a cancelled caller does not cancel the read for others."""
        served: list[asyncio.Future[T]] = []
        try:
            while self.waiters:
                served, self.waiters = self.waiters, []
                try:
                    result = await self.read()
                except Exception as error:
                    settle_waiters(served, lambda waiter, error=error: waiter.set_exception(error))
                else:
                    settle_waiters(served, lambda waiter, result=result: waiter.set_result(result))
        finally:
            self.task = None
            settle_waiters([*served, *self.waiters], lambda waiter: waiter.cancel())
            self.waiters = []


def settle_waiters(
    waiters: list[asyncio.Future[T]], settle: Callable[[asyncio.Future[T]], object]
) -> None:
    for waiter in waiters:
        if not waiter.done():  # a waiter that is done was cancelled
            settle(waiter)


class ViewerCache:
    """The viewers of recently used tokens, by the tokens' hashes.

    Invalid tokens are not cached, so they can't evict valid ones.
    """

    def __init__(self, now: Callable[[], datetime], max_viewers: int = MAX_VIEWERS) -> None:
        self.now = now
        self.max_viewers = max_viewers
        self.revision: int | None = None
        self.viewers: OrderedDict[str, Viewer] = OrderedDict()
        self.revision_reads = SharedRead(revision.read_revision)

    async def authenticate(self, text: str) -> Viewer | None:
        """The viewer of a token, with current permissions; None if the token is invalid."""
        await self.read_revision()
        viewer = self.find(text)
        if viewer is not None:
            return viewer
        key = hash_token(text)
        revision_before = self.revision
        viewer = await authenticate(text, self.now())
        # If the revision has changed in the meantime, the viewer may be outdated.
        if viewer is not None and revision_before == self.revision:
            self.viewers[key] = viewer
            if len(self.viewers) > self.max_viewers:
                self.viewers.popitem(last=False)
        return viewer

    def find(self, text: str) -> Viewer | None:
        """The cached viewer of a token that has not expired. It has the permissions of
        `revision`, which may not be the current one."""
        key = hash_token(text)
        viewer = self.viewers.get(key)
        if viewer is None or viewer.token is None:
            return None
        expires_at = viewer.token.expires_at
        if expires_at is not None and self.now() >= expires_at:
            del self.viewers[key]
            return None
        self.viewers.move_to_end(key)
        return viewer

    async def read_revision(self) -> int:
        """The revision at this moment or later. Viewers of other revisions are forgotten."""
        current = await self.revision_reads.get()
        self.apply_revision(current)
        return current

    def apply_revision(self, current: int) -> None:
        """Empty the cache if the revision has changed."""
        if current != self.revision:
            self.revision = current
            self.viewers.clear()
