"""Creates users, API clients and their tokens from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from models import database
from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES, CallerKind, Scope
from models.core.errors import InvalidInput
from models.core.ids import USER, encode
from models.core.text import MAX_NAME_CHARS, clean_text, is_storable
from models.core.time import to_utc
from models.people import token
from models.people.password import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, hash_password
from models.people.team import Membership, Team
from models.people.token import TokenKind
from models.people.user import ApiClient, Organization, Role, User

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
DAYS = re.compile(r"(\d{1,5})d")


class InvalidArgument(Exception):
    """An argument of a command is invalid. The message is shown to the operator."""


async def create_user(
    email: str,
    name: str,
    role: str,
    password: str,
    *,
    organization: str | None = None,
    teams: Sequence[str] = (),
) -> str:
    """Create a user, and its organization if that is missing; `teams` are slugs.

    Returns the user's global id. Raises InvalidArgument.
    """
    address = email.strip().lower()
    if not EMAIL.fullmatch(address) or not is_storable(address):
        raise InvalidArgument(f"{email!r} is not an email address")
    display_name = clean_name(name, "a user")
    if role not in {each.value for each in Role}:
        raise InvalidArgument(f"unknown role {role!r}; use customer, agent or admin")
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        limits = f"{MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS}"
        raise InvalidArgument(f"a password must have {limits} characters")
    # Hashing is slow, so it is done before the transaction, which holds SQLite's only write lock.
    password_hash = hash_password(password)
    async with database.transaction():
        if await User.exists(email=address):
            raise InvalidArgument(f"a user with the email address {address} already exists")
        user = await User.create(
            email=address,
            display_name=display_name,
            role=Role(role),
            organization=await find_or_create_organization(organization),
            password_hash=password_hash,
        )
        await add_memberships(user, teams)
    return encode(USER, user.id)


def clean_name(name: str, owner: str) -> str:
    """The trimmed name. Raises InvalidArgument, whose message mentions the owner."""
    try:
        return clean_text(name, max_chars=MAX_NAME_CHARS)
    except InvalidInput as error:
        raise InvalidArgument(f"the name of {owner} {error.message}") from error


async def find_or_create_organization(name: str | None) -> Organization | None:
    if name is None:
        return None
    name = clean_name(name, "an organization")
    organization, _ = await Organization.get_or_create(name=name)
    return organization


async def add_memberships(user: User, slugs: Sequence[str]) -> None:
    if slugs and user.role is Role.CUSTOMER:
        raise InvalidArgument("customers can't be members of a team")
    for slug in dict.fromkeys(slugs):
        team = await Team.get_or_none(slug=slug)
        if team is None:
            raise InvalidArgument(f"unknown team {slug!r}")
        await Membership.create(team=team, user=user)


async def issue_token(
    email: str | None,
    client: str | None,
    scopes: Sequence[str] | None,
    expires: str | None,
    name: str,
    at: datetime,
) -> str:
    """Create an API token for the user with the email address, or for the API client of a name.

    `expires` is an instant with an offset, or a number of days such as `90d`. Without scopes, the
    token has all that its owner may hold. Pass exactly one of `email` and `client`. Returns the
    token's text. Raises InvalidArgument.
    """
    user = await find_user(email) if email is not None else None
    caller_kind = CALLER_KIND_BY_ROLE[user.role] if user else CallerKind.API_CLIENT
    granted, expires_at = check_scopes(caller_kind, scopes), parse_expiry(expires, at)
    api_client = await find_or_create_client(client) if client is not None else None
    _, text = await token.issue_token(
        TokenKind.API,
        name[:MAX_NAME_CHARS],
        granted,
        user_id=user.id if user else None,
        client_id=api_client.id if api_client else None,
        expires_at=expires_at,
        at=at,
    )
    return text


async def find_user(email: str) -> User:
    user = await User.get_or_none(email=email.strip().lower())
    if user is None:
        raise InvalidArgument(f"no user has the email address {email}")
    return user


async def find_or_create_client(name: str) -> ApiClient:
    name = clean_name(name, "an API client")
    api_client, _ = await ApiClient.get_or_create(display_name=name)
    return api_client


def check_scopes(caller_kind: CallerKind, scopes: Sequence[str] | None) -> list[str]:
    """The sorted scopes without duplicates; None stands for all that the caller may hold."""
    allowed = {scope.value for scope in MAX_SCOPES[caller_kind]}
    if scopes is None:
        return sorted(allowed)
    known = {scope.value for scope in Scope}
    for scope in scopes:
        if scope not in known:
            raise InvalidArgument(f"unknown scope {scope!r}; use {', '.join(sorted(known))}")
        if scope not in allowed:
            raise InvalidArgument(
                f"a token of this {caller_kind.value} can't have the scope {scope}"
            )
    if not scopes:
        raise InvalidArgument("a token must have at least one scope")
    return sorted(set(scopes))


def parse_expiry(expires: str | None, at: datetime) -> datetime | None:
    if expires is None:
        return None
    text = expires.strip()
    days = DAYS.fullmatch(text)
    try:
        end = at + timedelta(days=int(days[1])) if days else to_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        expected = "an instant with an offset, such as 2027-01-31T00:00:00Z, or days, such as 90d"
        raise InvalidArgument(f"invalid expiry {expires!r}; use {expected}") from error
    if end <= at:
        raise InvalidArgument(f"the expiry {expires} is in the past")
    return end
