"""The network of an address, which all limits by address count."""

from __future__ import annotations

import pytest

from engine.limits.network import network_of, wide_network_of, with_mapped_networks


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:0207", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::4", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::2%eth1", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("localhost", "unknown"),
        ("192.0.2.7:80", "unknown"),
        ("1" * 10_000, "unknown"),
    ],
)
def test_an_address_is_counted_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("localhost", "unknown"),
    ],
)
def test_an_address_has_a_wide_network(address: str, network: str) -> None:
    assert wide_network_of(address) == network


def test_proxies_are_trusted_at_their_mapped_addresses_as_well() -> None:
    assert with_mapped_networks("") == with_mapped_networks(" ") == []
    assert with_mapped_networks("127.0.0.1, 10.0.0.0/8,2001:db8::/32") == [
        "127.0.0.1/32",
        "::ffff:127.0.0.1/128",
        "10.0.0.0/8",
        "::ffff:10.0.0.0/104",
        "2001:db8::/32",
    ]
