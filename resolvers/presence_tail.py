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

LOOK_SECONDS = 1.0
PACE_SECONDS = 0.05
"""The least time between two looks, however often it rings."""
KEPT = 100
log = structlog.get_logger("ticketwire.presence")


class Watched:
    """A ticket that is followed: its newest pictures, of which each differs from the one before."""

    def __init__(self) -> None:
        self.readers: set[object] = set()
        self.pictures: deque[Item[TicketPresence]] = deque(maxlen=KEPT)
        self.changed = asyncio.Event()

    @property
    def newest(self) -> TicketPresence | None:
        return self.pictures[-1][1] if self.pictures else None

    def show(self, turn: int, picture: TicketPresence) -> None:
        self.pictures.append((turn, picture))
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def after(self, turn: int) -> list[Item[TicketPresence]]:
        """What came after a turn, once there is something; to who was shown nothing yet (a turn below 0), the newest alone."""
        while not self.pictures or self.pictures[-1][0] <= turn:
            await self.changed.wait()
        return [each for each in self.pictures if each[0] > turn] if turn >= 0 else [self.pictures[-1]]


class PresenceTail:
    """`fresh` brings the rights of those who follow up to date, before they are shown something."""

    def __init__(self, listener: Listener, now: Callable[[], datetime], *, fresh: Callable[[], Awaitable[None]]) -> None:
        self.listener = listener
        self.now = now
        self.fresh = fresh
        self.watched: dict[UUID, Watched] = {}
        self.turn = 0
        self.due = asyncio.Event()

    def watch(self, ticket_id: UUID, reader: object) -> Watched:
        """Follow a ticket until `leave`; to call it again changes nothing."""
        watched = self.watched.get(ticket_id)
        if watched is None:
            watched = self.watched[ticket_id] = Watched()
            self.due.set()
        watched.readers.add(reader)
        return watched

    def leave(self, ticket_id: UUID, reader: object) -> None:
        watched = self.watched.get(ticket_id)
        if watched is not None:
            watched.readers.discard(reader)
            if not watched.readers:
                del self.watched[ticket_id]

    async def run(self) -> None:
        """Look after what is followed, for ever."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self.hear())
            both.create_task(self.look_on())

    async def hear(self) -> None:
        while True:
            await self.listener.wait(LOOK_SECONDS)
            self.due.set()

    async def look_on(self) -> None:
        while True:
            await self.due.wait()
            self.due.clear()
            if self.watched:
                try:
                    await self.look()
                except Exception:  # a database that is away delays what is shown
                    log.exception("presence.unread")
                await asyncio.sleep(PACE_SECONDS)

    async def look(self) -> None:
        found = await presence.read_presence(list(self.watched), self.now())
        if not self.news(found):
            return
        await self.fresh()
        for watched, picture in self.news(found):
            self.turn += 1
            watched.show(self.turn, picture)

    def news(self, found: dict[UUID, TicketPresence]) -> list[tuple[Watched, TicketPresence]]:
        """Pictures that differ from the last ones, of tickets that are still followed."""
        return [
            (watched, picture)
            for ticket_id, picture in found.items()
            if (watched := self.watched.get(ticket_id)) is not None and watched.newest != picture
        ]
