"""What a subscription follows: batches of items, each at a position of a log, for as long as somebody listens.

A source is read by one group of subscribers (engine/fanout/group), who share what its items are executed and encoded to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

T = TypeVar("T")

Item = tuple[int, T]
"""A position and what is told there. Positions never fall; what is told of one position comes in one batch."""


class Source(ABC, Generic[T]):
    """Made by the resolver of a subscription. It ends by raising; what it raises becomes one masked error of each subscriber.

    Two sources with the same audience, asked for by the same operation, tell the same from any position on. A subscriber who
    was told everything up to position P by one of them may go on with another that is at P or before, and skip items up to P.
    """

    cursor_argument: ClassVar[str | None] = None
    """The field's argument that says where to begin; operations that differ in it alone ask for the same."""

    position: int
    """Everything up to here was told, or passed over as nothing for this audience. Rises by `take` alone."""

    @property
    @abstractmethod
    def share_key(self) -> Hashable:
        """Who may share this source, beside those who ask for the same; None for nobody."""

    @property
    def is_live(self) -> bool:
        """Whether it has come about as far as the log has, so that others may wait for what it tells next."""
        return True

    @abstractmethod
    async def next_batch(self) -> Sequence[Item[T]]:
        """Wait until there is more, and return it, in order; perhaps nothing, with the position moved on.

        Cancelled while it waits, it has lost nothing: the next call goes on.
        """

    @abstractmethod
    def fork(self, context: Any, position: int) -> Source[T]:
        """The same stream for one subscriber who was told everything up to a position (at most this source's own) and goes on
        with another context, since their rights changed."""

    def close(self) -> None:
        """Nobody takes from it any more. What it holds while it is read goes here; it may never have been read."""

    def cursor(self, position: int) -> str | None:
        """A position as clients keep it; None where nothing can be resumed."""
        del position
        return None

    async def __aiter__(self) -> AsyncIterator[T]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What graphql-core's executor takes for a source; used where nothing is shared."""
        try:
            while True:
                for _, value in await self.next_batch():
                    yield value
        finally:
            self.close()
