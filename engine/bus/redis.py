"""A doorbell over Redis as a backend of broadcaster: it never fails, never holds up its caller, and comes back by itself.

Messages carry nothing. Of the rings of a channel that wait, to go out or to be heard, there is one; own ones are not heard. Who
has connected hears a ring, for it may have missed some.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine

import structlog
from broadcaster import BroadcastBackend, Event

from engine.bus.redis_connection import QUIET_SECONDS, RedisConnection

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
STEADY_SECONDS = 5.0
"""A connection that held for so long is tried again at once when it is lost."""
log = structlog.get_logger("ticketwire.bus")


class RedisBackend(BroadcastBackend):
    """`name` is who rings. Two connections, one that hears and one that rings, which live and end together."""

    def __init__(self, url: str, name: str) -> None:
        """Raises ValueError for a URL that can't be used."""
        self.ear, self.mouth = RedisConnection(url), RedisConnection(url)
        self.name = name
        self.channels: set[str] = set()
        self.asked: set[str] = set()
        self.rung: set[str] = set()
        self.ringing = asyncio.Event()
        self.owed: set[str] = set()
        self.owing = asyncio.Event()
        self.keeping: asyncio.Task[None] | None = None
        self.lost_at: float | None = None
        self.connected = False
        self.reconnects = self.heard = self.sent = 0

    async def connect(self) -> None:
        self.keeping = asyncio.create_task(self.keep())

    async def disconnect(self) -> None:
        if self.keeping is not None:
            self.keeping.cancel()
            await asyncio.gather(self.keeping, return_exceptions=True)
        self.connected = False

    async def subscribe(self, group: str) -> None:
        """Heard from the next connection on; on one that stands, within QUIET_SECONDS."""
        self.channels.add(group)

    async def unsubscribe(self, group: str) -> None:
        self.channels.discard(group)

    async def publish(self, channel: str, message: object) -> None:
        """Owe the others a ring; it goes out as soon as it can, however many are asked for until then."""
        self.owed.add(channel)
        self.owing.set()

    async def next_published(self) -> Event:
        while not self.rung:
            self.ringing.clear()
            await self.ringing.wait()
        return Event(self.rung.pop(), "")

    async def keep(self) -> None:
        """Be connected, for ever. A try begins at once after one that ran into its deadline, or else after a growing pause."""
        clock, pause = asyncio.get_running_loop().time, FIRST_PAUSE
        while True:
            began = clock()
            try:
                await self.connection()
            except Exception as error:  # whatever ended it, there is a next one
                self.note_loss(error)
            lasted = clock() - began
            if lasted > STEADY_SECONDS:
                pause = FIRST_PAUSE
            await asyncio.sleep(max(FIRST_PAUSE, pause - lasted))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def connection(self) -> None:
        """From opening to the first thing that goes wrong, which it raises."""
        async with self.ear as ear, self.mouth as mouth:
            await self.open(ear, mouth)
            await first_of(self.hear(ear), self.speak(mouth))

    async def open(self, ear: RedisConnection, mouth: RedisConnection) -> None:
        """Listen, then ring everywhere: a connection counts once both work, as they may not for want of rights."""
        self.asked = set(self.channels)
        if self.asked:
            await ear.say("SUBSCRIBE", *self.asked)
        confirmed = 0
        while confirmed < len(self.asked):
            confirmed += is_confirmation(await ear.answer())
        await self.wake_listeners(mouth, self.asked)
        self.connected = True
        self.note_return()
        self.let_hear(self.asked)

    async def hear(self, ear: RedisConnection) -> None:
        while True:
            if late := self.channels - self.asked:
                self.asked |= late
                await ear.say("SUBSCRIBE", *late)
            match await ear.hear():
                case [b"message", bytes(channel), bytes(name)] if name != self.name.encode():
                    self.heard += 1
                    self.let_hear([channel.decode()])
                case [b"subscribe", bytes(channel), _]:
                    self.let_hear([channel.decode()])
                case _:
                    pass  # an own ring, or the answer to a ping

    async def speak(self, mouth: RedisConnection) -> None:
        """Ring for what is owed, and look whether the line lives where nothing is."""
        while True:
            if not self.owed:
                await self.wait_for_debts()
            if self.owed:
                await self.wake_listeners(mouth, set(self.owed))
            else:
                await mouth.ask("PING")

    async def wait_for_debts(self) -> None:
        self.owing.clear()
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self.owing.wait()
        except TimeoutError:
            return

    async def wake_listeners(self, mouth: RedisConnection, channels: Collection[str]) -> None:
        for channel in channels:
            self.owed.discard(channel)  # before it is sent: a ring that is asked for meanwhile is another
            try:
                await mouth.ask("PUBLISH", channel, self.name)
            except BaseException:
                self.owed.add(channel)
                raise
            self.sent += 1

    def let_hear(self, channels: Collection[str]) -> None:
        self.rung.update(channels)
        self.ringing.set()

    def note_loss(self, error: Exception) -> None:
        self.connected = False
        if self.lost_at is None:
            self.lost_at = asyncio.get_running_loop().time()
            log.warning("bus.lost", error=f"{type(error).__name__}: {error}")

    def note_return(self) -> None:
        if self.lost_at is not None:
            away = asyncio.get_running_loop().time() - self.lost_at
            self.lost_at = None
            self.reconnects += 1
            log.warning("bus.back", seconds=round(away, 3))


def is_confirmation(reply: object) -> bool:
    return isinstance(reply, list) and reply[0] == b"subscribe"


async def first_of(*works: Coroutine[None, None, None]) -> None:
    """Run them together until one ends, and end as it does. (A TaskGroup of which one fails would swallow a cancellation
    that comes at the same time.)"""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
