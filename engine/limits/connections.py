"""The connection registry: all WebSockets and event streams of this process, and their limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from engine.limits.network import network_of


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on the connections of one process."""

    max_connections: int
    max_connections_per_viewer: int
    max_connections_per_address: int
    max_operations_per_socket: int
    max_outbox_bytes: int
    """Bytes that may wait for one client."""
    init_timeout_seconds: float
    """The time in which a WebSocket must send connection_init."""


class HasBacklog(Protocol):
    """An outbox: the messages that wait for a client."""

    @property
    def backlog(self) -> int:
        """The bytes of these messages."""
        ...


class Connection(Protocol):
    """A WebSocket or an event stream."""

    address: str
    counted_viewer_key: str | None
    """The key of the viewer that the connection is counted for, if any."""

    @property
    def outbox(self) -> HasBacklog: ...


class LimitReached(NamedTuple):
    """Why a connection is refused."""

    reason: str
    is_callers_own: bool
    """Whether the caller has too many connections, rather than the process."""


class ConnectionRegistry:
    """Counts connections in total, by the network of the client's address, and by viewer."""

    def __init__(self, limits: ConnectionLimits, viewer_key: Callable[[Any], str | None]) -> None:
        """`viewer_key` returns the key of a context's viewer, or None if it is anonymous."""
        self.limits = limits
        self.viewer_key = viewer_key
        self.connections: set[Connection] = set()
        self.counts_by_network: Counter[str] = Counter()
        self.counts_by_viewer: Counter[str] = Counter()
        self.slow_clients = 0
        """Connections that were closed because the client read too slowly."""
        self.refused = 0

    def add(self, connection: Connection) -> None:
        """Register a new connection, also if it exceeds a limit."""
        self.connections.add(connection)
        self.counts_by_network[network_of(connection.address)] += 1

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        decrement(self.counts_by_network, network_of(connection.address))
        self.unassign_viewer(connection)

    def check(self, connection: Connection) -> LimitReached | None:
        """Return the limit that a registered connection exceeds, if any."""
        if len(self.connections) > self.limits.max_connections:
            reason = "The server has reached its connection limit. Try again later."
            return self.refuse(reason, is_callers_own=False)
        limit = self.limits.max_connections_per_address
        if self.counts_by_network[network_of(connection.address)] > limit:
            return self.refuse(
                f"Too many connections: at most {limit} per IP address or /64 network."
            )
        return None

    def assign_viewer(self, connection: Connection, context: Any) -> LimitReached | None:
        """Count the connection for its context's viewer, unless that exceeds the limit."""
        viewer = self.viewer_key(context)
        if viewer is None:
            return None
        self.unassign_viewer(connection)
        limit = self.limits.max_connections_per_viewer
        if self.counts_by_viewer[viewer] >= limit:
            return self.refuse(f"Too many connections: at most {limit} per viewer.")
        self.counts_by_viewer[viewer] += 1
        connection.counted_viewer_key = viewer
        return None

    def unassign_viewer(self, connection: Connection) -> None:
        if connection.counted_viewer_key is not None:
            decrement(self.counts_by_viewer, connection.counted_viewer_key)
            connection.counted_viewer_key = None

    def refuse(self, reason: str, *, is_callers_own: bool = True) -> LimitReached:
        self.refused += 1
        return LimitReached(reason, is_callers_own)


def decrement(counter: Counter[str], key: str) -> None:
    """Subtract one, and delete the key at zero so that the counter stays small."""
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
