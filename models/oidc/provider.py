"""The settings of an identity provider."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from models.people.identity import MAX_ISSUER_CHARS
from models.people.user import Role

ANY_DOMAIN = "*"
Domain = Annotated[str, StringConstraints(to_lower=True, strip_whitespace=True)]
"""Domains are compared without regard to case (RFC 1035, section 2.3.3)."""


class Provider(BaseModel):
    """An issuer that the service trusts.

    `client_id` turns on signing in with the authorization code flow; `audiences` turns on JWTs as
    bearer tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
    """The provider's name in the URLs /auth/oidc/{name}/…"""
    issuer: Annotated[str, Field(max_length=MAX_ISSUER_CHARS)]
    client_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    audiences: frozenset[str] = frozenset()
    """The values of the claim `aud` that a JWT must have, one of them."""
    trusted_domains: frozenset[Domain] = frozenset()
    """The domains whose email addresses the provider may verify; `*` for all."""
    create_users: bool = False
    """Whether the first sign-in of an unknown person creates a user."""
    group_claim: str = "groups"
    """The claim whose values `roles` and `teams` map: a text or a list of texts."""
    roles: dict[str, Role] = {}
    """Roles by group. If not empty, the groups decide the role at each sign-in."""
    teams: dict[str, str] = {}
    """Slugs of teams by group. If not empty, the groups decide the membership in these teams."""
    scope_claim: str | None = None
    """The claim of a JWT that limits its scopes. Without it, a JWT has all scopes of the role."""

    @model_validator(mode="after")
    def check(self) -> Provider:
        if self.client_id is None and not self.audiences:
            raise ValueError(f"provider {self.name}: needs client_id, audiences, or both")
        if self.client_id in self.audiences:
            raise ValueError(
                f"provider {self.name}: audiences must not contain the client_id, because ID "
                "tokens would then be accepted as bearer tokens"
            )
        if "openid" not in self.scopes:
            raise ValueError(f"provider {self.name}: scopes must include openid")
        return self

    def trusts(self, email: str) -> bool:
        """Whether the provider may say that a person owns this email address."""
        domain = email.rpartition("@")[2].lower()
        return ANY_DOMAIN in self.trusted_domains or domain in self.trusted_domains


def check_url(url: str, *, allow_http: bool) -> str:
    """The URL, if the service may send requests to it. Raises ValueError.

    Only https is permitted, and with `allow_http` also http on a loopback address.
    """
    parts = urlsplit(url)
    is_http = allow_http and parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not (parts.hostname and (parts.scheme == "https" or is_http)):
        raise ValueError("use https; http is for loopback addresses in development")
    if parts.username is not None or parts.fragment or any(each.isspace() for each in url):
        raise ValueError("use a URL without a user name, a fragment or white space")
    return url


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
