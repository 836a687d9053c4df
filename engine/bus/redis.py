"""A backend of the library broadcaster that sends wake-up signals over Redis.

It reconnects, raises no error of the connection, and blocks no caller. The Redis backend of
broadcaster 0.3.1 does not reconnect, and its queues are unbounded. We know no upstream issue.

Signals have no content. At most one signal per channel waits to be sent, and at most one waits to
be read. A process does not receive its own signals. After each connect it signals itself, because
it may have missed some.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine

import structlog
from broadcaster import BroadcastBackend, Event

from engine.bus.redis_connection import IDLE_SECONDS, RedisConnection

MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.05, 0.5
STABLE_SECONDS = 5.0
"""After a connection that lasted this long, the delay between attempts starts at its minimum
again."""
log = structlog.get_logger("ticketwire.bus")


class RedisBackend(BroadcastBackend):
    """Uses two connections, one to subscribe and one to publish. If either fails, both are closed.

    `sender_id` identifies this process in the signals that it sends.
    """

    def __init__(self, url: str, sender_id: str) -> None:
        """Raises ValueError for an unusable URL."""
        self.subscriber, self.publisher = RedisConnection(url), RedisConnection(url)
        self.sender_id = sender_id
        self.channels: set[str] = set()
        """The channels that this process wants to receive."""
        self.subscribed_channels: set[str] = set()
        """The channels that the current connection has asked Redis for."""
        self.incoming: set[str] = set()
        """The channels with a signal that broadcaster has not read yet."""
        self.has_incoming = asyncio.Event()
        self.outgoing: set[str] = set()
        """The channels with a signal that waits to be sent."""
        self.has_outgoing = asyncio.Event()
        self.connection_task: asyncio.Task[None] | None = None
        self.lost_at: float | None = None
        self.connected = False
        self.reconnects = self.received = self.sent = 0

    # ---------------------------------------------------------------- broadcaster's interface

    async def connect(self) -> None:
        self.connection_task = asyncio.create_task(self.stay_connected())

    async def disconnect(self) -> None:
        if self.connection_task is not None:
            self.connection_task.cancel()
            await asyncio.gather(self.connection_task, return_exceptions=True)
        self.connected = False

    async def subscribe(self, group: str) -> None:
        """Subscribe to a channel, which broadcaster calls `group` here.

        Takes effect with the next connection, or within IDLE_SECONDS on the current one.
        """
        self.channels.add(group)

    async def unsubscribe(self, group: str) -> None:
        self.channels.discard(group)

    async def publish(self, channel: str, message: object) -> None:
        """Queue a signal and return at once. Further calls before it is sent add no signal."""
        self.outgoing.add(channel)
        self.has_outgoing.set()

    async def next_published(self) -> Event:
        while not self.incoming:
            self.has_incoming.clear()
            await self.has_incoming.wait()
        return Event(self.incoming.pop(), "")

    # ---------------------------------------------------------------- the connection

    async def stay_connected(self) -> None:
        """Connect again after each failure, without end.

        The delay between the starts of two attempts doubles up to MAX_RETRY_SECONDS.
        """
        clock, delay = asyncio.get_running_loop().time, MIN_RETRY_SECONDS
        while True:
            started_at = clock()
            try:
                await self.run_connection()
            except Exception as error:  # whatever failed, the next attempt may succeed
                self.record_disconnect(error)
            duration = clock() - started_at
            if duration > STABLE_SECONDS:
                delay = MIN_RETRY_SECONDS
            await asyncio.sleep(max(MIN_RETRY_SECONDS, delay - duration))
            delay = min(2 * delay, MAX_RETRY_SECONDS)

    async def run_connection(self) -> None:
        """Connect, and exchange signals until something fails. Raises that error."""
        async with self.subscriber as subscriber, self.publisher as publisher:
            await self.start_connection(subscriber, publisher)
            await run_until_first_ends(
                self.receive_signals(subscriber), self.send_signals(publisher)
            )

    async def start_connection(
        self, subscriber: RedisConnection, publisher: RedisConnection
    ) -> None:
        """Subscribe, then publish to each channel.

        Redis may forbid either, so `connected` is set only after both have worked.
        """
        self.subscribed_channels = set(self.channels)
        if self.subscribed_channels:
            await subscriber.send("SUBSCRIBE", *self.subscribed_channels)
        confirmed = 0
        while confirmed < len(self.subscribed_channels):
            if is_confirmation(await subscriber.read_reply()):
                confirmed += 1
        await self.send_to_channels(publisher, self.subscribed_channels)
        self.connected = True
        self.record_reconnect()
        self.deliver(self.subscribed_channels)

    async def receive_signals(self, subscriber: RedisConnection) -> None:
        while True:
            new_channels = self.channels - self.subscribed_channels
            if new_channels:
                self.subscribed_channels |= new_channels
                await subscriber.send("SUBSCRIBE", *new_channels)
            match await subscriber.receive():
                case [b"message", bytes(channel), bytes(sender)] if (
                    sender != self.sender_id.encode()
                ):
                    self.received += 1
                    self.deliver([channel.decode()])
                case [b"subscribe", bytes(channel), _]:
                    self.deliver([channel.decode()])
                case _:
                    pass  # a signal of this process, or the reply to a ping

    async def send_signals(self, publisher: RedisConnection) -> None:
        """Send the queued signals. Without any for IDLE_SECONDS, check that the connection
        works."""
        while True:
            if not self.outgoing:
                await self.wait_for_outgoing()
            if self.outgoing:
                await self.send_to_channels(publisher, set(self.outgoing))
            else:
                await publisher.request("PING")

    async def wait_for_outgoing(self) -> None:
        self.has_outgoing.clear()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self.has_outgoing.wait()
        except TimeoutError:
            return

    async def send_to_channels(self, publisher: RedisConnection, channels: Collection[str]) -> None:
        for channel in channels:
            # Before sending, so that a `publish` during it queues another signal.
            self.outgoing.discard(channel)
            try:
                await publisher.request("PUBLISH", channel, self.sender_id)
            except BaseException:
                self.outgoing.add(channel)
                raise
            self.sent += 1

    def deliver(self, channels: Collection[str]) -> None:
        self.incoming.update(channels)
        self.has_incoming.set()

    def record_disconnect(self, error: Exception) -> None:
        self.connected = False
        if self.lost_at is None:
            self.lost_at = asyncio.get_running_loop().time()
            log.warning("bus.disconnected", error=f"{type(error).__name__}: {error}")

    def record_reconnect(self) -> None:
        if self.lost_at is not None:
            outage_seconds = asyncio.get_running_loop().time() - self.lost_at
            self.lost_at = None
            self.reconnects += 1
            log.warning("bus.reconnected", seconds=round(outage_seconds, 3))


def is_confirmation(reply: object) -> bool:
    return isinstance(reply, list) and reply[0] == b"subscribe"


async def run_until_first_ends(*coroutines: Coroutine[None, None, None]) -> None:
    """Run coroutines together until one of them ends; return or raise as it does.

    Not a TaskGroup: if one of its tasks fails while it is cancelled, it swallows the cancellation.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
