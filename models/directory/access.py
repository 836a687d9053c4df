"""The lock of changes of the directory, and the rules about who may change which user."""

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
"""The Postgres advisory lock of changes of the directory; the same in all processes."""
LAST_ADMIN = (
    "This is the last active admin who can sign in. Make another user an admin first, who then "
    "signs in."
)


async def lock_directory(actor: Viewer) -> None:
    """Wait for other changes of the directory. Call it before any row is locked.

    So two admins can't demote each other at once, and a value that is free stays free until the
    commit. SQLite needs no lock: its transactions begin with BEGIN IMMEDIATE. Raises Forbidden if
    the actor was deactivated or got another role in the meantime.
    """
    if database.dialect() == "postgres":
        await database.fetch("SELECT pg_advisory_xact_lock(?)", [LOCK_ID])
    if actor.user is not None:
        is_same = await User.exists(id=actor.user.id, active=True, role=actor.user.role)
    elif actor.client is not None:
        is_same = await ApiClient.exists(id=actor.client.id, active=True)
    else:
        is_same = True
    if not is_same:
        raise Forbidden("The viewer was deactivated or its role has changed.")


def check_manages_users(actor: Viewer, *roles: Role) -> None:
    """Raises Forbidden unless the actor may manage users with these roles."""
    MANAGE_CUSTOMERS.check(actor)
    if any(role is not Role.CUSTOMER for role in roles) and not ADMINISTER.allows(actor):
        raise Forbidden("Agents, admins and roles can only be changed with the scope admin.")


async def is_last_admin(user: User, at: datetime) -> bool:
    """Whether the user is the only active admin who can sign in. The directory must be locked.

    If no admin can sign in, the last of them is the last admin.
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

    An admin without them has not accepted an invitation yet, and may never do so, or has lost every
    other way in.
    """
    if await User.exists(id__in=user_ids, password_hash__isnull=False):
        return True
    if await Identity.exists(user_id__in=user_ids):
        return True
    not_expired = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    return await Token.exists(not_expired, user_id__in=user_ids, revoked_at__isnull=True)


async def check_other_admin(user: User, field: str, at: datetime) -> None:
    """Raises InvalidInput if the user is the last active admin. See `is_last_admin`."""
    if await is_last_admin(user, at):
        raise InvalidInput(UserErrorCode.INVALID, LAST_ADMIN, field)
