"""The person that a provider's claims describe: email address, name, role, teams and scopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from models.core.errors import InvalidInput
from models.core.text import MAX_NAME_CHARS, clean_line
from models.oidc.http_client import Json
from models.oidc.provider import Provider
from models.people.email_address import clean_email
from models.people.user import Role

ROLE_RANKS = {Role.CUSTOMER: 0, Role.AGENT: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Profile:
    """The person that claims describe.

    email   the email address in lower case, if the provider has verified it and is trusted for its
            domain; otherwise None
    groups  the person's groups; None if the claims have none
    """

    email: str | None
    display_name: str
    groups: Sequence[str] | None


def read_profile(provider: Provider, claims: Json) -> Profile:
    email = read_email(provider, claims)
    return Profile(email, read_name(claims, email or ""), read_groups(provider, claims))


def read_email(provider: Provider, claims: Json) -> str | None:
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    try:
        address = clean_email(email)
    except InvalidInput:
        return None
    return address if provider.trusts(address) else None


def read_name(claims: Json, email: str) -> str:
    """The person's name. Without one, the part of the email address before the @."""
    for value in (claims.get("name"), claims.get("preferred_username")):
        if isinstance(value, str):
            try:
                return clean_line(value[:MAX_NAME_CHARS], max_chars=MAX_NAME_CHARS)
            except InvalidInput:
                continue
    return email.partition("@")[0]


def read_groups(provider: Provider, claims: Json) -> Sequence[str] | None:
    value = claims.get(provider.group_claim)
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [each for each in cast("list[object]", value) if isinstance(each, str)]
    return None


def role_of(provider: Provider, groups: Sequence[str]) -> Role | None:
    """The highest role of the groups; None if no group has a role."""
    roles = [provider.roles[group] for group in groups if group in provider.roles]
    return max(roles, key=ROLE_RANKS.__getitem__) if roles else None


def teams_of(provider: Provider, groups: Sequence[str]) -> set[str]:
    """The slugs of the teams to which the groups belong."""
    return {provider.teams[group] for group in groups if group in provider.teams}


def limit_scopes(provider: Provider, claims: Json, scopes: Sequence[str]) -> list[str]:
    """Those of the scopes that the claim of the provider's `scope_claim` names."""
    if provider.scope_claim is None:
        return list(scopes)
    value = claims.get(provider.scope_claim)
    named = value.split() if isinstance(value, str) else value
    names = cast("list[object]", named) if isinstance(named, list) else []
    return [scope for scope in scopes if scope in names]
