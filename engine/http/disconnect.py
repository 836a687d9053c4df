"""Cancels the execution of a query when its client disconnects.

The connection notifies by callback, so other requests cost nothing. Mutations always run to their
end, because a client that lost the response may ask for the result again. Under a server without
ClientConnection, queries also run until they end or time out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from starlette.types import Scope

from engine.server.client_connection import CONNECTION_EXTENSION, ClientConnection


class ClientDisconnected(Exception):
    """The client disconnected before it received the response."""


@contextmanager
def cancel_on_disconnect(
    scope: Scope, is_cancellable: Callable[[], Awaitable[bool]]
) -> Generator[None]:
    """Cancel the block when the client disconnects, and raise ClientDisconnected from it.

    Use it only after the request's body was read.

    Args:
        scope: the request's ASGI scope.
        is_cancellable: called after a disconnect; returns whether the operation may be cancelled.
    """
    connection: ClientConnection | None = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
    if connection is None:
        yield
        return
    cancellation = Cancellation(is_cancellable)
    connection.on_disconnect(cancellation.start)
    try:
        yield
    except asyncio.CancelledError:
        if cancellation.finish():
            raise ClientDisconnected from None
        raise
    finally:
        cancellation.finish()
        connection.remove_disconnect_callback()


class Cancellation:
    """Cancels the task that creates it, at most once."""

    def __init__(self, is_cancellable: Callable[[], Awaitable[bool]]) -> None:
        self.is_cancellable = is_cancellable
        self.task = asyncio.current_task()
        self.canceller: asyncio.Task[None] | None = None
        self.has_cancelled = False

    def start(self) -> None:
        self.canceller = asyncio.create_task(self.cancel())

    async def cancel(self) -> None:
        if self.task is not None and await self.is_cancellable():
            self.has_cancelled = self.task.cancel()

    def finish(self) -> bool:
        """Stop. Return whether this object has cancelled the task and nothing else has.

        Later calls return False.
        """
        if self.canceller is not None:
            self.canceller.cancel()
        has_cancelled, self.has_cancelled = self.has_cancelled, False
        return has_cancelled and self.task is not None and self.task.uncancel() == 0
