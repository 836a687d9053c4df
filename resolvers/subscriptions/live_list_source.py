"""The source of a live list: its members at one position of the log, and the changes after it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable, Mapping, Sequence
from enum import Enum, auto
from time import monotonic
from typing import Any
from uuid import UUID

from engine.bus.log_tail import LogTail
from engine.execution.source import Item, Source
from models.access.permissions import READ_TICKETS
from models.access.viewer import Viewer
from models.log import event
from models.log.event import Event, LogEntry
from models.queries import live_list
from models.queries.filters.filter import changes_without_events, serialize_filter
from models.queries.live_list import ChangeKind, ListMembership, LiveListChange
from models.queries.logs import event_log
from resolvers.context import Context
from resolvers.subscriptions.live_list_reads import read_memberships, read_merge_targets
from resolvers.subscriptions.memory import reserve_memory, resize_memory
from resolvers.subscriptions.outage import retry_on_outage

HEARTBEAT_SECONDS = 15.0
TIMED_REFRESH_SECONDS = 5.0
"""The interval at which the members are read again if the filter depends on the time."""
VISIBILITY_CHECK_SECONDS = 1.0
MAX_BATCH_EVENTS = 500
MAX_REPLAY_EVENTS = 10_000
BYTES_PER_MEMBER = 200
"""The approximate memory for the id of a ticket in a list."""

BEFORE_SNAPSHOT = -1
"""The position of a source whose subscriber has received nothing yet."""
BEFORE_CATCH_UP = -2
"""The position of a source whose subscriber must receive a difference or a new snapshot first. It
is below BEFORE_SNAPSHOT, so such a subscriber joins no group that begins with a first snapshot."""


class Pending(Enum):
    """What the subscriber must receive before it can receive single changes."""

    SNAPSHOT = auto()
    """The first snapshot."""
    RESYNC = auto()
    """A GAP and a new snapshot, because the changes since the last position are unknown."""
    DIFFERENCE = auto()
    """The tickets that entered or left the list because the viewer's visibility changed."""


