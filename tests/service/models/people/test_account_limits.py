"""Limits on emails about accounts and on codes of providers, by network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.people.account_limits import AccountEmailLimits, CodeExchangeLimits
from models.people.sign_in_limits import SignInAttempts

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
WIDE_NETWORK, OTHER_NETWORK = "2001:db8:1::/48", "2001:db8:2::/48"

pytestmark = pytest.mark.usefixtures("database")


async def test_many_networks_of_one_provider_share_a_limit_on_emails() -> None:
    limits = AccountEmailLimits(1)

    async def request(number: int, wide_network: str) -> timedelta:
        email, network = f"p{number}@example.com", f"2001:db8:1:{number:x}::/64"
        return await limits.count_request(email, network, wide_network, AT)

    for number in range(36):
        assert not await request(number, WIDE_NETWORK)
    stored = await SignInAttempts.all().count()
    assert await request(36, WIDE_NETWORK) == timedelta(seconds=1)
    assert await SignInAttempts.all().count() == stored  # a refused request stores nothing
    assert not await request(37, OTHER_NETWORK)


async def test_codes_that_a_provider_refuses_are_limited_by_network() -> None:
    limits = CodeExchangeLimits(1)
    for _ in range(6):
        assert not await limits.count_attempt("192.0.2.1", "192.0.2.0/24", AT)
    assert await limits.count_attempt("192.0.2.1", "192.0.2.0/24", AT) == timedelta(seconds=1)
    for number in range(2, 32):
        assert not await limits.count_attempt(f"192.0.2.{number}", "192.0.2.0/24", AT)
    assert await limits.count_attempt("192.0.2.99", "192.0.2.0/24", AT) == timedelta(seconds=1)
    assert not await limits.count_attempt("198.51.100.1", "198.51.100.0/24", AT)


async def test_of_attempts_at_once_the_earlier_one_may_be_counted_last(database: str) -> None:
    limits = CodeExchangeLimits(1)
    for at in (AT, AT - timedelta(milliseconds=1)):
        assert not await limits.count_attempt("192.0.2.1", "192.0.2.0/24", at)


async def test_codes_that_a_provider_accepts_are_not_counted() -> None:
    limits = CodeExchangeLimits(1)
    for _ in range(100):
        assert not await limits.count_attempt("192.0.2.1", "192.0.2.0/24", AT)
        await limits.record_success("192.0.2.1", "192.0.2.0/24", AT)
