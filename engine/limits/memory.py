"""Limits on the memory that the live sources of each viewer, and of the process, may hold.

A live list keeps the ids of its tickets, and live statistics keep a few facts of each ticket. The
application estimates the bytes.
"""

from __future__ import annotations

from collections import Counter


class MemoryLimitReached(Exception):
    """A source would hold more memory than its owner, or the process, may use."""


class MemoryReservation:
    """The bytes of one source."""

    def __init__(self, budget: MemoryBudget, owner: str) -> None:
        self.budget = budget
        self.owner = owner
        self.bytes = 0

    def resize(self, bytes: int) -> None:
        """Reserve so many bytes instead. Raises MemoryLimitReached; then nothing changes."""
        self.budget.change(self.owner, bytes - self.bytes)
        self.budget.sources += bool(bytes) - bool(self.bytes)
        self.bytes = bytes

    def release(self) -> None:
        """Give all bytes back. Further calls have no effect."""
        self.resize(0)


class MemoryBudget:
    """The bytes of all live sources. Each limit is in bytes."""

    def __init__(self, max_bytes_per_viewer: int, max_bytes: int) -> None:
        self.max_bytes_per_viewer = max_bytes_per_viewer
        self.max_bytes = max_bytes
        self.bytes_by_owner: Counter[str] = Counter()
        self.total = 0
        self.sources = 0
        """The number of sources that hold bytes."""
        self.refused = 0

    def reserve(self, owner: str) -> MemoryReservation:
        return MemoryReservation(self, owner)

    def change(self, owner: str, bytes: int) -> None:
        if bytes > 0:
            self.check(owner, bytes)
        self.total += bytes
        self.bytes_by_owner[owner] += bytes
        if not self.bytes_by_owner[owner]:
            del self.bytes_by_owner[owner]

    def check(self, owner: str, bytes: int) -> None:
        if self.bytes_by_owner[owner] + bytes > self.max_bytes_per_viewer:
            self.refused += 1
            raise MemoryLimitReached(
                "Your live lists and statistics have too many tickets together. End some of them, "
                "or narrow the filters."
            )
        if self.total + bytes > self.max_bytes:
            self.refused += 1
            raise MemoryLimitReached(
                "The server has no memory left for live lists and statistics. Try again later."
            )
