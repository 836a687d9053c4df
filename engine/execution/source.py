"""The source of a subscription: batches of items, each at a position of a log.

One subscription group reads a source (engine/fanout/group.py). Its members share the execution and
encoding of the items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

T = TypeVar("T")

Item = tuple[int, T]
"""A position and the value at it. Positions never decrease, and all items of one position are in
one batch."""


class Source(ABC, Generic[T]):
    """The resolver of a subscription creates a source. It ends only by raising an exception.

    Each subscriber then receives one error, which is masked like all others.

    Two sources of one operation with the same `share_key` yield the same items after any position.
    A subscriber that has received everything up to position P from one of them can continue with
    the other one, if the position of the other is P or less. It then skips the items up to P.
    """

    cursor_argument: ClassVar[str | None] = None
    """The field's argument with the cursor to start after. Operations that differ only in this
    argument can share a source."""

    position: int
    """All items up to this position were returned, or are not visible to this source's
    subscribers. Only `next_batch` increases it."""

    @property
    @abstractmethod
    def share_key(self) -> Hashable:
        """Two sources of the same operation with the same key yield the same items, so their
        subscribers can share one. None if the source can't be shared."""

    @property
    def is_live(self) -> bool:
        """Whether the source is near the head of the log, so that its group may become the one
        that new subscribers join."""
        return True

    @abstractmethod
    async def wait(self) -> None:
        """Return when `next_batch` has something to do, or earlier.

        This must be cheap, because one event can wake all sources, which share one event loop.
        """

    @abstractmethod
    async def next_batch(self) -> Sequence[Item[T]]:
        """Return new items in order. Called after `wait`.

        The batch can be empty. A call that is cancelled loses no items; the next call returns them.
        """

    @abstractmethod
    def fork(self, context: Any, position: int) -> Source[T]:
        """The same stream for one subscriber whose permissions have changed.

        Args:
            context: The subscriber's new request context.
            position: The subscriber has received everything up to this position. It is at most
                the source's own position.
        """

    def close(self) -> None:
        """Release the resources of the source, which may never have been read."""

    def cursor(self, position: int) -> str | None:
        """The cursor of a position for clients; None if they can't resume the subscription."""
        del position
        return None

    async def __aiter__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
    ) -> AsyncIterator[T]:
        """The values as an event stream of graphql-core, for one subscriber."""
        try:
            while True:
                await self.wait()
                for _, value in await self.next_batch():
                    yield value
        finally:
            self.close()
