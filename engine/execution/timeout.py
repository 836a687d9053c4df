"""A timeout with the same duration for all operations.

One timer serves all of them. asyncio.timeout creates a timer for each, which takes 5 % of the time
of a small query.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class TimeoutScope:
    """A context manager that cancels its block when the time is over, and then raises TimeoutError.

    `expired` states whether the block was cancelled for that reason.
    """

    __slots__ = ("earlier_cancellations", "ends_at", "expired", "task", "timeout")

    def __init__(self, timeout: SharedTimeout) -> None:
        self.timeout = timeout
        self.expired = False

    def __enter__(self) -> TimeoutScope:
        loop = self.timeout.running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self.task = task
        self.earlier_cancellations = task.cancelling()
        self.ends_at = loop.time() + self.timeout.seconds
        self.timeout.add(self, loop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.timeout.active.pop(self, None)
        if not self.expired:
            return
        # As in asyncio.timeout, a cancellation of the task by other code takes precedence.
        is_cancelled_by_timeout_alone = self.task.uncancel() <= self.earlier_cancellations
        if is_cancelled_by_timeout_alone and kind is asyncio.CancelledError:
            raise TimeoutError from error


class SharedTimeout:
    """The duration in seconds, and the scopes that are running."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.active: dict[TimeoutScope, None] = {}
        """The running scopes in the order in which they end. A dict removes a scope in constant
        time, and keeps this order."""
        self.timer: asyncio.TimerHandle | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    def running_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop. It is kept, because asyncio.get_running_loop makes a system call."""
        if self.loop is None or self.loop.is_closed():
            self.loop, self.timer = asyncio.get_running_loop(), None
        return self.loop

    def add(self, scope: TimeoutScope, loop: asyncio.AbstractEventLoop) -> None:
        self.active[scope] = None
        if self.timer is None:
            self.timer = loop.call_at(scope.ends_at, self.expire, loop)

    def expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the scopes whose time is over, and set the timer for the next one."""
        self.timer = None
        while self.active:
            first = next(iter(self.active))
            if first.ends_at > loop.time():
                self.timer = loop.call_at(first.ends_at, self.expire, loop)
                return
            del self.active[first]
            first.expired = True
            first.task.cancel()
