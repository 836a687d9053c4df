"""Limits on codes of second factors, emails about accounts, and sign-ins by providers.

They are counted like attempts to sign in (models/people/sign_in_limits.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from models.people.sign_in_limits import (
    FIRST_DELAY,
    MAX_ACCOUNT_DELAY,
    MAX_DELAY,
    NETWORK_LIMIT_FACTOR,
    Attempts,
    DelayRule,
    change_states,
    count_attempt,
    hash_key,
    uncount,
)

FIRST_EMAIL_DELAY, MAX_EMAIL_DELAY = timedelta(minutes=1), timedelta(hours=1)
MAX_WIDE_EMAIL_DELAY = timedelta(minutes=1)
"""Of an IPv4 /24 or IPv6 /48 network. It is short, because many people share such a network."""


class SecondFactorLimits:
    """Counts the codes that a user enters. `max_attempts` are free.

    Codes of signed-in users have a count of their own, because a stolen session needs no
    password. It could otherwise use up the attempts to sign in.
    """

    def __init__(self, max_attempts: int) -> None:
        self.rule = DelayRule(max_attempts, MAX_DELAY)

    async def count_attempt(self, user_id: UUID, at: datetime, *, is_signed_in: bool) -> timedelta:
        """Count an attempt, unless it must wait. Returns the time to wait, or zero."""
        return await count_attempt({second_factor_key(user_id, is_signed_in): self.rule}, at)

    async def record_success(self, user_id: UUID, at: datetime, *, is_signed_in: bool) -> None:
        """Forget the user's attempts."""
        key = second_factor_key(user_id, is_signed_in)
        await change_states([key], at, lambda _: {key: Attempts(0, at)})


def second_factor_key(user_id: UUID, is_signed_in: bool) -> str:
    purpose = "second factor in a session" if is_signed_in else "second factor"
    return hash_key(purpose, str(user_id))


class AccountEmailLimits:
    """Counts requests for emails, by email address and by network, whether or not one is sent."""

    def __init__(self, max_emails: int) -> None:
        self.max_emails = max_emails
        self.address_rule = DelayRule(max_emails, MAX_EMAIL_DELAY, FIRST_EMAIL_DELAY)
        self.network_rule = DelayRule(
            max_emails * NETWORK_LIMIT_FACTOR, MAX_EMAIL_DELAY, FIRST_EMAIL_DELAY
        )
        self.wide_network_rule = DelayRule(
            max_emails * NETWORK_LIMIT_FACTOR**2, MAX_WIDE_EMAIL_DELAY, FIRST_DELAY
        )

    async def count_request(
        self, email: str, network: str, wide_network: str, at: datetime
    ) -> timedelta:
        """Count a request, unless it must wait. Returns the time to wait, or zero."""
        rules = {
            hash_key("email to address", email): self.address_rule,
            hash_key("email from network", network): self.network_rule,
            hash_key("email from wide network", wide_network): self.wide_network_rule,
        }
        return await count_attempt(rules, at)


class CodeExchangeLimits:
    """Limits how often a network exchanges an OIDC authorization code, because each exchange calls
    the provider."""

    def __init__(self, max_attempts: int) -> None:
        self.network_rule = DelayRule(max_attempts * NETWORK_LIMIT_FACTOR, MAX_DELAY)
        self.wide_network_rule = DelayRule(
            max_attempts * NETWORK_LIMIT_FACTOR**2, MAX_ACCOUNT_DELAY
        )

    async def count_attempt(self, network: str, wide_network: str, at: datetime) -> timedelta:
        """Count an attempt, unless it must wait. Returns the time to wait, or zero."""
        return await count_attempt(self.build_rules(network, wide_network), at)

    async def record_success(self, network: str, wide_network: str, at: datetime) -> None:
        """Don't count an attempt whose code the provider accepted."""
        await change_states([*self.build_rules(network, wide_network)], at, uncount)

    def build_rules(self, network: str, wide_network: str) -> dict[str, DelayRule]:
        return {
            hash_key("exchange from network", network): self.network_rule,
            hash_key("exchange from wide network", wide_network): self.wide_network_rule,
        }
