"""Batches: the items that a group sends to its subscribers together, and how they are split."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from engine.execution.source import Item

MAX_BATCH_BYTES = 256 * 1024
"""The maximum size of one write to a subscriber. A single item may be larger."""


class Batch:
    """Some items that a group sends to all its subscribers.

    An item has a cursor if it is the last one of its position. `encodings` caches what a transport
    encodes once for all subscribers, under a key that the transport chooses.
    """

    __slots__ = ("cursors", "encodings", "payloads", "positions")

    def __init__(
        self,
        positions: Sequence[int],
        payloads: Sequence[bytes],
        cursors: Sequence[str | None],
    ) -> None:
        self.positions = positions
        self.payloads = payloads
        self.cursors = cursors
        self.encodings: dict[str | int, Any] = {}

    @property
    def position(self) -> int:
        return self.positions[-1]

    def after(self, position: int) -> Batch | None:
        """The items after a position, or None if there are none."""
        for first, item_position in enumerate(self.positions):
            if item_position > position:
                return Batch(self.positions[first:], self.payloads[first:], self.cursors[first:])
        return None


def batch_ends(payloads: Sequence[bytes]) -> Iterator[int]:
    """The end index of each part of the payloads.

    A part has at most MAX_BATCH_BYTES, unless one payload alone is larger.
    """
    size = 0
    for index, payload in enumerate(payloads):
        if size and size + len(payload) > MAX_BATCH_BYTES:
            yield index
            size = 0
        size += len(payload)
    yield len(payloads)


def find_complete_position(items: Sequence[Item[Any]], end: int, before: int, after: int) -> int:
    """The position up to which a subscriber has received everything after items[:end].

    Args:
        items: the items that a source returned together.
        end: an index from 1 to len(items).
        before: the source's position before it returned the items. If it is negative, the items are
            the snapshot that begins a live list, which counts as one position.
        after: the source's position after it returned the items.
    """
    if end == len(items):
        return after
    if before < 0:
        return before
    last_position, next_position = items[end - 1][0], items[end][0]
    if last_position < next_position:
        return next_position - 1
    first = bisect_left(items, last_position, key=itemgetter(0))
    return items[first - 1][0] if first else before
