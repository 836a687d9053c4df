"""The network of a client's IP address. Limits per address count requests of a network.

One customer usually has a whole /64 network of IPv6 addresses, but only one IPv4 address.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPV6_HOST_BITS = 64
MAPPED_PREFIX = "::ffff:"
MAPPED_PREFIX_BITS = 96
UNKNOWN_NETWORK = "unknown"


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str:
    """Return the /64 network of an IPv6 address, or the whole IPv4 address.

    An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as its IPv4 address: a socket for both
    versions reports IPv4 clients in this form. A proxy may send a text that is not an address; all
    such texts share one network.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> IPV6_HOST_BITS << IPV6_HOST_BITS)}/64"
    return str(parsed)


@lru_cache(maxsize=10_000)
def wide_network_of(address: str) -> str:
    """Return the /48 network of an IPv6 address, or the /24 network of an IPv4 address.

    One customer of a hosting provider often has a whole network of this size. Texts that are not
    addresses share one network.
    """
    network = network_of(address)
    if network == UNKNOWN_NETWORK:
        return network
    narrow = ip_network(network)
    return str(narrow.supernet(new_prefix=24 if isinstance(narrow, IPv4Network) else 48))


def address_key(address: str) -> str:
    """Return the rate limit key of an anonymous caller at an IP address."""
    return f"address:{network_of(address)}"


def parse_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Parse comma-separated IP addresses and networks. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    try:
        return [ip_network(part) for part in parts]
    except ValueError as error:
        raise ValueError(f"use IP addresses or networks such as 10.0.0.0/8; {error}") from None


def with_mapped_networks(text: str) -> list[str]:
    """Return the networks of `parse_networks`, and each IPv4 network mapped into IPv6, too.

    A socket for both IPv4 and IPv6 reports the address of an IPv4 proxy as `::ffff:192.0.2.1`.
    """
    networks: list[str] = []
    for network in parse_networks(text):
        networks.append(str(network))
        if isinstance(network, IPv4Network):
            bits = MAPPED_PREFIX_BITS + network.prefixlen
            networks.append(f"{MAPPED_PREFIX}{network.network_address}/{bits}")
    return networks
