"""A client that hangs up while its query runs: nobody waits for the answer any more, and so its work ends.

The connection tells of it, so that what is answered pays for no looking. Mutations go on: who hung up may ask again what became
of them. Under a server without our protocol (engine/server/client_connection) queries go on too, until their time is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from starlette.types import Scope

from engine.server.client_connection import EXTENSION, ClientConnection


class ClientDisconnected(Exception):
    """The client went before it was answered."""


class DisconnectWatch:
    """Around the answering of a request whose body was read: the block is cancelled, and HungUp raised in its place."""

    __slots__ = ("answering", "gone", "looking", "may_end", "pipe")

    def __init__(self, scope: Scope, may_end: Callable[[], Awaitable[bool]]) -> None:
        self.pipe: ClientConnection | None = scope.get("extensions", {}).get(EXTENSION)
        self.may_end = may_end
        self.answering: asyncio.Task[object] | None = None
        self.gone = False
        self.looking: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        if self.pipe is not None:
            self.answering = asyncio.current_task(self.pipe.protocol.loop)
            self.pipe.on_leaving(self.left)

    def left(self) -> None:
        self.looking = asyncio.create_task(self.look())

    async def look(self) -> None:
        if self.answering is not None and await self.may_end():
            self.gone = self.answering.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.pipe is not None:
            self.pipe.leaving = None
        if self.looking is not None:
            self.looking.cancel()
        if self.gone and self.answering is not None and self.answering.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientDisconnected from None
