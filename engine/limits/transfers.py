"""Limits on the memory of requests that arrive, and of responses that wait for their clients.

A client that sends or reads slowly makes the server hold the whole request or response. The first
bytes of each are not counted, because the limits on connections bound them. So clients that fill
the memory don't prevent short requests and responses.
"""

from __future__ import annotations

from collections import Counter

FREE_BYTES = 64 * 1024
"""The first bytes of each request, and of each response, which are not counted."""


class TransferLimitReached(Exception):
    """Another transfer would hold more memory than its network, or the process, may use."""

    def __init__(self, *, is_callers_own: bool) -> None:
        super().__init__(is_callers_own)
        self.is_callers_own = is_callers_own


class Transfer:
    """A request or response, and the bytes that are counted for it."""

    __slots__ = ("budget", "counted", "network")

    def __init__(self, budget: TransferBudget, network: str) -> None:
        self.budget = budget
        self.network = network
        self.counted = 0

    def resize(self, size: int, *, is_refusable: bool = True) -> None:
        """Hold so many bytes instead. Raises TransferLimitReached; then nothing changes."""
        counted = max(0, size - FREE_BYTES)
        added = counted - self.counted
        if added > 0 and is_refusable:
            self.budget.check(self.network, added, self.counted)
        self.budget.add(self.network, added)
        self.counted = counted

    def release(self) -> None:
        """Give all bytes back. Further calls have no effect."""
        if self.counted:
            self.resize(0)


class TransferBudget:
    """The bytes of all transfers of this process.

    A single transfer may be larger than the limits, if nothing else is counted: one large response
    is no attack.
    """

    def __init__(self, max_bytes_per_network: int = 2**27, max_bytes: int = 2**29) -> None:
        self.max_bytes_per_network = max_bytes_per_network
        self.max_bytes = max_bytes
        self.bytes_by_network: Counter[str] = Counter()
        self.total = 0

    def begin(self, network: str) -> Transfer:
        return Transfer(self, network)

    def add(self, network: str, bytes: int) -> None:
        """Add bytes, or subtract them, also beyond a limit."""
        self.total += bytes
        self.bytes_by_network[network] += bytes
        if not self.bytes_by_network[network]:
            del self.bytes_by_network[network]

    def check(self, network: str, added: int, own: int) -> None:
        """Raises TransferLimitReached if `added` bytes would exceed a limit.

        `own` of the bytes that are counted already belong to the transfer that grows.
        """
        held = self.bytes_by_network[network]
        if held > own and held + added > self.max_bytes_per_network:
            raise TransferLimitReached(is_callers_own=True)
        if self.total > own and self.total + added > self.max_bytes:
            raise TransferLimitReached(is_callers_own=False)
