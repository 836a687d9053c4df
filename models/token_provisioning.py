"""Creates, lists and revokes API tokens, and creates and lists API clients, from the command line.

Changes are in the audit log, with the command as their action and without an actor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from models.access.viewer import SYSTEM
from models.core import ids
from models.core.record_changes import RecordChanges
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.core.time import format_instant, to_utc
from models.directory import api_tokens
from models.people import api_clients
from models.people.token import Token, TokenKind
from models.people.user import ApiClient, lock_user
from models.provisioning import InvalidArgument, clean_name, find_user, run_command

DAYS = re.compile(r"(\d{1,5})d")


async def create_token(
    email: str | None,
    client: str | None,
    scopes: Sequence[str],
    expires: str | None,
    name: str,
    at: datetime,
    limits: RecordLimits = DEFAULT_LIMITS,
) -> str:
    """Create an API token for the user with the email address, or for the API client of a name.

    `expires` is an instant with an offset, or a number of days such as `90d`. Pass exactly one of
    `email` and `client`. Returns the token's text. Raises InvalidArgument.
    """
    expires_at = parse_expiry(expires, at)

    async def create(changes: RecordChanges) -> str:
        if client is not None:
            owner = await find_or_create_client(changes, client, at)
        else:
            assert email is not None
            owner = await lock_user((await find_user(email)).id, "email")
        _, text = await api_tokens.create_token(
            changes, SYSTEM, owner, name, scopes, expires_at, at
        )
        return text

    return await run_command("token create", at, create, limits)


async def find_or_create_client(changes: RecordChanges, name: str, at: datetime) -> ApiClient:
    name = clean_name(name, "an API client")
    existing = await ApiClient.select_for_update(no_key=True).get_or_none(display_name=name)
    return existing or await api_clients.create_client(changes, name, at)


async def create_client(name: str, at: datetime, limits: RecordLimits = DEFAULT_LIMITS) -> str:
    """Create an API client; returns its global id. Raises InvalidArgument."""

    async def create(changes: RecordChanges) -> str:
        client = await api_clients.create_client(changes, name, at)
        return ids.encode(ids.API_CLIENT, client.id)

    return await run_command("client create", at, create, limits)


async def list_clients() -> list[str]:
    """One line for each API client, by name: its id, `active` or `inactive`, and its name."""
    return [
        f"{ids.encode(ids.API_CLIENT, client.id)}  "
        f"{'active' if client.active else 'inactive'}  {client.display_name}"
        for client in await ApiClient.all().order_by("display_name", "id")
    ]


async def list_tokens(email: str | None, client: str | None, at: datetime) -> list[str]:
    """One line for each live API token, newest first. Raises InvalidArgument for an unknown owner.

    A line has the id, the first characters, the expiry, the scopes, the owner and the name.
    """
    tokens = Token.filter(kind=TokenKind.API, revoked_at__isnull=True)
    if email is not None:
        tokens = tokens.filter(user_id=(await find_user(email)).id)
    if client is not None:
        tokens = tokens.filter(client_id=(await find_client(client)).id)
    rows = await tokens.select_related("user", "client").order_by("-created_at", "-id")
    return [describe_token(row) for row in rows if row.expires_at is None or row.expires_at > at]


def describe_token(row: Token) -> str:
    expires = "never" if row.expires_at is None else format_instant(row.expires_at)
    owner = row.user.email if row.user else ""
    if row.client:
        owner = row.client.display_name
    scopes = ",".join(row.scopes)
    return (
        f"{ids.encode(ids.TOKEN, row.id)}  {row.prefix}  {expires}  {scopes}  {owner}  {row.name}"
    )


async def find_client(name: str) -> ApiClient:
    client = await ApiClient.get_or_none(display_name=name.strip())
    if client is None:
        raise InvalidArgument(f"no API client has the name {name}")
    return client


async def revoke_token(token_id: str, at: datetime) -> None:
    """Revoke an API token by its global id. Raises InvalidArgument if there is none."""

    async def revoke(changes: RecordChanges) -> None:
        token = await api_tokens.lock_token_to_revoke(SYSTEM, token_id)
        await api_tokens.revoke_token(changes, token, at)

    await run_command("token revoke", at, revoke)


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
