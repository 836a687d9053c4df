"""Manages users from the command line, and runs the changes of its commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from models import database
from models.access.viewer import SYSTEM
from models.audit import storage
from models.audit.entry import Origin
from models.core.errors import InvalidInput, Refusal
from models.core.ids import ORGANIZATION, USER, encode
from models.core.record_changes import RecordChanges
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.core.text import MAX_NAME_CHARS, clean_text
from models.directory import organizations, users
from models.directory.access import lock_directory
from models.directory.user_fields import UserFields
from models.people.password import check_new_password, hash_password
from models.people.user import Organization, Role, User, lock_user

T = TypeVar("T")
FIELD_NAMES = {
    "displayName": "name",
    "userId": "email",
    "reassignTo": "reassign-to",
    "clientId": "client",
    "tokenId": "token",
}
"""The options of the command line for fields of the API, if they differ."""


class InvalidArgument(Exception):
    """An argument of a command is invalid. The message is shown to the operator."""


async def create_user(
    email: str,
    name: str,
    role: str,
    password: str,
    at: datetime,
    *,
    organization: str | None = None,
    teams: Sequence[str] = (),
    limits: RecordLimits = DEFAULT_LIMITS,
) -> str:
    """Create a user, and its organization if that is missing; `teams` are slugs.

    Returns the user's global id. Raises InvalidArgument.
    """
    if role not in {each.value for each in Role}:
        raise InvalidArgument(f"unknown role {role!r}; use customer, agent or admin")
    fields: UserFields = {
        "email": email,
        "display_name": name,
        "role": Role(role),
        "teams": list(teams),
    }
    # Hashing is slow, so it is done before the transaction, which holds SQLite's only write lock.
    password_hash = hash_checked_password(password)

    async def create(changes: RecordChanges) -> User:
        await lock_directory(SYSTEM)
        found = await find_or_create_organization(changes, organization)
        if found is not None:
            fields["organization_id"] = encode(ORGANIZATION, found.id)
        return await users.create_user(changes, SYSTEM, fields, at, password_hash)

    user = await run_command("user create", at, create, limits)
    return encode(USER, user.id)


async def deactivate_user(email: str, reassign_to: str | None, at: datetime) -> None:
    """Deactivate a user; `reassign_to` is the email address of the user who gets the open tickets.

    Raises InvalidArgument.
    """

    async def deactivate(changes: RecordChanges) -> User:
        user = await find_user(email)
        successor = None if reassign_to is None else await find_user(reassign_to)
        successor_id = None if successor is None else encode(USER, successor.id)
        return await users.deactivate_user(changes, SYSTEM, user.id, successor_id, None, at)

    await run_command("user deactivate", at, deactivate)


async def set_password(email: str, password: str, at: datetime) -> None:
    """Set the password of a user and revoke the user's sessions. Raises InvalidArgument."""
    password_hash = hash_checked_password(password)

    async def change(changes: RecordChanges) -> User:
        await lock_directory(SYSTEM)
        user = await lock_user((await find_user(email)).id, "email")
        await users.set_password(changes, user, password_hash, at)
        return user

    await run_command("user set-password", at, change)


async def list_users(role: str | None, *, inactive: bool) -> list[str]:
    """A line for each user, by email address: id, email address, role, state and name.

    Raises InvalidArgument.
    """
    if role is not None and role not in {each.value for each in Role}:
        raise InvalidArgument(f"unknown role {role!r}; use customer, agent or admin")
    query = User.all().order_by("email")
    if role is not None:
        query = query.filter(role=Role(role))
    if not inactive:
        query = query.filter(active=True)
    return [describe_user(user) for user in await query]


def describe_user(user: User) -> str:
    state = "active" if user.active else "inactive"
    columns = (encode(USER, user.id), user.email, user.role.value, state, user.display_name)
    return "\t".join(columns)


async def run_command(
    command: str,
    at: datetime,
    change: Callable[[RecordChanges], Awaitable[T]],
    limits: RecordLimits = DEFAULT_LIMITS,
) -> T:
    """Run a change in a transaction, and store it in the audit log. Raises InvalidArgument."""

    async def run() -> T:
        changes = RecordChanges(limits)
        result = await change(changes)
        await storage.write(changes, Origin(command), at)
        return result

    with translate_refusals():
        return await database.run_in_transaction(run)


@contextmanager
def translate_refusals() -> Generator[None]:
    """Raise InvalidArgument, which names the options of the command line, instead of a Refusal."""
    try:
        yield
    except Refusal as error:
        names = [FIELD_NAMES.get(name, name) for name in (error.field or [])[1:]]
        raise InvalidArgument(": ".join((*names, error.message))) from error


def hash_checked_password(password: str) -> str:
    """The hash of a new password. Raises InvalidArgument if it is not allowed."""
    with translate_refusals():
        check_new_password(password, "password")
    return hash_password(password)


def clean_name(name: str, owner: str) -> str:
    """The trimmed name. Raises InvalidArgument, whose message mentions the owner."""
    try:
        return clean_text(name, max_chars=MAX_NAME_CHARS)
    except InvalidInput as error:
        raise InvalidArgument(f"the name of {owner} {error.message}") from error


async def find_or_create_organization(
    changes: RecordChanges, name: str | None
) -> Organization | None:
    """The first active organization with the name, or a new one. The directory must be locked."""
    if name is None:
        return None
    name = clean_name(name, "an organization")
    found = await Organization.filter(name=name, active=True).order_by("id").first()
    if found is not None:
        return found
    return await organizations.insert_organization(changes, {"name": name})


async def find_user(email: str) -> User:
    user = await User.get_or_none(email=email.strip().lower())
    if user is None:
        raise InvalidArgument(f"no user has the email address {email}")
    return user
