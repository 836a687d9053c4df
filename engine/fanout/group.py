"""Equal subscriptions of viewers who see the same share one source, one execution and one encoding.

Whoever joins reads alone until they have come as far as the group that leads, then goes on with it and skips what they know.
A group knows of no sockets: it hands rounds to mailboxes, and yields the loop now and then while it does.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextvars import Context
from operator import itemgetter
from typing import Any

import structlog

from engine.execution.source import Item
from engine.execution.subscription import ExecutionInterrupted, SubscriptionExecution
from engine.fanout.outbox import Batch, Outbox

MAX_BATCH_ITEMS = 32
"""Items that are executed together, and told in one write to each member."""
MAX_BATCH_BYTES = 256 * 1024
"""Bytes that are written to a member at once."""
SUBSCRIBERS_PER_YIELD = 64
"""Members that are served before others have the loop."""
DRAIN_SECONDS = 30.0
"""How long a reader that is alone may take nothing."""
RETRY_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
log = structlog.get_logger("ticketwire.groups")


class Subscriber:
    """One running subscription, of a socket or a stream."""

    __slots__ = ("on_end", "group", "on_outage", "outbox", "position", "suffix")

    def __init__(
        self,
        outbox: Outbox,
        suffix: bytes,
        position: int,
        on_end: Callable[[Sequence[Mapping[str, Any]]], None],
        on_outage: Callable[[], None],
    ) -> None:
        self.outbox = outbox
        self.suffix = suffix
        self.position = position
        """Everything up to here was told to it, or is nothing for it."""
        self.on_end = on_end
        """Called with errors when the source has ended."""
        self.on_outage = on_outage
        """Called when an outage lasts too long to wait for."""
        self.group: SubscriptionGroup | None = None

    def leave(self) -> None:
        if self.group is not None:
            self.group.remove(self)

    def switch_context(self, context: Any) -> None:
        """Leave those whom it shares with, and go on from where it is by the rights of another context."""
        if self.group is not None:
            groups, following = self.group.groups, self.group.execution.fork(context, self.position)
            self.leave()
            groups.join(following, self)

    @property
    def cursor(self) -> str | None:
        """How far it was told, as clients keep it."""
        return self.group.execution.source.cursor(self.position) if self.group is not None else None


class FanoutCounters:
    """What an operator watches; they only rise."""

    def __init__(self) -> None:
        self.items = 0
        self.deliveries = 0


class SubscriptionGroups:
    """All groups of this process."""

    def __init__(self) -> None:
        self.leaders: dict[Hashable, SubscriptionGroup] = {}
        self.running: set[SubscriptionGroup] = set()
        self.counters = FanoutCounters()

    def join(self, execution: SubscriptionExecution, subscriber: Subscriber) -> None:
        """Let the member be told what the source tells from where it stands."""
        subscriber.position = execution.source.position
        lead = self.leaders.get(execution.share_key) if execution.share_key is not None else None
        if lead is not None and lead.position <= subscriber.position:
            lead.add(subscriber)
            return
        group = SubscriptionGroup(self, execution)
        group.add(subscriber)
        group.lead_or_merge()
        group.start()

    async def close(self) -> None:
        """End all of them, as the process ends."""
        tasks = [group.task for group in self.running if group.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SubscriptionGroup:
    """One source and those who are told what it tells.

    `position` rises before a round is delivered, so who joins meanwhile is no part of it, and each member's own position rises
    with its delivery, so who leaves meanwhile knows what it was told.
    """

    def __init__(self, groups: SubscriptionGroups, execution: SubscriptionExecution) -> None:
        self.groups = groups
        self.execution = execution
        self.key = execution.share_key
        self.position = execution.source.position
        self.subscribers: dict[Subscriber, None] = {}
        self.task: asyncio.Task[None] | None = None

    def add(self, subscriber: Subscriber) -> None:
        self.subscribers[subscriber] = None
        subscriber.group = self

    def remove(self, subscriber: Subscriber) -> None:
        """The last one to leave ends the group."""
        self.subscribers.pop(subscriber, None)
        subscriber.group = None
        if not self.subscribers:
            self.stop()

    def start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.run(), context=Context())  # for all, not for who came first
        self.groups.running.add(self)
        self.task.add_done_callback(lambda _: self.groups.running.discard(self))

    def stop(self) -> None:
        self.stop_leading()
        if self.task is not None:
            self.task.cancel()

    def stop_leading(self) -> None:
        if self.key is not None and self.groups.leaders.get(self.key) is self:
            del self.groups.leaders[self.key]

    def lead_or_merge(self) -> bool:
        """Lead where nobody does, or join who leads once that is possible; returns whether the group goes on."""
        if self.key is None:
            return True
        lead = self.groups.leaders.get(self.key)
        if lead is None:
            if self.execution.source.is_live:
                self.groups.leaders[self.key] = self
            return True
        if lead is self or lead.position > self.position:
            return True
        for member in list(self.subscribers):
            lead.add(member)
        self.subscribers.clear()
        return False

    async def run(self) -> None:
        source = self.execution.source
        try:
            while self.lead_or_merge():
                items = await source.next_batch()
                for start in range(0, len(items), MAX_BATCH_ITEMS):
                    await self.send_items(items, start, min(start + MAX_BATCH_ITEMS, len(items)))
                self.position = source.position
                if not items:  # passed over: nobody is told, and who leaves now need not see it again
                    self.advance_subscribers()
        except ExecutionInterrupted:
            for member in self.dissolve():
                member.on_outage()
        except Exception as error:  # whatever ends a source ends its subscriptions, each with an error
            errors = self.execution.format_source_error(error)
            for member in self.dissolve():
                member.on_end(errors)
        finally:
            source.close()

    def dissolve(self) -> list[Subscriber]:
        """Nobody's group any more; returns who was in it."""
        members = list(self.subscribers)
        for member in members:
            member.group = None
        self.subscribers.clear()
        self.stop_leading()
        return members

    async def send_items(self, items: Sequence[Item[Any]], first: int, last: int) -> None:
        """Execute and deliver some of the items that the source told together."""
        payloads = await self.execute([value for _, value in items[first:last]])
        self.groups.counters.items += len(payloads)
        positions = [position for position, _ in items[first:last]]
        # who resumes from a cursor has all of its position behind them
        cursors = [
            self.execution.source.cursor(position) if self.complete_position(items, end) >= position else None
            for end, position in enumerate(positions, first + 1)
        ]
        start = 0
        for end in batch_ends(payloads):
            told = Batch(positions[start:end], payloads[start:end], cursors[start:end])
            await self.deliver(told, self.complete_position(items, first + end))
            await self.drain_single_subscriber()
            start = end

    def complete_position(self, items: Sequence[Item[Any]], end: int) -> int:
        """Up to where all is told with the items before a place. A picture that is owed is told as a whole or not at all."""
        if end == len(items):
            return self.execution.source.position
        if self.position < 0:
            return self.position
        last, following = items[end - 1][0], items[end][0]
        if last < following:
            return following - 1
        before = bisect_left(items, last, key=itemgetter(0))
        return items[before - 1][0] if before else self.position

    async def deliver(self, round: Batch, up_to: int) -> None:
        before, self.position = self.position, up_to
        if round.position > up_to:
            self.stop_leading()  # who joined now would miss the first part of what is told of one position
        for place, member in enumerate(list(self.subscribers), 1):
            if member.group is self:  # else it left meanwhile
                # who joined with more than the group had told skips what they know
                part = round.after(member.position) if member.position > before else round
                if part is not None:
                    self.groups.counters.deliveries += len(part.positions)
                    member.outbox.deliver(part, member.suffix)
                member.position = max(member.position, up_to)
            if not place % SUBSCRIBERS_PER_YIELD:
                await asyncio.sleep(0)

    async def drain_single_subscriber(self) -> None:
        """Who reads alone, as those far behind do, is told as fast as they take it; among several, nobody is waited for.

        A group that waits does not lead, or whoever joined it would wait too.
        """
        if len(self.subscribers) == 1 and (member := next(iter(self.subscribers))):
            self.stop_leading()
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await member.outbox.drain()
            except TimeoutError:
                member.outbox.overflow()

    def advance_subscribers(self) -> None:
        for member in self.subscribers:
            member.position = max(member.position, self.position)

    async def execute(self, values: Sequence[Any]) -> list[bytes]:
        for seconds in RETRY_DELAYS_SECONDS:
            try:
                return await self.execution.execute_batch(values)
            except ExecutionInterrupted:
                log.warning("groups.interrupted", retry_in=seconds)
                await asyncio.sleep(seconds)
        return await self.execution.execute_batch(values)


def batch_ends(payloads: Sequence[bytes]) -> Iterator[int]:
    """Where to cut, so that no round but one of a single item is larger than ROUND."""
    size = 0
    for place, payload in enumerate(payloads):
        if size and size + len(payload) > MAX_BATCH_BYTES:
            yield place
            size = 0
        size += len(payload)
    yield len(payloads)
