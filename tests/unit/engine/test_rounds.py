"""What a group tells a stream: bytes that all share, with a cursor only where everything up to it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any

import pytest

from engine.execution.source import Item, Source
from engine.fanout import group
from engine.fanout.group import Subscriber, SubscriptionGroups
from engine.fanout.outbox import Batch, Outbox
from engine.sse.outbox import encode_events

pytestmark = pytest.mark.never_retried


class FixedSource(Source[int]):
    """Tells what it is given, at once."""

    def __init__(self, items: Sequence[Item[int]], position: int = 0) -> None:
        self.items = items
        self.position = self.began = position

    @property
    def share_key(self) -> Hashable:
        return "everybody"

    async def next_batch(self) -> Sequence[Item[int]]:
        if self.position != self.began:
            await asyncio.Event().wait()
        self.position = self.items[-1][0]
        return self.items

    def fork(self, context: Any, position: int) -> Source[int]:
        raise NotImplementedError

    def cursor(self, position: int) -> str | None:
        return f"at{position}"


class StubExecution:
    """A subscription whose payloads are its items."""

    key = "same"

    def __init__(self, source: FixedSource) -> None:
        self.source = source

    async def payloads(self, values: Sequence[int]) -> list[bytes]:
        return [b"%d" % value for value in values]


class RecordingOutbox(Outbox):
    """A stream's mailbox that keeps what it is told, until it was told a number of items."""

    def __init__(self, items: int) -> None:
        super().__init__(0, lambda: None)
        self.batches: list[bytes] = []
        self.missing = items
        self.full = asyncio.Event()

    def post(self, message: bytes) -> None:
        raise NotImplementedError

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.batches.append(encode_events(batch))
        self.missing -= len(batch.positions)
        if not self.missing:
            self.full.set()

    @property
    def backlog(self) -> int:
        return 0

    async def drain(self) -> None:
        return


async def send_to_streams(items: Sequence[Item[int]], *, members: int = 1, position: int = 0) -> list[list[bytes]]:
    following: Any = StubExecution(FixedSource(items, position))
    together = SubscriptionGroups()
    kept = [RecordingOutbox(len(items)) for _ in range(members)]
    for mailbox in kept:
        together.join(following, Subscriber(mailbox, b"", position, lambda _: None, lambda: None))
    async with asyncio.timeout(60):
        for mailbox in kept:
            await mailbox.full.wait()
    assert (together.counters.items, together.counters.deliveries) == (len(items), members * len(items))
    await together.close()
    return [mailbox.batches for mailbox in kept]


async def test_each_position_has_its_cursor_on_the_last_item_there() -> None:
    ((all_at_once,),) = await send_to_streams([(3, 1), (5, 2), (5, 3), (5, 4), (6, 5)])
    assert all_at_once == (
        b"event: next\nid: at3\ndata: 1\n\n"
        b"event: next\ndata: 2\n\n"
        b"event: next\ndata: 3\n\n"
        b"event: next\nid: at5\ndata: 4\n\n"
        b"event: next\nid: at6\ndata: 5\n\n"
    )


@pytest.mark.parametrize("cut", ["MAX_BATCH_ITEMS", "MAX_BATCH_BYTES"])
async def test_a_position_that_is_told_in_several_rounds_has_its_cursor_in_the_last(
    cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, cut, 2)
    (rounds,) = await send_to_streams([(7, 10), (7, 11), (7, 12), (7, 13), (8, 14)])
    assert len(rounds) > 1
    assert [line for line in b"".join(rounds).split(b"\n") if line.startswith((b"id", b"data"))] == [
        *(b"data: 10", b"data: 11", b"data: 12"),
        *(b"id: at7", b"data: 13", b"id: at8", b"data: 14"),
    ]


@pytest.mark.parametrize("cut", ["MAX_BATCH_ITEMS", "MAX_BATCH_BYTES"])
async def test_a_picture_that_is_told_in_several_rounds_has_one_cursor_at_its_end(
    cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is cut off in the middle of it must not go on from a cursor: the rest of the picture would never come."""
    monkeypatch.setattr(group, cut, 2)
    (rounds,) = await send_to_streams([(7, 10), (8, 11), (9, 12), (9, 13), (9, 14)], position=-1)
    assert len(rounds) > 1
    assert [line for line in b"".join(rounds).split(b"\n") if line.startswith((b"id", b"data"))] == [
        *(b"data: 10", b"data: 11", b"data: 12", b"data: 13", b"id: at9", b"data: 14"),
    ]


async def test_all_streams_of_a_group_are_told_the_very_same_bytes() -> None:
    one, other = await send_to_streams([(1, 1), (2, 2)], members=2)
    assert len(one) == 1
    assert one[0] is other[0]
