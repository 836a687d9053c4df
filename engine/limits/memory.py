"""Limits on the memory that the live sources of each viewer, and of the process, may hold.

A live source is what keeps a subscription's state in memory. The application estimates the bytes.
"""

from __future__ import annotations

from collections import Counter


class MemoryLimitReached(Exception):
    """A source would hold more memory than its viewer, or the process, may use."""


class MemoryReservation:
    """The bytes of one source."""

    def __init__(self, budget: MemoryBudget, key: str) -> None:
        self.budget = budget
        self.key = key
        self.bytes = 0

    def resize(self, size: int) -> None:
        """Change the reservation to this size. Raises MemoryLimitReached; then nothing changes."""
        self.budget.change(self.key, size - self.bytes)
        if self.bytes:
            self.budget.source_count -= 1
        if size:
            self.budget.source_count += 1
        self.bytes = size

    def release(self) -> None:
        """Give all bytes back. Further calls have no effect."""
        self.resize(0)


class MemoryBudget:
    """The bytes of all live sources. Each limit is in bytes."""

    def __init__(self, max_bytes_per_viewer: int, max_bytes: int) -> None:
        self.max_bytes_per_viewer = max_bytes_per_viewer
        self.max_bytes = max_bytes
        self.bytes_by_key: Counter[str] = Counter()
        self.total = 0
        self.source_count = 0
        """The number of sources that hold bytes."""
        self.refused_count = 0

    def open_reservation(self, key: str) -> MemoryReservation:
        """A reservation of zero bytes. `key` is that of a caller, or of a wallboard."""
        return MemoryReservation(self, key)

    def change(self, key: str, increase: int) -> None:
        """Add to the bytes of a key; a negative increase gives bytes back."""
        if increase > 0:
            self.check(key, increase)
        self.total += increase
        self.bytes_by_key[key] += increase
        if not self.bytes_by_key[key]:
            del self.bytes_by_key[key]

    def check(self, key: str, increase: int) -> None:
        """Raises MemoryLimitReached."""
        if self.bytes_by_key[key] + increase > self.max_bytes_per_viewer:
            self.refused_count += 1
            raise MemoryLimitReached(
                "Your subscriptions need too much memory in total. Close some of them, or narrow "
                "their filters."
            )
        if self.total + increase > self.max_bytes:
            self.refused_count += 1
            raise MemoryLimitReached(
                "The server has no memory left for more subscriptions. Try again later."
            )
