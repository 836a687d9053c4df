"""Making people, machines and their tokens, as an operator does from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from models import database
from models.access.scopes import CALLER_OF_ROLE, MAX_SCOPES, Caller, Scope
from models.core.ids import USER, encode
from models.core.text import MAX_NAME_CHARS, is_storable
from models.core.time import to_utc
from models.people import token
from models.people.password import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, hash_password
from models.people.team import Membership, Team
from models.people.token import TokenKind
from models.people.user import ApiClient, Organization, Role, User

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
DAYS = re.compile(r"(\d{1,5})d")


class InvalidArgument(Exception):
    """Something given can't be used; the message is for a person."""


async def create_user(
    email: str, name: str, role: str, password: str, *, organization: str | None = None, teams: Sequence[str] = ()
) -> str:
    """Make a person; returns the global id. Raises Unusable."""
    address, shown = email.strip().lower(), name.strip()
    if not EMAIL.fullmatch(address) or not is_storable(address):
        raise InvalidArgument(f"{email!r} is not an e-mail address")
    if not shown or len(shown) > MAX_NAME_CHARS or not is_storable(shown):
        raise InvalidArgument(f"a name has 1 to {MAX_NAME_CHARS} characters")
    if role not in {each.value for each in Role}:
        raise InvalidArgument(f"there is no role {role!r}; use customer, agent or admin")
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise InvalidArgument(f"a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters")
    digest = hash_password(password)  # before the transaction, which on SQLite holds the only write lock
    async with database.transaction():
        if await User.exists(email=address):
            raise InvalidArgument(f"{address} is there already")
        account = None
        if organization is not None:
            if not organization.strip() or len(organization) > MAX_NAME_CHARS or not is_storable(organization):
                raise InvalidArgument(f"an organization's name has 1 to {MAX_NAME_CHARS} characters")
            account, _ = await Organization.get_or_create(name=organization.strip())
        person = await User.create(email=address, display_name=shown, role=Role(role), organization=account, password_hash=digest)
        if teams and role == Role.CUSTOMER.value:
            raise InvalidArgument("customers work in no team")
        for slug in dict.fromkeys(teams):
            team = await Team.get_or_none(slug=slug)
            if team is None:
                raise InvalidArgument(f"there is no team {slug!r}")
            await Membership.create(team=team, user=person)
    return encode(USER, person.id)


async def issue_token(
    email: str | None, client: str | None, scopes: Sequence[str] | None, expires: str | None, name: str, at: datetime
) -> str:
    """Make a token for a person or a machine, and return its text. Raises Unusable."""
    person = await User.get_or_none(email=email.strip().lower()) if email is not None else None
    if email is not None and person is None:
        raise InvalidArgument(f"there is nobody with the e-mail address {email}")
    machine = None
    if client is not None:
        if not client.strip() or len(client) > MAX_NAME_CHARS or not is_storable(client):
            raise InvalidArgument(f"a name has 1 to {MAX_NAME_CHARS} characters")
        machine, _ = await ApiClient.get_or_create(display_name=client.strip())
    caller = CALLER_OF_ROLE[person.role] if person else Caller.API_CLIENT
    granted = check_scopes(caller, scopes)
    _, text = await token.issue_token(
        TokenKind.API,
        name[:MAX_NAME_CHARS],
        granted,
        user_id=person.id if person else None,
        client_id=machine.id if machine else None,
        expires_at=parse_expiry(expires, at),
        at=at,
    )
    return text


def check_scopes(caller: Caller, scopes: Sequence[str] | None) -> list[str]:
    held = {scope.value for scope in MAX_SCOPES[caller]}
    if scopes is None:
        return sorted(held)
    known = {scope.value for scope in Scope}
    for scope in scopes:
        if scope not in known:
            raise InvalidArgument(f"there is no scope {scope!r}; there are {', '.join(sorted(known))}")
        if scope not in held:
            raise InvalidArgument(f"the scope {scope} is not for {caller.value}s")
    if not scopes:
        raise InvalidArgument("a token needs a scope at least")
    return sorted(set(scopes))


def parse_expiry(expires: str | None, at: datetime) -> datetime | None:
    if expires is None:
        return None
    days = DAYS.fullmatch(expires.strip())
    try:
        end = at + timedelta(days=int(days[1])) if days else to_utc(datetime.fromisoformat(expires.strip()))
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            f"{expires!r} is no instant with an offset, such as 2027-01-31T00:00:00Z, and no days, such as 90d"
        ) from error
    if end <= at:
        raise InvalidArgument(f"{expires} has passed")
    return end
