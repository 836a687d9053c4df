"""The services and settings that the resolvers of accounts need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from models.core.secrets import SecretStore
from models.notifications.account_mail import AccountMails
from models.people.account_limits import AccountEmailLimits, CodeExchangeLimits, SecondFactorLimits


@dataclass(frozen=True, slots=True)
class AccountServices:
    """The defaults are those of a server without any settings for accounts."""

    mails: AccountMails = field(default_factory=lambda: AccountMails("localhost", ""))
    secrets: SecretStore = field(default_factory=lambda: SecretStore(()))
    email_limits: AccountEmailLimits = field(default_factory=lambda: AccountEmailLimits(5))
    exchange_limits: CodeExchangeLimits = field(default_factory=lambda: CodeExchangeLimits(10))
    second_factor_limits: SecondFactorLimits = field(default_factory=lambda: SecondFactorLimits(5))
    password_reset_lifetime: timedelta = timedelta(hours=1)
    invitation_lifetime: timedelta = timedelta(days=7)
    token_grace: timedelta = timedelta(hours=24)
    has_self_registration: bool = False
    requires_second_factor: bool = False
    """Whether staff must set up a second factor before they can use a new session."""