class LiveListSource(Source[LiveListChange]):
    """The changes of one live list.

    `members` are the ids of the list's tickets at `members_position`, as `viewer` sees them;
    None before the first read. The subscriber has received all changes up to `sent_position`.
    """

    cursor_argument = "after"

    def __init__(
        self,
        context: Context,
        filter: Mapping[str, Any] | None,
        sent_position: int = 0,
        pending: Pending | None = Pending.SNAPSHOT,
    ) -> None:
        self.context = context
        self.filter = filter
        self.key = serialize_filter(filter)
        self.is_polled = changes_without_events(context.viewer, filter)
        self.pending = pending
        self.sent_position = self.members_position = sent_position
        self.members: set[UUID] | None = None
        self.viewer = context.viewer
        self.members_read_at = self.last_sent_at = monotonic()
        self.memory = reserve_memory(self, context.services.live_memory, context.viewer.caller_key)

    @property
    def position(self) -> int:
        """The position that the subscriber has reached; negative while something is pending."""
        if self.pending is None:
            return self.sent_position
        return BEFORE_SNAPSHOT if self.pending is Pending.SNAPSHOT else BEFORE_CATCH_UP

    @property
    def tail(self) -> LogTail[LogEntry]:
        return self.context.services.event_tail

    @property
    def share_key(self) -> Hashable:
        # If the list depends on the time, equal positions do not imply equal members.
        if self.is_polled:
            return None
        return ("changes", self.key, self.context.viewer.visibility_key)

    @property
    def is_live(self) -> bool:
        return self.position >= 0 and self.tail.head - MAX_BATCH_EVENTS <= self.position

    def close(self) -> None:
        self.members = None
        self.memory.release()

    def cursor(self, position: int) -> str | None:
        return event.encode_cursor(position) if position >= 0 else None

    def fork(self, context: Context, position: int) -> LiveListSource:
        """The list for one subscriber, continued from `position` with another context."""
        other = LiveListSource(context, self.filter, self.sent_position, self.pending)
        other.viewer = self.viewer
        if self.members is not None:
            resize_memory(other.memory, self.memory.bytes)
            other.members, other.members_position = set(self.members), self.members_position
        if self.pending in (Pending.SNAPSHOT, Pending.RESYNC):
            return other
        other.pending = None
        is_behind = position < self.sent_position
        if not is_behind and not other.has_visibility_changed():
            return other
        # The difference can be derived only if the subscriber has exactly the members.
        has_members = other.members is not None and self.sent_position == self.members_position
        if is_behind or not has_members:
            other.members, other.pending = None, Pending.RESYNC
        else:
            other.pending = Pending.DIFFERENCE
        return other

    def has_visibility_changed(self) -> bool:
        return self.context.viewer.visibility_key != self.viewer.visibility_key

    async def next_batch(self) -> Sequence[Item[LiveListChange]]:
        changes = await retry_on_outage(self.next_changes)
        if changes:
            self.last_sent_at = monotonic()
        self.pending = None
        # The loaders must not return tickets that are older than the members.
        self.context.renew_loaders()
        return [(change.position, change) for change in changes]

    async def next_changes(self) -> list[LiveListChange]:
        """The next changes; perhaps none.

        The source changes only after a complete read, so this can be cancelled anywhere.
        """
        if self.pending in (Pending.SNAPSHOT, Pending.RESYNC):
            return await self.next_snapshot()
        if self.members is None:
            await self.read_members()
        if self.sent_position < self.members_position:
            return await self.replay_missed()
        if self.has_visibility_changed() or self.is_refresh_due():
            return await self.diff_members()
        if self.tail.head > self.members_position:
            return await self.follow_log()
        await self.refresh_viewer()
        if monotonic() >= self.last_sent_at + HEARTBEAT_SECONDS:
            return [LiveListChange(ChangeKind.HEARTBEAT, self.members_position)]
        return []

    def is_refresh_due(self) -> bool:
        return self.is_polled and monotonic() >= self.members_read_at + TIMED_REFRESH_SECONDS

    async def wait(self) -> None:
        """Wait until the log grows, visibility changes, or a heartbeat or refresh is due.

        Returns at once while the subscriber must receive something else first.
        """
        is_behind = self.sent_position < self.members_position
        if self.pending is not None or is_behind or self.members is None:
            return
        due = self.last_sent_at + HEARTBEAT_SECONDS
        if self.is_polled:
            due = min(due, self.members_read_at + TIMED_REFRESH_SECONDS)
        while self.tail.head <= self.members_position and not self.has_visibility_changed():
            seconds = due - monotonic()
            if seconds <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, VISIBILITY_CHECK_SECONDS)):
                    await self.tail.wait_beyond(self.members_position)

    async def refresh_viewer(self) -> Viewer:
        """The current viewer. Raises Unauthenticated or Forbidden if the permission was lost."""
        await self.context.services.viewers.refresh()
        READ_TICKETS.check(self.context.viewer)
        return self.context.viewer

    async def read_current_members(self) -> tuple[Viewer, int, set[UUID]]:
        """Read the members, their position, and the viewer that they are visible to.

        Permissions are refreshed after the members were read, so they are never older.
        """
        limit = self.context.settings.max_live_list_tickets
        while True:
            viewer, at = self.context.viewer, self.context.now()
            head, members = await live_list.read_members(viewer, self.filter, at, limit)
            current = await self.refresh_viewer()
            if current.visibility_key == viewer.visibility_key:
                resize_memory(self.memory, len(members) * BYTES_PER_MEMBER)
                return viewer, head, members

    async def read_members(self) -> None:
        """Read the members without sending anything."""
        self.viewer, self.members_position, self.members = await self.read_current_members()
        self.members_read_at = monotonic()

    def start_at_members(self) -> None:
        """Continue with changes after the members that were read last."""
        self.sent_position, self.pending = self.members_position, None

    async def next_snapshot(self) -> list[LiveListChange]:
        """A snapshot, after a GAP unless it is the first one."""
        is_first = self.pending is Pending.SNAPSHOT
        await self.read_members()
        self.start_at_members()
        assert self.members is not None  # they were just read
        snapshot = live_list.build_snapshot(self.members, self.members_position)
        if is_first:
            return snapshot
        return [LiveListChange(ChangeKind.GAP, self.members_position), *snapshot]

    async def replay_missed(self) -> list[LiveListChange]:
        """The next part of the changes from the client's cursor to the members."""
        end = min(self.sent_position + MAX_BATCH_EVENTS, self.members_position)
        events = await self.read_events(self.sent_position, end)
        targets = await read_merge_targets(self.context, self.viewer, events or [])
        await self.refresh_viewer()
        if events is None or self.members is None or self.has_visibility_changed():
            return await self.next_snapshot()
        self.sent_position = end
        relevant = live_list.select_relevant(events, self.viewer)
        changes = live_list.replay_events(relevant, self.members, self.viewer)
        return live_list.add_target_updates(changes, events, self.members, targets, self.viewer)

    async def follow_log(self) -> list[LiveListChange]:
        """Advance to the head of the log. Reads only the tickets with new events."""
        head, memberships = await read_memberships(
            self.context, self.viewer, self.filter, self.members_position
        )
        events = await self.read_events(self.members_position, head)
        targets = await read_merge_targets(self.context, self.viewer, events or [])
        await self.refresh_viewer()
        if self.has_visibility_changed():
            return await self.diff_members()
        if events is None or self.members is None:
            return await self.next_snapshot()
        events = live_list.select_relevant(events, self.viewer)
        memberships = {event.ticket_id: memberships[event.ticket_id] for event in events}
        changes = live_list.diff_events(events, self.members, memberships, self.viewer)
        self.members -= memberships.keys()
        self.members |= {id for id, each in memberships.items() if each is ListMembership.INSIDE}
        changes = live_list.add_target_updates(changes, events, self.members, targets, self.viewer)
        self.members_position = self.sent_position = head
        live_list.check_size(len(self.members), self.context.settings.max_live_list_tickets)
        resize_memory(self.memory, len(self.members) * BYTES_PER_MEMBER)
        return changes

    async def diff_members(self) -> list[LiveListChange]:
        """Advance to the head of the log. Reads all members: time or visibility changed them."""
        viewer, head, members = await self.read_current_members()
        events = await self.read_events(self.members_position, head)
        if events is None or self.members is None:
            return await self.next_snapshot()
        events = live_list.select_relevant(events, viewer)
        targets = await read_merge_targets(self.context, viewer, events)
        with_events = {event.ticket_id for event in events}
        memberships = {
            id: ListMembership.INSIDE if id in members else ListMembership.NOT_VISIBLE
            for id in with_events
        }
        changes = live_list.diff_events(events, self.members, memberships, viewer)
        changes = live_list.add_target_updates(changes, events, members, targets, viewer)
        changes += live_list.diff_sets(self.members - with_events, members - with_events, head)
        self.viewer, self.members, self.members_read_at = viewer, members, monotonic()
        self.members_position = self.sent_position = head
        return changes

    async def read_events(self, position: int, end: int) -> list[Event] | None:
        """The events after a position, up to `end`.

        None if they are no longer in the log, or more than MAX_REPLAY_EVENTS.
        """
        count = end - position
        if count > MAX_REPLAY_EVENTS:
            return None
        await self.tail.wait_beyond(end - 1)
        entries = self.tail.after(position)
        if entries is None:
            entries = await event_log.read_log(position, count)
        entries = entries[:count]
        is_complete = len(entries) == count and (not entries or entries[-1].position == end)
        return [each for each in entries if isinstance(each, Event)] if is_complete else None
