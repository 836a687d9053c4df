"""The events that a group sends to event streams: shared bytes, and cursors only at complete
positions."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any

import pytest

from engine.execution.source import Item, Source
from engine.fanout.batch import Batch
from engine.fanout.group import Subscriber, SubscriptionGroups
from engine.fanout.outbox import Outbox
from engine.limits.subscriptions import CostReservation
from engine.sse.outbox import encode_events

pytestmark = pytest.mark.never_retried


class FixedSource(Source[int]):
    """Returns all its items in one batch."""

    def __init__(self, items: Sequence[Item[int]], position: int = 0) -> None:
        self.items = items
        self.is_closed = False
        self.position = self.start = position

    @property
    def share_key(self) -> Hashable:
        return "everybody"

    async def wait(self) -> None:
        if self.position != self.start:
            await asyncio.Event().wait()

    async def next_batch(self) -> Sequence[Item[int]]:
        self.position = self.items[-1][0]
        return self.items

    def fork(self, context: Any, position: int) -> Source[int]:
        raise NotImplementedError

    def close(self) -> None:
        self.is_closed = True

    def cursor(self, position: int) -> str | None:
        return f"at{position}"


class StubExecution:
    """An execution whose payloads are its items."""

    share_key = "same"

    def __init__(self, source: FixedSource) -> None:
        self.source = source
        self.cost_reservation = CostReservation(caller="ada")

    def fork(self, context: Any, position: int) -> Any:
        raise ValueError("too much")

    def format_source_error(self, error: Exception) -> list[dict[str, Any]]:
        return [{"message": str(error)}]

    async def execute_batch(self, values: Sequence[int]) -> list[bytes]:
        return [b"%d" % value for value in values]


class RecordingOutbox(Outbox):
    """A stream's outbox that records batches. `is_full` is set after a number of items."""

    def __init__(self, items: int) -> None:
        super().__init__(0, lambda: None)
        self.batches: list[bytes] = []
        self.missing = items
        self.is_full = asyncio.Event()

    def post(self, message: bytes) -> None:
        raise NotImplementedError

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.batches.append(encode_events(batch))
        self.missing -= len(batch.positions)
        if not self.missing:
            self.is_full.set()

    @property
    def backlog(self) -> int:
        return 0

    @property
    def accepted_bytes(self) -> int:
        return 0

    async def drain(self) -> None:
        return


async def send_to_streams(
    items: Sequence[Item[int]], *, streams: int = 1, position: int = 0
) -> list[list[bytes]]:
    """The batches that each of several streams of one group gets."""
    execution: Any = StubExecution(FixedSource(items, position))
    groups = SubscriptionGroups()
    outboxes = [RecordingOutbox(len(items)) for _ in range(streams)]
    for outbox in outboxes:
        groups.join(execution, Subscriber(outbox, b"", position, lambda _: None, lambda: None))
    async with asyncio.timeout(60):
        for outbox in outboxes:
            await outbox.is_full.wait()
    assert (groups.counters.items, groups.counters.deliveries) == (len(items), streams * len(items))
    await groups.close()
    return [outbox.batches for outbox in outboxes]


async def test_the_last_item_of_each_position_has_its_cursor() -> None:
    ((all_at_once,),) = await send_to_streams([(3, 1), (5, 2), (5, 3), (5, 4), (6, 5)])
    assert all_at_once == (
        b"event: next\nid: at3\ndata: 1\n\n"
        b"event: next\ndata: 2\n\n"
        b"event: next\ndata: 3\n\n"
        b"event: next\nid: at5\ndata: 4\n\n"
        b"event: next\nid: at6\ndata: 5\n\n"
    )


async def test_each_source_is_closed_once_it_is_not_needed() -> None:
    groups = SubscriptionGroups()

    def join() -> tuple[FixedSource, Subscriber]:
        source = FixedSource([(1, 1)])
        execution: Any = StubExecution(source)
        subscriber = Subscriber(RecordingOutbox(1), b"", 0, lambda _: None, lambda: None)
        groups.join(execution, subscriber)
        return source, subscriber

    (first, leading), (second, joining) = join(), join()
    assert (first.is_closed, second.is_closed) == (False, True), "the second uses the first one's"
    joining.leave()
    leading.leave()  # its task has not taken its first step
    await groups.close()
    assert first.is_closed


async def test_a_subscription_that_can_not_continue_with_other_permissions_ends_alone() -> None:
    """For example, because the copy of its source would exceed a limit."""
    execution: Any = StubExecution(FixedSource([(1, 1)]))
    groups, ends = SubscriptionGroups(), list[Any]()
    ending, other = (
        Subscriber(RecordingOutbox(1), b"", 0, end, lambda: None)
        for end in (ends.append, lambda _: None)
    )
    for subscriber in (ending, other):
        groups.join(execution, subscriber)
    ending.switch_context(None)
    assert (ends, ending.group) == ([[{"message": "too much"}]], None)
    assert other.group is not None
    await groups.close()


@pytest.mark.parametrize("limit", ["group.MAX_BATCH_ITEMS", "batch.MAX_BATCH_BYTES"])
async def test_a_position_in_several_batches_has_its_cursor_in_the_last_one(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"engine.fanout.{limit}", 2)
    (batches,) = await send_to_streams([(7, 10), (7, 11), (7, 12), (7, 13), (8, 14)])
    assert len(batches) > 1
    assert [
        line for line in b"".join(batches).split(b"\n") if line.startswith((b"id", b"data"))
    ] == [
        *(b"data: 10", b"data: 11", b"data: 12"),
        *(b"id: at7", b"data: 13", b"id: at8", b"data: 14"),
    ]


@pytest.mark.parametrize("limit", ["group.MAX_BATCH_ITEMS", "batch.MAX_BATCH_BYTES"])
async def test_a_snapshot_in_several_batches_has_one_cursor_at_its_end(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that loses the connection within the snapshot must not resume: the rest would never
    come."""
    monkeypatch.setattr(f"engine.fanout.{limit}", 2)
    (batches,) = await send_to_streams([(7, 10), (8, 11), (9, 12), (9, 13), (9, 14)], position=-1)
    assert len(batches) > 1
    assert [
        line for line in b"".join(batches).split(b"\n") if line.startswith((b"id", b"data"))
    ] == [
        *(b"data: 10", b"data: 11", b"data: 12", b"data: 13", b"id: at9", b"data: 14"),
    ]


async def test_all_streams_of_a_group_get_the_same_bytes_object() -> None:
    one, other = await send_to_streams([(1, 1), (2, 2)], streams=2)
    assert len(one) == 1
    assert one[0] is other[0]
