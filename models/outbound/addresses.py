"""Which IP addresses the service may open connections to.

The table names every special-purpose network of IANA's registries (RFC 6890), and the other
networks that lead into private ones. It does not depend on `ipaddress.is_global`, which differs
between versions of Python: that of 3.11 accepts 6to4, NAT64 and other forms of private addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SpecialNetwork:
    """A network to which no connection may be opened by default."""

    network: Network
    use: str
    """Its use, as messages state it."""
    source: str
    """The document that defines it."""


def special(network: str, use: str, source: str) -> SpecialNetwork:
    return SpecialNetwork(ip_network(network), use, source)


SPECIAL_NETWORKS = (
    special("0.0.0.0/8", "this network, which some systems treat as loopback", "RFC 1122"),
    special("10.0.0.0/8", "private use", "RFC 1918"),
    special("100.64.0.0/10", "carrier-grade NAT", "RFC 6598"),
    special("127.0.0.0/8", "loopback", "RFC 1122"),
    special("168.63.129.16/32", "the platform of Azure", "Azure's documentation"),
    special("169.254.0.0/16", "link-local, with the metadata of clouds", "RFC 3927"),
    special("172.16.0.0/12", "private use", "RFC 1918"),
    special("192.0.0.0/24", "protocol assignments", "RFC 6890"),
    special("192.0.2.0/24", "documentation", "RFC 5737"),
    special("192.31.196.0/24", "AS112", "RFC 7535"),
    special("192.52.193.0/24", "multicast relays", "RFC 7450"),
    special("192.88.99.0/24", "6to4 relays", "RFC 7526"),
    special("192.168.0.0/16", "private use", "RFC 1918"),
    special("192.175.48.0/24", "AS112", "RFC 7534"),
    special("198.18.0.0/15", "benchmarks", "RFC 2544"),
    special("198.51.100.0/24", "documentation", "RFC 5737"),
    special("203.0.113.0/24", "documentation", "RFC 5737"),
    special("224.0.0.0/4", "multicast", "RFC 5771"),
    special("255.255.255.255/32", "broadcast", "RFC 919"),
    special("240.0.0.0/4", "reserved", "RFC 1112"),
    special("::/128", "unspecified", "RFC 4291"),
    special("::1/128", "loopback", "RFC 4291"),
    special("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
    special("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765"),
    special("::/96", "IPv4-compatible", "RFC 4291"),
    special("64:ff9b::/96", "NAT64", "RFC 6052"),
    special("64:ff9b:1::/48", "NAT64 in private networks", "RFC 8215"),
    special("100::/64", "discarded", "RFC 6666"),
    special("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
    special("2001::/32", "Teredo", "RFC 4380"),
    special("2001:2::/48", "benchmarks", "RFC 5180"),
    special("2001:10::/28", "ORCHID", "RFC 4843"),
    special("2001:20::/28", "ORCHIDv2", "RFC 7343"),
    special("2001::/23", "protocol assignments", "RFC 2928"),
    special("2001:db8::/32", "documentation", "RFC 3849"),
    special("2002::/16", "6to4", "RFC 3056"),
    special("2620:4f:8000::/48", "AS112", "RFC 7534"),
    special("3ffe::/16", "the former 6bone", "RFC 3701"),
    special("3fff::/20", "documentation", "RFC 9637"),
    special("5f00::/16", "segment routing", "RFC 9602"),
    special("fc00::/7", "unique local", "RFC 4193"),
    special("fe80::/10", "link-local", "RFC 4291"),
    special("fec0::/10", "site-local", "RFC 3879"),
    special("ff00::/8", "multicast", "RFC 4291"),
    # Everything outside 2000::/3, from which alone global unicast addresses are assigned.
    special("::/3", "not assigned for global unicast", "RFC 4291"),
    special("4000::/2", "not assigned for global unicast", "RFC 4291"),
    special("8000::/1", "not assigned for global unicast", "RFC 4291"),
)
"""A narrower network comes before a wider one that contains it."""

EMBEDDED_IPV4_SHIFTS = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
"""Networks whose addresses contain an IPv4 address, and how many bits are to the right of it."""
ISATAP_INTERFACES = (0x00005EFE, 0x02005EFE)
"""The upper half of the interface id of an ISATAP address (RFC 5214), which contains an IPv4
address."""
IPV4_MASK = 0xFFFF_FFFF


def is_public(address: str | Address) -> bool:
    """Whether an address belongs to the public Internet. False for a text that is no address."""
    return find_refusal(address) is None


def find_refusal(address: str | Address, allowed_networks: Sequence[Network] = ()) -> str | None:
    """Why no connection may be opened to this address; None if it may.

    A special address is permitted if an allowed network contains it and the IPv4 address within it,
    if any, is permitted itself. So an operator who allows NAT64 does not open private networks.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "it is not an IP address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return "it has a zone id (RFC 4007)"
    reason = find_special_use(parsed)
    if reason is None:
        return None
    if not any(parsed in network for network in allowed_networks):
        return reason
    embedded = find_embedded_ipv4(parsed)
    return None if embedded is None else find_refusal(embedded, allowed_networks)


def find_special_use(address: Address) -> str | None:
    """The use of a special address, as messages state it; None for a public address."""
    for each in SPECIAL_NETWORKS:
        if address in each.network:
            return f"it is reserved for: {each.use} ({each.source})"
    if isinstance(address, IPv6Address) and int(address) >> 32 & IPV4_MASK in ISATAP_INTERFACES:
        return "it is reserved for: ISATAP (RFC 5214)"
    return None


def find_embedded_ipv4(address: Address) -> IPv4Address | None:
    """The IPv4 address to which a gateway may send what is sent to this address."""
    if isinstance(address, IPv4Address) or address in IPv6Network("::/127"):
        return None
    for network, shift in EMBEDDED_IPV4_SHIFTS:
        if address in network:
            return IPv4Address(int(address) >> shift & IPV4_MASK)
    return None
