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
from engine.execution.subscription import Interrupted, SubscriptionExecution
from engine.fanout.outbox import Batch, Outbox

AT_ONCE = 32
"""Items that are executed together, and told in one write to each member."""
ROUND = 256 * 1024
"""Bytes that are written to a member at once."""
STEP = 64
"""Members that are served before others have the loop."""
PATIENCE_SECONDS = 30.0
"""How long a reader that is alone may take nothing."""
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
log = structlog.get_logger("ticketwire.groups")


class Subscriber:
    """One running subscription, of a socket or a stream."""

    __slots__ = ("ended", "group", "interrupted", "outbox", "position", "tail")

    def __init__(
        self,
        mailbox: Outbox,
        tail: bytes,
        position: int,
        ended: Callable[[Sequence[Mapping[str, Any]]], None],
        interrupted: Callable[[], None],
    ) -> None:
        self.outbox = mailbox
        self.tail = tail
        self.position = position
        """Everything up to here was told to it, or is nothing for it."""
        self.ended = ended
        """Called with errors when the source has ended."""
        self.interrupted = interrupted
        """Called when an outage lasts too long to wait for."""
        self.group: SubscriptionGroup | None = None

    def leave(self) -> None:
        if self.group is not None:
            self.group.remove(self)

    def move(self, context: Any) -> None:
        """Leave those whom it shares with, and go on from where it is by the rights of another context."""
        if self.group is not None:
            groups, following = self.group.groups, self.group.following.moved(context, self.position)
            self.leave()
            groups.join(following, self)

    @property
    def cursor(self) -> str | None:
        """How far it was told, as clients keep it."""
        return self.group.following.source.cursor(self.position) if self.group is not None else None


class Counts:
    """What an operator watches; they only rise."""

    def __init__(self) -> None:
        self.items = 0
        self.deliveries = 0


class SubscriptionGroups:
    """All groups of this process."""

    def __init__(self) -> None:
        self.leads: dict[Hashable, SubscriptionGroup] = {}
        self.running: set[SubscriptionGroup] = set()
        self.counts = Counts()

    def join(self, following: SubscriptionExecution, member: Subscriber) -> None:
        """Let the member be told what the source tells from where it stands."""
        member.position = following.source.position
        lead = self.leads.get(following.key) if following.key is not None else None
        if lead is not None and lead.position <= member.position:
            lead.add(member)
            return
        group = SubscriptionGroup(self, following)
        group.add(member)
        group.settle()
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

    def __init__(self, groups: SubscriptionGroups, following: SubscriptionExecution) -> None:
        self.groups = groups
        self.following = following
        self.key = following.key
        self.position = following.source.position
        self.members: dict[Subscriber, None] = {}
        self.task: asyncio.Task[None] | None = None

    def add(self, member: Subscriber) -> None:
        self.members[member] = None
        member.group = self

    def remove(self, member: Subscriber) -> None:
        """The last one to leave ends the group."""
        self.members.pop(member, None)
        member.group = None
        if not self.members:
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
        if self.key is not None and self.groups.leads.get(self.key) is self:
            del self.groups.leads[self.key]

    def settle(self) -> bool:
        """Lead where nobody does, or join who leads once that is possible; returns whether the group goes on."""
        if self.key is None:
            return True
        lead = self.groups.leads.get(self.key)
        if lead is None:
            if self.following.source.is_live:
                self.groups.leads[self.key] = self
            return True
        if lead is self or lead.position > self.position:
            return True
        for member in list(self.members):
            lead.add(member)
        self.members.clear()
        return False

    async def run(self) -> None:
        source = self.following.source
        try:
            while self.settle():
                items = await source.next_batch()
                for start in range(0, len(items), AT_ONCE):
                    await self.tell(items, start, min(start + AT_ONCE, len(items)))
                self.position = source.position
                if not items:  # passed over: nobody is told, and who leaves now need not see it again
                    self.pass_over()
        except Interrupted:
            for member in self.end():
                member.interrupted()
        except Exception as error:  # whatever ends a source ends its subscriptions, each with an error
            errors = self.following.explained(error)
            for member in self.end():
                member.ended(errors)
        finally:
            source.close()

    def end(self) -> list[Subscriber]:
        """Nobody's group any more; returns who was in it."""
        members = list(self.members)
        for member in members:
            member.group = None
        self.members.clear()
        self.stop_leading()
        return members

    async def tell(self, items: Sequence[Item[Any]], first: int, last: int) -> None:
        """Execute and deliver some of the items that the source told together."""
        payloads = await self.executed([value for _, value in items[first:last]])
        self.groups.counts.items += len(payloads)
        positions = [position for position, _ in items[first:last]]
        # who resumes from a cursor has all of its position behind them
        cursors = [
            self.following.source.cursor(position) if self.reached(items, end) >= position else None
            for end, position in enumerate(positions, first + 1)
        ]
        start = 0
        for end in parts(payloads):
            told = Batch(positions[start:end], payloads[start:end], cursors[start:end])
            await self.deliver(told, self.reached(items, first + end))
            await self.drained()
            start = end

    def reached(self, items: Sequence[Item[Any]], end: int) -> int:
        """Up to where all is told with the items before a place. A picture that is owed is told as a whole or not at all."""
        if end == len(items):
            return self.following.source.position
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
        for place, member in enumerate(list(self.members), 1):
            if member.group is self:  # else it left meanwhile
                # who joined with more than the group had told skips what they know
                part = round.after(member.position) if member.position > before else round
                if part is not None:
                    self.groups.counts.deliveries += len(part.positions)
                    member.outbox.deliver(part, member.tail)
                member.position = max(member.position, up_to)
            if not place % STEP:
                await asyncio.sleep(0)

    async def drained(self) -> None:
        """Who reads alone, as those far behind do, is told as fast as they take it; among several, nobody is waited for.

        A group that waits does not lead, or whoever joined it would wait too.
        """
        if len(self.members) == 1 and (member := next(iter(self.members))):
            self.stop_leading()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await member.outbox.drained()
            except TimeoutError:
                member.outbox.flooded()

    def pass_over(self) -> None:
        for member in self.members:
            member.position = max(member.position, self.position)

    async def executed(self, values: Sequence[Any]) -> list[bytes]:
        for seconds in RETRY_SECONDS:
            try:
                return await self.following.payloads(values)
            except Interrupted:
                log.warning("groups.interrupted", retry_in=seconds)
                await asyncio.sleep(seconds)
        return await self.following.payloads(values)


def parts(payloads: Sequence[bytes]) -> Iterator[int]:
    """Where to cut, so that no round but one of a single item is larger than ROUND."""
    size = 0
    for place, payload in enumerate(payloads):
        if size and size + len(payload) > ROUND:
            yield place
            size = 0
        size += len(payload)
    yield len(payloads)
