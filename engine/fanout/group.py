"""Subscription groups: equal subscriptions of viewers with equal permissions share one execution.

A subscription that is behind runs alone, in a group of its own. When it has reached the position of
the shared group for equal subscriptions, it joins that group and skips the items that it already
has. The subscribers of a group share one source, one execution and one encoding of each item.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Any

from engine.execution.source import Item
from engine.execution.subscription import ExecutionInterrupted, SubscriptionExecution
from engine.fanout.batch import Batch, batch_ends, find_complete_position
from engine.fanout.outbox import Outbox
from engine.fanout.scheduler import GroupScheduler
from engine.fanout.work import GroupWork
from engine.limits.subscriptions import CostReservation

MAX_BATCH_ITEMS = 32
"""Items that are executed together and sent to each subscriber in one write."""
SUBSCRIBERS_PER_YIELD = 64
"""Subscribers that are served before other tasks may run."""


class Subscriber:
    """One running subscription of a WebSocket or an event stream.

    `on_end` is called with errors when the source fails. `on_outage` is called when a database
    outage lasts longer than the retries.
    """

    __slots__ = ("cost_reservation", "group", "on_end", "on_outage", "outbox", "position", "suffix")

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
        """The end of each message to this subscriber; see `Outbox.deliver`."""
        self.position = position
        """All items up to here were sent, or are not visible to this subscriber."""
        self.on_end = on_end
        self.on_outage = on_outage
        self.group: SubscriptionGroup | None = None
        self.cost_reservation = CostReservation(caller="")

    def leave(self) -> None:
        """End the subscription."""
        self.cost_reservation.release()
        self.leave_group()

    def leave_group(self) -> None:
        if self.group is not None:
            self.group.remove(self)

    def switch_context(self, context: Any) -> None:
        """Leave the group, and continue from the current position with the context's viewer."""
        group = self.group
        if group is None:
            return
        try:
            execution = group.execution.fork(context, self.position)
        except Exception as error:  # such as a limit; it ends this subscription, not its connection
            errors = group.execution.format_source_error(error)
            self.leave()
            self.on_end(errors)
            return
        self.leave_group()
        group.groups.join(execution, self)

    @property
    def cursor(self) -> str | None:
        """The current position as a cursor for clients; None outside a group."""
        if self.group is None:
            return None
        return self.group.execution.source.cursor(self.position)


class FanoutCounters:
    """Totals for the metrics: items executed once for a group, and sent to each subscriber."""

    def __init__(self) -> None:
        self.items = 0
        self.deliveries = 0


