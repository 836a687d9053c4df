"""Which addresses the service may connect to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from support.special_targets import SPECIAL_ADDRESSES

from models.outbound.addresses import (
    SPECIAL_NETWORKS,
    Address,
    SpecialNetwork,
    find_refusal,
    is_public,
)

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2600::",
    "3ffd:ffff::1",
]
NO_ADDRESSES = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.01",
    "8.8.8.8.",
    " 8.8.8.8",
    "８.8.8.8",
    "[2606:4700:4700::1111]",
    "8.8.8.8/32",
    "2606:4700:4700::1111::",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)
    assert is_public(ip_address(address))
    assert find_refusal(address) is None


@pytest.mark.parametrize("address", SPECIAL_ADDRESSES)
def test_special_addresses(address: str) -> None:
    assert not is_public(address)
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_texts_that_are_no_addresses(text: str) -> None:
    assert not is_public(text)
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert find_refusal(text, everything) == "it is not an IP address"


@pytest.mark.parametrize("special", SPECIAL_NETWORKS, ids=lambda each: str(each.network))
def test_both_ends_of_each_network_are_special_for_its_reason(special: SpecialNetwork) -> None:
    """So no entry is hidden behind a wider one, and the reason names its document."""
    network, use, source = special.network, special.use, special.source
    assert use
    assert source
    reasons = {find_refusal(network[0]), find_refusal(network[-1])}
    assert None not in reasons
    assert f"it is reserved for: {use} ({source})" in reasons


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("64:ff9b::a00:1", "NAT64 (RFC 6052)"),
        ("64:ff9b:1::1", "NAT64 in private networks (RFC 8215)"),
        ("::ffff:10.0.0.1", "IPv4-mapped (RFC 4291)"),
        ("2001::1", "Teredo (RFC 4380)"),
        ("fd00::1", "unique local (RFC 4193)"),
        ("4000::1", "not assigned for global unicast (RFC 4291)"),
    ],
)
def test_the_reason_is_that_of_the_narrowest_network(address: str, reason: str) -> None:
    assert find_refusal(address) == f"it is reserved for: {reason}"


IPV4_NETWORKS = [each for each in SPECIAL_NETWORKS if isinstance(each.network, IPv4Network)]


@pytest.mark.parametrize("special", IPV4_NETWORKS, ids=lambda each: str(each.network))
def test_the_neighbours_of_each_network_are_public(special: SpecialNetwork) -> None:
    network = special.network
    others = [each.network for each in IPV4_NETWORKS]
    for number in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= number < 2**32:
            neighbour = IPv4Address(number)
            is_in_another = any(neighbour in other for other in others)
            assert is_public(neighbour) is not is_in_another, neighbour


def test_all_ipv6_addresses_outside_2000_are_special() -> None:
    for first in range(0x10000):
        address = IPv6Address(first << 112 | 1)
        if not 0x2000 <= first <= 0x3FFF:
            assert not is_public(address), address


def test_it_is_never_more_lenient_than_the_standard_library() -> None:
    """For the first address of each IPv4 /16, and of each IPv6 /16 and of the /32s in 2001::/16."""
    addresses: list[Address] = [IPv4Address(first << 16 | 1) for first in range(0x10000)]
    addresses += [IPv6Address(first << 112 | 1) for first in range(0x10000)]
    addresses += [IPv6Address(0x2001 << 112 | second << 96 | 1) for second in range(0x10000)]
    for address in addresses:
        assert address.is_global or not is_public(address), address


def test_an_allowed_network_permits_exactly_its_addresses() -> None:
    allowed = [ip_network("10.1.2.0/24"), ip_network("fd00:1::/32")]
    assert find_refusal("10.1.2.0", allowed) is None
    assert find_refusal("10.1.2.255", allowed) is None
    assert find_refusal("fd00:1::5", allowed) is None
    for address in ("10.1.1.255", "10.1.3.0", "127.0.0.1", "fd00:2::5", "::ffff:10.1.2.1"):
        assert find_refusal(address, allowed) is not None, address
    assert find_refusal("8.8.8.8", allowed) is None


def test_a_zone_id_is_refused_in_an_allowed_network() -> None:
    assert find_refusal("fe80::1", [ip_network("fe80::/10")]) is None
    assert find_refusal("fe80::1%eth0", [ip_network("fe80::/10")]) is not None


@pytest.mark.parametrize(
    ("network", "prefix"),
    [
        ("64:ff9b::/96", "64:ff9b::"),
        ("::ffff:0:0/96", "::ffff:"),
        ("::ffff:0:0:0/96", "::ffff:0:"),
        ("::/96", "::"),
    ],
)
def test_an_allowed_form_does_not_open_private_addresses_within_it(
    network: str, prefix: str
) -> None:
    allowed = [IPv6Network(network)]
    assert find_refusal(f"{prefix}8.8.8.8", allowed) is None
    assert find_refusal(f"{prefix}10.0.0.1", allowed) is not None
    assert find_refusal(f"{prefix}127.0.0.1", allowed) is not None
    both = [*allowed, IPv4Network("10.0.0.0/8")]
    assert find_refusal(f"{prefix}10.0.0.1", both) is None


def test_allowed_6to4_does_not_open_private_gateways() -> None:
    allowed = [IPv6Network("2002::/16")]
    assert find_refusal("2002:808:808::1", allowed) is None
    assert find_refusal("2002:a00:1::1", allowed) is not None
