"""Limits on what one connection may send, and how often the clients of this process exceed them.

The application puts its TrafficLimits into the lifespan's state, where the protocols find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple, Protocol

TRAFFIC_STATE = "ticketwire.traffic"
BURST_SECONDS = 10
"""A client may send this many seconds' worth at once."""


class ConnectionRefusal(NamedTuple):
    """Why a new connection is refused."""

    status: int
    reason: str
    limit_name: str


class ConnectionCounter(Protocol):
    """Counts the HTTP connections of the process; see engine/limits/open_connections.py."""

    def add(self, address: str) -> None: ...

    def remove(self, address: str) -> None: ...

    def check(self, address: str, open_connections: int) -> ConnectionRefusal | None: ...


class ConnectionSlot:
    """The place of one HTTP connection among those that are counted."""

    __slots__ = ("address", "counter", "refusal")

    def __init__(
        self,
        counter: ConnectionCounter | None,
        client: tuple[str, int] | None,
        open_connections: int,
    ) -> None:
        """Count a new connection.

        `open_connections` is the number of open connections of the server, HTTP and WebSocket,
        with this one.
        """
        self.counter, self.address = counter, client[0] if client else ""
        self.refusal: ConnectionRefusal | None = None
        if counter is not None:
            counter.add(self.address)
            self.refusal = counter.check(self.address, open_connections)

    def release(self) -> None:
        """Count the connection no longer: it was closed, or other limits count it from now on."""
        counter, self.counter = self.counter, None
        if counter is not None:
            counter.remove(self.address)


@dataclass(slots=True)
class TrafficLimits:
    max_frames_per_second: int = 100
    """From one WebSocket, on average over ten seconds. Control frames and fragments count, too."""
    max_bytes_per_second: int = 1024 * 1024
    """From one WebSocket, on average over ten seconds."""
    max_discarded_bytes: int = 64 * 1024 * 1024
    """Read from a client that still sends after the last response or close frame."""
    connections: ConnectionCounter | None = None
    """None if HTTP connections have no limit."""
    frame_floods: int = 0
    """WebSockets that were closed because of too many frames."""
    read_pauses: int = 0
    """How often the server stopped reading a WebSocket because of too many bytes."""
    discard_aborts: int = 0
    """Connections that were aborted because of too many discarded bytes."""


class TokenBucket:
    """A token bucket that refills by `rate` per second and holds BURST_SECONDS' worth."""

    __slots__ = ("available", "capacity", "rate", "updated_at")

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.capacity = self.available = float(rate * BURST_SECONDS)
        self.updated_at = monotonic()

    def consume(self, amount: int) -> float:
        """Use up an amount, even beyond what is available.

        Returns the seconds until nothing is overdrawn: 0 if the amount is available.
        """
        now = monotonic()
        refilled = self.available + (now - self.updated_at) * self.rate
        self.available = min(self.capacity, refilled) - amount
        self.updated_at = now
        return max(0.0, -self.available / self.rate)