class SubscriptionGroups:
    """All subscription groups of this process.

    `shared_groups` has at most one group for each share key: the group that later subscriptions
    with this key join. `scheduler` schedules the work of the groups.
    """

    def __init__(self, scheduler: GroupScheduler | None = None) -> None:
        self.scheduler = scheduler or GroupScheduler()
        self.shared_groups: dict[Hashable, SubscriptionGroup] = {}
        self.running: set[SubscriptionGroup] = set()
        self.counters = FanoutCounters()

    def join(self, execution: SubscriptionExecution, subscriber: Subscriber) -> None:
        """Send the subscriber all items after the current position of the execution's source."""
        subscriber.position = execution.source.position
        subscriber.cost_reservation = execution.cost_reservation
        key = execution.share_key
        shared_group = None if key is None else self.shared_groups.get(key)
        if shared_group is not None and shared_group.position <= subscriber.position:
            shared_group.add(subscriber)
            execution.source.close()  # the source of the shared group has all its items
            return
        group = SubscriptionGroup(self, execution)
        group.add(subscriber)
        group.share_or_merge()
        group.start()

    async def close(self) -> None:
        """Stop all groups at the end of the process."""
        tasks = [group.task for group in self.running if group.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SubscriptionGroup:
    """One execution and the subscribers that receive its results.

    `position` rises before a batch is delivered, so a subscriber that joins during the delivery is
    not part of it. Each subscriber's own position rises with its delivery, so a subscriber that
    leaves during the delivery knows what it received.
    """

    def __init__(self, groups: SubscriptionGroups, execution: SubscriptionExecution) -> None:
        self.groups = groups
        self.execution = execution
        self.key = execution.share_key
        self.position = execution.source.position
        self.subscribers: dict[Subscriber, None] = {}
        self.work = GroupWork(execution, groups.scheduler)
        self.task: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- subscribers

    def add(self, subscriber: Subscriber) -> None:
        self.subscribers[subscriber] = None
        subscriber.group = self
        self.work.add_caller(subscriber.cost_reservation.caller)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber. A group without subscribers stops."""
        del self.subscribers[subscriber]
        subscriber.group = None
        self.work.remove_caller(subscriber.cost_reservation.caller)
        if not self.subscribers:
            self.stop()

    def dissolve(self) -> list[Subscriber]:
        """End all subscriptions; return the subscribers."""
        subscribers = list(self.subscribers)
        for subscriber in subscribers:
            subscriber.group = None
            subscriber.cost_reservation.release()
        self.subscribers.clear()
        self.stop_sharing()
        return subscribers

    def start(self) -> None:
        # An empty context, because the task works for all subscribers, not for the first one.
        self.task = asyncio.get_running_loop().create_task(self.run(), context=Context())
        self.groups.running.add(self)
        self.task.add_done_callback(self.clean_up)

    def clean_up(self, _: asyncio.Task[None]) -> None:
        """Release the source. A task that is cancelled before its first step never enters `run`."""
        self.groups.running.discard(self)
        self.execution.source.close()
        self.task = None  # its traceback refers to this group

    def stop(self) -> None:
        self.stop_sharing()
        if self.task is not None:
            self.task.cancel()

    def stop_sharing(self) -> None:
        if self.key is not None and self.groups.shared_groups.get(self.key) is self:
            del self.groups.shared_groups[self.key]

    def share_or_merge(self) -> bool:
        """Become the shared group if there is none, or move the subscribers to it at its position.

        Returns whether this group still has its subscribers.
        """
        if self.key is None:
            return True
        shared_group = self.groups.shared_groups.get(self.key)
        if shared_group is None:
            if self.execution.source.is_live:
                self.groups.shared_groups[self.key] = self
            return True
        if shared_group is self or shared_group.position > self.position:
            return True
        for subscriber in list(self.subscribers):
            shared_group.add(subscriber)
        self.subscribers.clear()
        return False

    # ---------------------------------------------------------------- items

    async def run(self) -> None:
        """Read, execute and send batches until the source fails or the group merges."""
        source = self.execution.source
        try:
            while self.share_or_merge():
                items = await self.work.read_batch()
                for start in range(0, len(items), MAX_BATCH_ITEMS):
                    end = min(start + MAX_BATCH_ITEMS, len(items))
                    await self.send_items(items, start, end)
                self.position = source.position
                if not items:
                    self.advance_subscribers()
                del items  # they can be a snapshot of thousands of tickets
        except ExecutionInterrupted:
            for subscriber in self.dissolve():
                subscriber.on_outage()
        except Exception as error:  # any error of a source ends its subscriptions
            errors = self.execution.format_source_error(error)
            for subscriber in self.dissolve():
                subscriber.on_end(errors)

    def advance_subscribers(self) -> None:
        """Advance all past events that none of them sees, so that no new group reads them again."""
        for subscriber in self.subscribers:
            subscriber.position = max(subscriber.position, self.position)

    async def send_items(self, items: Sequence[Item[Any]], first: int, last: int) -> None:
        """Execute and deliver items[first:last], a part of a batch of the source."""
        payloads = await self.work.execute([value for _, value in items[first:last]])
        self.groups.counters.items += len(payloads)
        positions = [position for position, _ in items[first:last]]
        cursors = [
            self.find_cursor(items, index, position)
            for index, position in enumerate(positions, first)
        ]
        start = 0
        for end in batch_ends(payloads):
            batch = Batch(positions[start:end], payloads[start:end], cursors[start:end])
            await self.deliver(batch, self.find_complete_position(items, first + end))
            await self.drain_single_subscriber()
            start = end

    def find_cursor(self, items: Sequence[Item[Any]], index: int, position: int) -> str | None:
        """Only the last item of a position has a cursor, because clients resume after it."""
        if self.find_complete_position(items, index + 1) < position:
            return None
        return self.execution.source.cursor(position)

    def find_complete_position(self, items: Sequence[Item[Any]], end: int) -> int:
        return find_complete_position(items, end, self.position, self.execution.source.position)

    async def deliver(self, batch: Batch, complete_position: int) -> None:
        start, self.position = self.position, complete_position
        if batch.position > complete_position:
            # A subscriber that joined now would miss the first items of a position.
            self.stop_sharing()
        for number, subscriber in enumerate(list(self.subscribers), 1):
            if subscriber.group is self:  # it may have left during the delivery
                self.deliver_to(subscriber, batch, start)
                subscriber.position = max(subscriber.position, complete_position)
            if not number % SUBSCRIBERS_PER_YIELD:
                await asyncio.sleep(0)

    def deliver_to(self, subscriber: Subscriber, batch: Batch, start: int) -> None:
        """Send the part of a batch after `start` that the subscriber has not received elsewhere."""
        part = batch.after(subscriber.position) if subscriber.position > start else batch
        if part is not None:
            self.groups.counters.deliveries += len(part.positions)
            subscriber.outbox.deliver(part, subscriber.suffix)

    async def drain_single_subscriber(self) -> None:
        """Wait until a group's only subscriber has read most of its messages.

        So a subscriber that catches up is served at its own speed. A group with several subscribers
        does not wait. During the wait the group is not shared, because a subscriber that joined it
        would have to wait as well.
        """
        if len(self.subscribers) != 1:
            return
        [subscriber] = self.subscribers
        self.stop_sharing()
        await subscriber.outbox.drain_unless_stalled()
