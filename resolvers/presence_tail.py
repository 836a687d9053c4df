"""The presence at all tickets that somebody follows: one reader for this process, which reads nothing while nobody does.

It looks once a second, and when the listener rings: one statement for all tickets. What differs from the last look is kept for
those who follow, under a turn that only rises.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import structlog

from engine.bus.log_tail import Listener
from engine.execution.source import Item
from models.tickets import presence
from models.tickets.presence import TicketPresence

POLL_SECONDS = 1.0
MIN_POLL_INTERVAL_SECONDS = 0.05
"""The least time between two looks, however often it rings."""
MAX_SNAPSHOTS = 100
log = structlog.get_logger("ticketwire.presence")


class WatchedTicket:
    """A ticket that is followed: its newest pictures, of which each differs from the one before."""

    def __init__(self) -> None:
        self.readers: set[object] = set()
        self.snapshots: deque[Item[TicketPresence]] = deque(maxlen=MAX_SNAPSHOTS)
        self.changed = asyncio.Event()

    @property
    def newest(self) -> TicketPresence | None:
        return self.snapshots[-1][1] if self.snapshots else None

    def add_snapshot(self, turn: int, picture: TicketPresence) -> None:
        self.snapshots.append((turn, picture))
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def wait_for_snapshots(self, turn: int) -> list[Item[TicketPresence]]:
        """What came after a turn, once there is something; to who was shown nothing yet (a turn below 0), the newest alone."""
        while not self.snapshots or self.snapshots[-1][0] <= turn:
            await self.changed.wait()
        return [each for each in self.snapshots if each[0] > turn] if turn >= 0 else [self.snapshots[-1]]


class PresenceTail:
    """`fresh` brings the rights of those who follow up to date, before they are shown something."""

    def __init__(self, listener: Listener, now: Callable[[], datetime], *, refresh_permissions: Callable[[], Awaitable[None]]) -> None:
        self.listener = listener
        self.now = now
        self.refresh_permissions = refresh_permissions
        self.watched: dict[UUID, WatchedTicket] = {}
        self.sequence = 0
        self.due = asyncio.Event()

    def watch(self, ticket_id: UUID, reader: object) -> WatchedTicket:
        """Follow a ticket until `leave`; to call it again changes nothing."""
        watched = self.watched.get(ticket_id)
        if watched is None:
            watched = self.watched[ticket_id] = WatchedTicket()
            self.due.set()
        watched.readers.add(reader)
        return watched

    def unwatch(self, ticket_id: UUID, reader: object) -> None:
        watched = self.watched.get(ticket_id)
        if watched is not None:
            watched.readers.discard(reader)
            if not watched.readers:
                del self.watched[ticket_id]

    async def run(self) -> None:
        """Look after what is followed, for ever."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self.wait_for_wakeups())
            both.create_task(self.poll())

    async def wait_for_wakeups(self) -> None:
        while True:
            await self.listener.wait(POLL_SECONDS)
            self.due.set()

    async def poll(self) -> None:
        while True:
            await self.due.wait()
            self.due.clear()
            if self.watched:
                try:
                    await self.read_presence()
                except Exception:  # a database that is away delays what is shown
                    log.exception("presence.unread")
                await asyncio.sleep(MIN_POLL_INTERVAL_SECONDS)

    async def read_presence(self) -> None:
        found = await presence.read_presence(list(self.watched), self.now())
        if not self.changed_snapshots(found):
            return
        await self.refresh_permissions()
        for watched, picture in self.changed_snapshots(found):
            self.sequence += 1
            watched.add_snapshot(self.sequence, picture)

    def changed_snapshots(self, found: dict[UUID, TicketPresence]) -> list[tuple[WatchedTicket, TicketPresence]]:
        """Pictures that differ from the last ones, of tickets that are still followed."""
        return [
            (watched, picture)
            for ticket_id, picture in found.items()
            if (watched := self.watched.get(ticket_id)) is not None and watched.newest != picture
        ]
