"""Reads presence at all tickets that have subscribers in this process.

It polls once a second and after each wake-up, with one statement for all tickets. Each snapshot
that differs from the one before gets the next sequence number. Subscribers ask for the snapshots
after the last number that they have read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

import structlog

from engine.bus.log_tail import Listener
from engine.execution.source import Item
from models.tickets import presence
from models.tickets.presence import TicketPresence

POLL_SECONDS = 1.0
MIN_POLL_INTERVAL_SECONDS = 0.05
"""The minimum time between two reads, however many wake-ups arrive."""
MAX_SNAPSHOTS = 100
log = structlog.get_logger("ticketwire.presence")


class WatchedTicket:
    """The newest snapshots of a ticket that has subscribers. Each differs from the one before."""

    def __init__(self) -> None:
        self.sources: set[object] = set()
        self.snapshots: deque[Item[TicketPresence]] = deque(maxlen=MAX_SNAPSHOTS)
        self.changed = asyncio.Event()

    @property
    def newest(self) -> TicketPresence | None:
        return self.snapshots[-1][1] if self.snapshots else None

    def add_snapshot(self, sequence: int, snapshot: TicketPresence) -> None:
        self.snapshots.append((sequence, snapshot))
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def wait_for_snapshots(self, after: int) -> list[Item[TicketPresence]]:
        """Wait for snapshots after a sequence number. If it is negative, return only the newest."""
        while not self.snapshots or self.snapshots[-1][0] <= after:
            await self.changed.wait()
        if after < 0:
            return [self.snapshots[-1]]
        return [item for item in self.snapshots if item[0] > after]


class PresenceTail:
    """Reads presence for the subscribers of this process.

    `refresh_permissions` updates the permissions of open connections. It is called before
    snapshots are delivered.
    """

    def __init__(
        self,
        listener: Listener,
        now: Callable[[], datetime],
        *,
        refresh_permissions: Callable[[], Awaitable[None]],
    ) -> None:
        self.listener = listener
        self.now = now
        self.refresh_permissions = refresh_permissions
        self.watched: dict[UUID, WatchedTicket] = {}
        self.sequence = 0
        self.due = asyncio.Event()

    def watch(self, ticket_id: UUID, source: object) -> WatchedTicket:
        """Read a ticket's presence until `unwatch`. A second call for one source has no effect."""
        watched = self.watched.get(ticket_id)
        if watched is None:
            watched = self.watched[ticket_id] = WatchedTicket()
            self.due.set()
        watched.sources.add(source)
        return watched

    def unwatch(self, ticket_id: UUID, source: object) -> None:
        watched = self.watched.get(ticket_id)
        if watched is not None:
            watched.sources.discard(source)
            if not watched.sources:
                del self.watched[ticket_id]

    async def run(self) -> None:
        """Read presence for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.wait_for_wakeups())
            tasks.create_task(self.poll())

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
                except Exception:  # an outage of the database only delays snapshots
                    log.exception("presence.read_failed")
                await asyncio.sleep(MIN_POLL_INTERVAL_SECONDS)

    async def read_presence(self) -> None:
        snapshots = await presence.read_presence(list(self.watched), self.now())
        if not self.changed_snapshots(snapshots):
            return
        await self.refresh_permissions()
        for watched, snapshot in self.changed_snapshots(snapshots):
            self.sequence += 1
            watched.add_snapshot(self.sequence, snapshot)

    def changed_snapshots(
        self, snapshots: Mapping[UUID, TicketPresence]
    ) -> list[tuple[WatchedTicket, TicketPresence]]:
        """The snapshots that differ from the last one, of tickets that still have subscribers."""
        changed: list[tuple[WatchedTicket, TicketPresence]] = []
        for ticket_id, snapshot in snapshots.items():
            watched = self.watched.get(ticket_id)
            if watched is not None and watched.newest != snapshot:
                changed.append((watched, snapshot))
        return changed
