"""One connection to Redis. Every wait has a deadline; after an error the connection is closed and
can be opened again.

It uses redis-py's connections, so that URLs mean what redis-py documents, but without redis-py's
retries. `health_check_interval` of redis-py 7.4 does not replace the pings: it pings before it
sends a command, and a connection that only receives sends none.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from redis import asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

IDLE_SECONDS = 1.0
"""A connection is pinged after it received nothing for this long."""
REPLY_SECONDS = 0.8
"""How long to wait for a connection or a reply. Anything slower is worse than polling the log, and
counts as lost."""
HALF_WAITS = range(2)
"""A deadline is two waits of half its length. After a pause of the whole process, the first wait is
over before the process sees what has arrived; the second one finds it."""
FIXED_OPTIONS: dict[str, object] = {
    "decode_responses": False,
    "health_check_interval": 0,
    "protocol": 2,
    "retry": None,
    "retry_on_error": [],
    "retry_on_timeout": False,
    "socket_connect_timeout": REPLY_SECONDS,
    "socket_timeout": None,
}
"""Options that a URL can't set, because this module and its caller do the waiting and the
retries."""


class RedisConnection:
    """A context manager that opens the connection. It can be entered again after it was left.

    Only one task may use it at a time.
    """

    def __init__(self, url: str) -> None:
        """Doesn't connect yet. Raises ValueError for an unusable URL."""
        try:
            pool = redis.ConnectionPool.from_url(url)
            pool.connection_kwargs.update(FIXED_OPTIONS)
            self.connection = pool.make_connection()
        except (RedisError, TypeError, ValueError) as error:
            raise ValueError(f"use redis://host:port ({error})") from error
        self.transport: asyncio.WriteTransport | None = None

    async def __aenter__(self) -> RedisConnection:
        connecting = asyncio.ensure_future(self.connection.connect())
        try:
            for _ in HALF_WAITS:
                done, _pending = await asyncio.wait({connecting}, timeout=REPLY_SECONDS / 2)
                if done:
                    connecting.result()
                    self.transport = get_transport(self.connection)
                    return self
            raise TimeoutError("no connection in time")
        except BaseException:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await self.connection.disconnect(nowait=True)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        is_lost = kind is not None and issubclass(kind, Exception)
        try:
            if not is_lost:
                await self.connection.disconnect()
        except RedisError:
            pass  # it took too long
        finally:
            if self.transport is not None:
                # TLS would wait half a minute for a lost peer to confirm the close.
                self.transport.abort()
            await self.connection.disconnect(nowait=True)

    async def send(self, *words: str) -> None:
        async with asyncio.timeout(REPLY_SECONDS):
            await self.connection.send_command(*words)

    async def request(self, *words: str) -> object:
        await self.send(*words)
        return await self.read_reply()

    async def read_reply(self) -> object:
        """Return the next message. Raises TimeoutError if none comes within the deadline."""
        for _ in HALF_WAITS:
            reply = await self.connection.read_response(timeout=REPLY_SECONDS / 2)
            if reply is not None:
                return reply
        raise TimeoutError("no reply in time")

    async def receive(self) -> object:
        """Return the next message, however long it takes. An idle connection is pinged, and returns
        the pong."""
        message = await self.connection.read_response(timeout=IDLE_SECONDS)
        return await self.request("PING") if message is None else message


def get_transport(connection: AbstractConnection) -> asyncio.WriteTransport | None:
    # redis-py 7.4 has no public way to drop a connection at once. We know no upstream issue.
    writer = connection._writer  # pyright: ignore[reportPrivateUsage]
    return writer.transport if writer else None
