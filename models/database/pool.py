"""A pool of Postgres connections; the connection used last is borrowed first.

asyncpg's own pool resets each connection that is given back, which doubles the round trips of a
single statement. Our code changes no session settings, does not listen, and holds no lock beyond
its transaction. So a connection is reused as it is, unless its work was interrupted. Then a
background task resets it. If that fails, this connection and all idle ones are closed, because the
server may be unreachable.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import asyncpg

from models.database.fair_share import CallerShares

MAX_IDLE_SECONDS = 300.0
"""Idle connections are closed after this time: a proxy or firewall may have dropped them."""
RESERVED_CONNECTIONS = 2
"""Connections that the queries of one caller leave to others."""
RESET_TIMEOUT_SECONDS = 5.0


class IdleConnection(NamedTuple):
    connection: asyncpg.Connection
    idle_since: float


def was_interrupted(error: BaseException | None) -> bool:
    """Whether the work on a connection ended such that a statement may still run on it.

    This is so after a cancellation and after a connection error, not after an error that the server
    returned.
    """
    if error is None:
        return False
    if not isinstance(error, Exception):
        return True
    return isinstance(error, OSError | asyncpg.InterfaceError)


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
        """Borrow a connection; `give_back` it afterwards. Waits while all are borrowed."""
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
            connection, idle_since = self.idle.pop()
            if connection.is_closed():
                continue
            if time.monotonic() - idle_since < MAX_IDLE_SECONDS:
                return connection
            connection.terminate()
        return None

    def give_back(self, connection: asyncpg.Connection, error: BaseException | None = None) -> None:
        """Take a connection back; `error` is what ended the borrower's work, if anything did."""
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
        """Roll back after the running statement. If that fails, close all idle connections."""
        try:
            async with asyncio.timeout(RESET_TIMEOUT_SECONDS):
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
        """Close the idle connections, so that new ones are made."""
        while self.idle:
            self.idle.pop().connection.terminate()

    # The methods below are called by Tortoise.

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
