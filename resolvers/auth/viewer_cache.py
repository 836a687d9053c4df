"""Who is behind a bearer token, nearly for nothing: viewers are kept while the rights stand as they were.

Whether they do is read after each request came in; requests that come while a reading is on its way share the next one. So
what was committed before a request is heeded by it, whoever wrote it (docs/decisions/0015).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import datetime
from typing import Generic, TypeVar

from models.access import revision as rights
from models.access.viewer import Viewer, authenticate
from models.people.token import hash_token

T = TypeVar("T")
MAX_VIEWERS = 2000


class SharedRead(Generic[T]):
    """Readings that many share, each of which began after all who wait for it had asked."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self.read = read
        self.waiters: list[asyncio.Future[T]] = []
        self.task: asyncio.Task[None] | None = None

    async def get(self) -> T:
        task = self.task
        loop = asyncio.get_running_loop() if task is None else task.get_loop()
        mine: asyncio.Future[T] = loop.create_future()
        self.waiters.append(mine)
        if task is None:
            self.task = loop.create_task(self.read_for_waiters(), context=Context())  # it reads for all, and not for who asked first
        return await mine

    async def read_for_waiters(self) -> None:
        """In a task of its own, so that whoever hangs up takes nobody's answer along."""
        waiting: list[asyncio.Future[T]] = []
        try:
            while self.waiters:
                waiting, self.waiters = self.waiters, []
                try:
                    found = await self.read()
                except Exception as error:
                    settle_waiters(waiting, lambda each, error=error: each.set_exception(error))
                else:
                    settle_waiters(waiting, lambda each, found=found: each.set_result(found))
        finally:
            self.task = None
            settle_waiters([*waiting, *self.waiters], lambda each: each.cancel())
            self.waiters = []


def settle_waiters(waiting: list[asyncio.Future[T]], how: Callable[[asyncio.Future[T]], object]) -> None:
    for each in waiting:
        if not each.done():  # else it was cancelled
            how(each)


class ViewerCache:
    """The viewers of tokens used lately, by the tokens' digests. What opens nothing is not kept, so it pushes out nobody."""

    def __init__(self, now: Callable[[], datetime], max_viewers: int = MAX_VIEWERS) -> None:
        self.now = now
        self.max_viewers = max_viewers
        self.revision: int | None = None
        self.viewers: OrderedDict[str, Viewer] = OrderedDict()
        self.revision_reads = SharedRead(rights.read_revision)

    async def authenticate(self, text: str) -> Viewer | None:
        """The viewer of a token with the rights that hold now or later; None where it opens nothing."""
        key = hash_token(text)
        self.apply_revision(await self.revision_reads.get())
        viewer = self.viewers.get(key)
        if viewer is not None and viewer.token is not None:
            expires_at = viewer.token.expires_at
            if expires_at is None or self.now() < expires_at:
                self.viewers.move_to_end(key)
                return viewer
            del self.viewers[key]
        revision = self.revision
        viewer = await authenticate(text, self.now())
        if viewer is not None and revision == self.revision:  # else it may be older than what is kept
            self.viewers[key] = viewer
            if len(self.viewers) > self.max_viewers:
                self.viewers.popitem(last=False)
        return viewer

    def apply_revision(self, revision: int) -> None:
        if revision != self.revision:
            self.revision = revision
            self.viewers.clear()
