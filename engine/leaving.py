"""A client that hangs up while its query runs: nobody waits for the answer any more, and so its work ends.

Looked for only once a query has run for a moment; what is answered sooner pays for a timer. Mutations go on: who hung up may ask
again what became of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from starlette.types import Receive

MOMENT_SECONDS = 0.1


class HungUp(Exception):
    """The client went before it was answered."""


class Leaving:
    """Around the answering of a request whose body was read: the block is cancelled, and HungUp raised in its place."""

    def __init__(self, receive: Receive, may_end: Callable[[], Awaitable[bool]]) -> None:
        self.receive = receive
        self.may_end = may_end
        self.gone = False
        self.looking: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self.answering = asyncio.current_task()
        self.timer = asyncio.get_running_loop().call_later(MOMENT_SECONDS, self.begin)

    def begin(self) -> None:
        self.looking = asyncio.create_task(self.look())

    async def look(self) -> None:
        if not await self.may_end():
            return
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if self.answering is not None:
            self.gone = self.answering.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.timer.cancel()
        if self.looking is not None:
            self.looking.cancel()
        if self.gone and self.answering is not None and self.answering.uncancel() == 0 and kind is asyncio.CancelledError:
            raise HungUp from None
