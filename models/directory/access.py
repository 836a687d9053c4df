"""The lock of the directory, and the rules that decide which users an actor may change.

The directory has users, organizations and teams, and other records that staff manage.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from tortoise.expressions import Q

from models import database
from models.access.permissions import ADMINISTER, MANAGE_CUSTOMERS
from models.access.viewer import Viewer
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.people.identity import Identity
from models.people.token import Token
from models.people.user import ApiClient, Role, User

LOCK_ID = 5_318_604_227
"""The id of the Postgres advisory lock that a change of the directory holds. All processes use the
same id."""
LAST_ADMIN = (
    "This is the last active admin who can sign in. First make another user an admin, and ask them "
    "to sign in."
)


async def lock_directory(actor: Viewer) -> None:
    """Wait for other changes of the directory, and lock it until the end of the transaction.

    Call it before any row is locked. So two admins can't demote each other at once, and an email
    address or name that no record has stays available until the commit. SQLite needs no lock,
    because its transactions begin with BEGIN IMMEDIATE. Raises Forbidden if the actor was
    deactivated or got another role during the wait.
    """
    if database.dialect() == "postgres":
        await database.fetch("SELECT pg_advisory_xact_lock(?)", [LOCK_ID])
    if actor.user is not None:
        is_unchanged = await User.exists(id=actor.user.id, active=True, role=actor.user.role)
    elif actor.client is not None:
        is_unchanged = await ApiClient.exists(id=actor.client.id, active=True)
    else:
        is_unchanged = True
    if not is_unchanged:
        raise Forbidden("The viewer was deactivated or its role has changed.")


def check_can_manage_users(actor: Viewer, *roles: Role) -> None:
    """Raises Forbidden unless the actor may manage users with these roles."""
    MANAGE_CUSTOMERS.check(actor)
    if any(role is not Role.CUSTOMER for role in roles) and not ADMINISTER.allows(actor):
        raise Forbidden("Agents, admins and roles can only be changed with the scope admin.")


async def is_last_admin(user: User, at: datetime) -> bool:
    """Whether the user is the only active admin who can sign in. The directory must be locked.

    If no admin can sign in, this is true only for the last active one.
    """
    if user.role is not Role.ADMIN or not user.active:
        return False
    admins = User.filter(role=Role.ADMIN, active=True).exclude(id=user.id)
    others = cast("list[UUID]", await admins.values_list("id", flat=True))
    if not others:
        return True
    return await can_any_sign_in([user.id], at) and not await can_any_sign_in(others, at)


async def can_any_sign_in(user_ids: Sequence[UUID], at: datetime) -> bool:
    """Whether one of the users has a password, an identity or a valid token.

    A user without them has not accepted an invitation yet, and may never do so, or has lost every
    other way to sign in.
    """
    if await User.exists(id__in=user_ids, password_hash__isnull=False):
        return True
    if await Identity.exists(user_id__in=user_ids):
        return True
    not_expired = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    return await Token.exists(not_expired, user_id__in=user_ids, revoked_at__isnull=True)


async def check_not_last_admin(user: User, field: str, at: datetime) -> None:
    """Raises InvalidInput if the user is the last active admin. See `is_last_admin`."""
    if await is_last_admin(user, at):
        raise InvalidInput(UserErrorCode.INVALID, LAST_ADMIN, field)
