"""What every target does."""

from __future__ import annotations

from typing import Protocol

from cli.follow.position import Batch, Position


class Target(Protocol):
    """A store of the mirror. `open` locks it until `close`, so it has one follower at a time."""

    async def open(self) -> Position:
        """Lock the target and create what it lacks; returns the stored position.

        Raises TargetError, also if the target has other content, or tables of another version.
        """
        ...

    async def apply(self, batch: Batch) -> None:
        """Store the rows and the position: both, or nothing. Raises TargetError.

        A row does not replace one with a greater `as_of`.
        """
        ...

    async def close(self) -> None:
        """Release the lock."""
        ...
