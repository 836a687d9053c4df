"""Work that ends after some seconds. All of it has the same time, so that one timer does for all: asyncio.timeout makes one each,
which costs 5 % of a small query."""

from __future__ import annotations

import asyncio
from types import TracebackType


class TimeoutScope:
    """A block that is cancelled when its time is over, and then raises TimeoutError; `expired` says whether it was."""

    __slots__ = ("cancelling_before", "timeout", "ends_at", "expired", "task")

    def __init__(self, deadline: SharedTimeout) -> None:
        self.timeout = deadline
        self.expired = False

    def __enter__(self) -> TimeoutScope:
        loop = self.timeout.running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self.task, self.cancelling_before, self.ends_at = (
            task,
            task.cancelling(),
            loop.time() + self.timeout.seconds,
        )
        self.timeout.add(self, loop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.timeout.active.pop(self, None)
        if (
            self.expired
            and self.task.uncancel() <= self.cancelling_before
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error


class SharedTimeout:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.active: dict[TimeoutScope, None] = {}
        """In the order in which they end."""
        self.timer: asyncio.TimerHandle | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    def running_loop(self) -> asyncio.AbstractEventLoop:
        """Kept, for to ask for it makes a system call."""
        if self.loop is None or self.loop.is_closed():
            self.loop, self.timer = asyncio.get_running_loop(), None
        return self.loop

    def add(self, work: TimeoutScope, loop: asyncio.AbstractEventLoop) -> None:
        self.active[work] = None
        if self.timer is None:
            self.timer = loop.call_at(work.ends_at, self.expire, loop)

    def expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what is over, and wait for what comes next."""
        self.timer = None
        while self.active:
            first = next(iter(self.active))
            if first.ends_at > loop.time():
                self.timer = loop.call_at(first.ends_at, self.expire, loop)
                return
            del self.active[first]
            first.expired = True
            first.task.cancel()
