"""Limits on the TCP connections of this process that carry no WebSocket and no event stream.

Any client can open such connections without a request, and each holds a file descriptor and a part
of a request. WebSockets and event streams have limits of their own, in the connection registry.
"""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from engine.limits.network import network_of
from engine.server.traffic import ConnectionRefusal

RESERVED_DESCRIPTORS = 128
"""File descriptors that remain for the database, Redis, the mail server and files."""
Networks = Sequence[IPv4Network | IPv6Network]


def find_max_open() -> int:
    """The number of connections of all kinds that this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, soft - RESERVED_DESCRIPTORS)


class OpenConnections:
    """Counts HTTP connections in total, and by the network of the client.

    The connections of trusted proxies are counted in total only, because each carries requests of
    many clients. One network may have at most half of all connections.
    """

    def __init__(
        self,
        max_connections: int = 10_000,
        max_per_network: int = 1_000,
        trusted_proxies: Networks = (),
        max_open: int | None = None,
    ) -> None:
        self.max_open = find_max_open() if max_open is None else max_open
        self.max_connections = min(max_connections, self.max_open)
        self.max_per_network = min(max_per_network, max(1, self.max_connections // 2))
        self.trusted_proxies = trusted_proxies
        self.total = 0
        self.by_network: Counter[str] = Counter()
        self.find_network = lru_cache(maxsize=10_000)(self.read_network)

    def read_network(self, address: str) -> str | None:
        """The network that a connection counts for; None for that of a trusted proxy."""
        try:
            parsed = ip_address(address)
        except ValueError:  # a Unix domain socket, which only a proxy uses
            return None
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        if any(mapped in network for network in self.trusted_proxies):
            return None
        return network_of(address)

    def add(self, address: str) -> None:
        """Count a new connection, also if it exceeds a limit."""
        self.total += 1
        network = self.find_network(address)
        if network is not None:
            self.by_network[network] += 1

    def remove(self, address: str) -> None:
        self.total -= 1
        network = self.find_network(address)
        if network is not None:
            self.by_network[network] -= 1
            if self.by_network[network] <= 0:
                del self.by_network[network]

    def check(self, address: str, open_connections: int) -> ConnectionRefusal | None:
        """The limit that a counted connection exceeds, if any.

        Args:
            address: The client's address.
            open_connections: The connections of all kinds, with WebSockets and event streams.
        """
        network = self.find_network(address)
        if network is not None and self.by_network[network] > self.max_per_network:
            limit = self.max_per_network
            reason = f"Too many connections: at most {limit} per IP address or /64 network."
            return ConnectionRefusal(429, reason, "http_connections_per_address")
        if self.total > self.max_connections or open_connections > self.max_open:
            reason = "The server has reached its connection limit. Try again later."
            return ConnectionRefusal(503, reason, "http_connections")
        return None
