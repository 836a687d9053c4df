"""Who holds connections of this process open, sockets and streams alike: whom to take, and what an operator watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on the sockets of one process."""

    sockets: int
    per_viewer: int
    per_address: int
    operations: int
    """Of one socket, at once."""
    messages_per_second: int
    """From one socket; ten seconds' worth may come at once."""
    backlog: int
    """Bytes that wait for one reader."""
    init_seconds: float


class HasBacklog(Protocol):
    """Messages that wait for a client."""

    @property
    def backlog(self) -> int:
        """Their bytes."""
        ...


class Connection(Protocol):
    address: str
    viewer: str | None
    """Whose it is counted as."""

    @property
    def outbox(self) -> HasBacklog: ...


class LimitReached(NamedTuple):
    """Why there is no room for one more."""

    reason: str
    is_callers: bool
    """Whether it is the caller who holds too many, rather than all together."""


class ConnectionRegistry:
    def __init__(self, limits: ConnectionLimits, viewer: Callable[[Any], str | None]) -> None:
        self.limits = limits
        self.viewer_of = viewer
        self.connections: set[Connection] = set()
        self.addresses: Counter[str] = Counter()
        self.viewers: Counter[str] = Counter()
        self.slow = 0
        """Readers that were ended since they took too long."""
        self.refused = 0

    def add(self, holder: Connection) -> None:
        """Count one that came, whether there is room for it or not."""
        self.connections.add(holder)
        self.addresses[holder.address] += 1

    def remove(self, holder: Connection) -> None:
        self.connections.discard(holder)
        forget(self.addresses, holder.address)
        self.release(holder)

    def check(self, holder: Connection) -> LimitReached | None:
        """Whether one that was taken has to go again."""
        if len(self.connections) > self.limits.sockets:
            return self.refuse("This server holds as many connections as it can; try again later.", is_callers=False)
        if self.addresses[holder.address] > self.limits.per_address:
            return self.refuse(f"At most {self.limits.per_address} connections from one address.")
        return None

    def claim(self, holder: Connection, context: Any) -> LimitReached | None:
        """Count it as its viewer's, unless they hold as many as they may."""
        viewer = self.viewer_of(context)
        if viewer is None:
            return None
        self.release(holder)
        if self.viewers[viewer] >= self.limits.per_viewer:
            return self.refuse(f"At most {self.limits.per_viewer} connections of one viewer.")
        self.viewers[viewer] += 1
        holder.viewer = viewer
        return None

    def release(self, holder: Connection) -> None:
        if holder.viewer is not None:
            forget(self.viewers, holder.viewer)
            holder.viewer = None

    def refuse(self, reason: str, *, is_callers: bool = True) -> LimitReached:
        self.refused += 1
        return LimitReached(reason, is_callers)


def forget(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
