"""Connections to Postgres, lent one at a time and the last used first.

asyncpg's own pool has the server reset each connection that comes back, which doubles the round trips of a lone statement.
Nothing of ours changes a session, listens, or locks beyond its transaction, so a connection that comes back sound is lent as it
is. One that was cut short is mended beside: nobody waits for that, and a server that does not answer costs the connection alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import asyncpg

from models.database.fair_share import CallerShares

IDLE_SECONDS = 300.0
"""A connection that lay longer may have been forgotten by what stands between us and the server."""
RESERVED_CONNECTIONS = 2
"""Connections that the statements of one caller leave to the others."""
RESET_SECONDS = 5.0


class IdleConnection(NamedTuple):
    connection: asyncpg.Connection
    since: float


def was_interrupted(error: BaseException | None) -> bool:
    """Whether a statement may still run, or its connection may be gone; an answer of the server's leaves it sound."""
    return error is not None and not (isinstance(error, Exception) and not isinstance(error, (OSError, asyncpg.InterfaceError)))


class Pool:
    def __init__(self, size: int, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self.connect = connect
        self.idle: list[IdleConnection] = []
        self.slots = asyncio.Semaphore(size)
        self.shares = CallerShares(max(1, size - RESERVED_CONNECTIONS))
        self.borrowed = set[asyncpg.Connection]()
        self.resetting = set[asyncio.Task[None]]()
        self.closed = False

    async def acquire(self) -> asyncpg.Connection:
        """A sound connection, to be released. Waits where all are lent."""
        await self.slots.acquire()
        try:
            if self.closed:
                raise asyncpg.InterfaceError("the pool is closed")
            connection = self.pop_idle() or await self.connect()
        except BaseException:
            self.slots.release()
            raise
        self.borrowed.add(connection)
        return connection

    def pop_idle(self) -> asyncpg.Connection | None:
        while self.idle:
            connection, since = self.idle.pop()
            if connection.is_closed():
                continue
            if time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.terminate()
        return None

    def give_back(self, connection: asyncpg.Connection, error: BaseException | None = None) -> None:
        """Take it back; `error` is what the borrower's work ended with."""
        self.borrowed.discard(connection)
        if connection.is_closed() or self.closed:
            connection.terminate()
        elif was_interrupted(error) or connection.is_in_transaction():
            task = asyncio.ensure_future(self.reset(connection))
            self.resetting.add(task)
            task.add_done_callback(self.resetting.discard)
            return
        else:
            self.idle.append(IdleConnection(connection, time.monotonic()))
        self.slots.release()

    async def reset(self, connection: asyncpg.Connection) -> None:
        """Wait until what ran is over, and undo it. Where that takes long, the others may be as dead."""
        try:
            async with asyncio.timeout(RESET_SECONDS):
                await connection.execute("ROLLBACK")
            self.idle.append(IdleConnection(connection, time.monotonic()))
        except Exception:
            connection.terminate()
            self.terminate_idle()
        except BaseException:
            connection.terminate()
            raise
        finally:
            self.slots.release()

    def terminate_idle(self) -> None:
        """Have new connections made."""
        while self.idle:
            self.idle.pop().connection.terminate()

    # What Tortoise calls

    async def release(self, connection: asyncpg.Connection) -> None:
        self.give_back(connection)

    async def expire_connections(self) -> None:
        self.terminate_idle()

    async def close(self) -> None:
        self.closed = True
        await asyncio.gather(*self.resetting, return_exceptions=True)
        while self.idle:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self.idle.pop().connection.close()

    def terminate(self) -> None:
        self.closed = True
        for task in self.resetting:
            task.cancel()
        self.terminate_idle()
        for connection in self.borrowed:
            connection.terminate()
