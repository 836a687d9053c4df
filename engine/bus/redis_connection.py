"""One connection to Redis on which nothing is waited for beyond a deadline; what goes wrong raises, and the line is done with.

Over redis-py's connections, so that URLs mean what they mean there, without its own retries.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from redis import asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

QUIET_SECONDS = 1.0
"""A line on which nothing came for so long is asked whether it lives."""
ANSWER_SECONDS = 0.8
"""Who answers later is slower than looking at the log would be, and counts as lost."""
TWICE = range(2)
"""How often is waited for half of that: a process that was held up finds its time over before it sees what has come meanwhile."""
OURS: dict[str, object] = {
    "decode_responses": False,
    "health_check_interval": 0,
    "protocol": 2,
    "retry": None,
    "retry_on_error": [],
    "retry_on_timeout": False,
    "socket_connect_timeout": ANSWER_SECONDS,
    "socket_timeout": None,
}
"""What a URL may not set: waiting and trying again are this file's and its caller's."""


class RedisConnection:
    """Open while entered, any number of times. One task may use it at a time."""

    def __init__(self, url: str) -> None:
        """Opens nothing yet. Raises ValueError for a URL that can't be used."""
        try:
            pool = redis.ConnectionPool.from_url(url)
            pool.connection_kwargs.update(OURS)
            self.connection = pool.make_connection()
        except (RedisError, TypeError, ValueError) as error:
            raise ValueError(f"use redis://host:port ({error})") from error
        self.transport: asyncio.WriteTransport | None = None

    async def __aenter__(self) -> RedisConnection:
        connecting = asyncio.ensure_future(self.connection.connect())
        try:
            for _ in TWICE:
                if (await asyncio.wait({connecting}, timeout=ANSWER_SECONDS / 2))[0]:
                    connecting.result()
                    self.transport = transport_of(self.connection)
                    return self
            raise TimeoutError("no connection in time")
        except BaseException:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await self.connection.disconnect(nowait=True)
            raise

    async def __aexit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        is_lost = kind is not None and issubclass(kind, Exception)
        try:
            if not is_lost:
                await self.connection.disconnect()
        except RedisError:
            pass  # it took too long
        finally:
            if self.transport is not None:
                self.transport.abort()  # what is lost answers no farewell, for which TLS would wait half a minute
            await self.connection.disconnect(nowait=True)

    async def say(self, *words: str) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            await self.connection.send_command(*words)

    async def ask(self, *words: str) -> object:
        await self.say(*words)
        return await self.answer()

    async def answer(self) -> object:
        """What comes within the deadline. Raises TimeoutError where nothing does."""
        for _ in TWICE:
            found = await self.connection.read_response(timeout=ANSWER_SECONDS / 2)
            if found is not None:
                return found
        raise TimeoutError("no answer in time")

    async def hear(self) -> object:
        """What comes, whenever that is, for as long as the other side answers when it is asked."""
        found = await self.connection.read_response(timeout=QUIET_SECONDS)
        return await self.ask("PING") if found is None else found


def transport_of(connection: AbstractConnection) -> asyncio.WriteTransport | None:
    writer = connection._writer  # pyright: ignore[reportPrivateUsage] - it has no way of its own to drop a connection at once
    return writer.transport if writer else None
