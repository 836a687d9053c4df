"""The settings of accounts, sessions, tokens and identity providers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from models.oidc.provider import Provider, check_url
from models.outbound.http_client import AddressRefused, check_target_url
from settings.base import OptionalDays
from settings.outbound import OutboundSettings


class IdentitySettings(OutboundSettings):
    """Accounts, and identity providers, to which the service sends requests."""

    session_days: Annotated[int, Field(ge=1, le=365)] = 30
    """The number of days that a session lasts."""
    expired_token_days: OptionalDays = 30
    """Days after which expired and revoked sessions and API tokens are deleted."""
    token_grace_hours: Annotated[int, Field(ge=0, le=720)] = 24
    """Hours for which a rotated API token remains valid."""
    password_reset_hours: Annotated[int, Field(ge=1, le=72)] = 1
    """Hours within which the link to reset a password must be used."""
    invitation_days: Annotated[int, Field(ge=1, le=90)] = 7
    """Days within which the link of an invitation or a registration must be used."""
    require_second_factor: bool = False
    """Whether agents and admins must set up a second factor before they can use a new session. This
    does not concern sessions of identity providers."""
    encryption_keys: Annotated[str, Field(repr=False)] = ""
    """Comma-separated keys that encrypt secrets, such as those of second factors: the first
    encrypts, all decrypt. Each is 32 random bytes in URL-safe Base64. Without keys, development
    mode uses a file beside the SQLite database, and other servers refuse second factors."""
    public_url: str = ""
    """URL of the customer portal, for links in emails: `/tickets/{number}`, `/reset-password`,
    `/accept-invitation` and `/confirm-registration`. Invitations and password resets need it."""
    self_registration: bool = False
    """Whether anyone may register as a customer by confirming an email address. Needs
    TICKETWIRE_PUBLIC_URL."""
    api_url: str = ""
    """URL at which browsers reach this service: for the redirect of identity providers (the default
    there is TICKETWIRE_PUBLIC_URL), and as the only origin whose pages may use the session cookie
    (the default there is that of the header Host)."""
    identity_providers: Annotated[list[Provider], Field(default_factory=list[Provider], repr=False)]
    """JSON list of identity providers (OpenID Connect), see docs/oidc.md."""
    sign_in_redirect_urls: Annotated[list[str], Field(default_factory=list)]
    """JSON list of URLs of applications to which people return after signing in with an identity
    provider. A sign-in names one of them exactly."""
    jwt_leeway_seconds: Annotated[int, Field(ge=0, le=300)] = 60
    """Seconds by which the clocks of identity providers may differ from that of the service."""
    allow_http_providers: bool = False
    """Whether identity providers may use http on a loopback address, which
    TICKETWIRE_OUTBOUND_ALLOWED_NETWORKS must also contain. For development only."""

    @model_validator(mode="after")
    def check_identity_providers(self) -> Self:
        providers = self.identity_providers
        for values in ([each.name for each in providers], [each.issuer for each in providers]):
            if len(set(values)) < len(values):
                raise ValueError("IDENTITY_PROVIDERS: names and issuers must be unique")
        for provider in providers:
            try:
                self.check_issuer(provider.issuer)
            except (ValueError, AddressRefused) as error:
                raise ValueError(f"IDENTITY_PROVIDERS: issuer: {error}") from error
        if any(provider.client_id for provider in providers):
            self.check_code_flow()
        return self

    def check_issuer(self, issuer: str) -> None:
        """Check the URL of an identity provider. Raises ValueError or AddressRefused."""
        check_url(issuer, allow_http=self.allow_http_providers)
        check_target_url(
            issuer, allow_http=self.allow_http_providers, allowed_networks=self.allowed_networks
        )

    def check_code_flow(self) -> None:
        """Check the settings of the authorization code flow. Raises ValueError."""
        if not (self.api_url or self.public_url):
            raise ValueError(
                "API_URL: set it, or TICKETWIRE_PUBLIC_URL, for identity providers with a client_id"
            )
        if not (self.sign_in_redirect_urls or self.api_url):
            raise ValueError(
                "SIGN_IN_REDIRECT_URLS: identity providers with a client_id need at least one, or "
                "TICKETWIRE_API_URL for this server's own sign-in page"
            )
        for url in self.sign_in_redirect_urls:
            try:
                check_url(url, allow_http=True)
            except ValueError as error:
                raise ValueError(f"SIGN_IN_REDIRECT_URLS: {error}") from error

    @field_validator("public_url", "api_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError if it is no port
        has_space = any(letter.isspace() for letter in value)
        is_web_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        if not value.isascii():
            raise ValueError(
                "write the address in ASCII: the host as xn--… (IDNA), the path percent-encoded"
            )
        if not is_web_address or parts.query or parts.fragment or has_space:
            raise ValueError(
                "use https://host or https://host/path, or http in development, without a query or "
                "fragment"
            )
        if parts.username is not None:
            raise ValueError("leave out the user name and password: links would show them")
        return value

    @field_validator("self_registration")
    @classmethod
    def check_self_registration(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get("public_url"):
            raise ValueError("set TICKETWIRE_PUBLIC_URL first, for the links in emails")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def check_encryption_keys(cls, value: str) -> str:
        from models.core.secrets import parse_keys

        parse_keys(value)
        return value

    @property
    def session_length(self) -> timedelta:
        return timedelta(days=self.session_days)

    @property
    def token_grace(self) -> timedelta:
        return timedelta(hours=self.token_grace_hours)

    @property
    def password_reset_lifetime(self) -> timedelta:
        return timedelta(hours=self.password_reset_hours)

    @property
    def invitation_lifetime(self) -> timedelta:
        return timedelta(days=self.invitation_days)

    @property
    def expired_token_retention(self) -> timedelta:
        return timedelta(days=self.expired_token_days)
