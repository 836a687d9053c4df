"""Creates and changes users. Each function is part of the caller's transaction.

The scope `users:write` manages customers. Agents, admins, roles and memberships need `admin`.
Users edit their own name, locale and time zone.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from models.access.permissions import EDIT_OWN_PROFILE
from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.directory import memberships, wall_screens
from models.directory.access import check_can_manage_users, check_not_last_admin, lock_directory
from models.directory.promotion import check_address, end_earlier_access, is_promotion
from models.directory.user_fields import UserFields, clean_fields
from models.people import account_link, sessions
from models.people.domains import find_organization_by_domain
from models.people.email_address import clean_email
from models.people.identity import Identity
from models.people.user import Role, User, lock_user, no_such_user

PROFILE_FIELDS = frozenset({"display_name", "locale", "time_zone"})
"""The fields that users may change of themselves."""


async def create_user(
    changes: RecordChanges,
    actor: Viewer,
    fields: UserFields,
    at: datetime,
    password_hash: str | None = None,
) -> User:
    """Create a user, by default without a password. The email address and name are required.

    Raises InvalidInput, and Forbidden if the actor may not manage users of this role.
    """
    role = fields.get("role", Role.CUSTOMER)
    check_can_manage_users(actor, role)
    await lock_directory(actor)
    return await insert_user(changes, fields, at, password_hash)


async def insert_user(
    changes: RecordChanges, fields: UserFields, at: datetime, password_hash: str | None = None
) -> User:
    """`create_user` for a caller that has locked the directory and checked the actor."""
    for name, field in (("email", "email"), ("display_name", "displayName")):
        if name not in fields:
            raise InvalidInput(UserErrorCode.REQUIRED, "is required for a new user", field)
    values = await clean_fields(fields, None)
    user = User(**values, password_hash=password_hash, created_at=at)
    slugs = fields.get("teams", ())
    memberships.check_teams(user.role, slugs, changes.limits.max_teams_per_user)
    teams = await memberships.get_teams(slugs)
    await changes.create(user)
    await memberships.set_teams(changes, user, teams)
    return user


async def insert_customer(
    changes: RecordChanges, email: str, display_name: str, at: datetime, *, is_verified: bool = True
) -> User:
    """Insert a customer. With a verified email address, its domain decides the organization.

    The directory must be locked. Raises InvalidInput.
    """
    organization = await find_organization_by_domain(email) if is_verified else None
    fields = UserFields(
        email=email,
        display_name=display_name,
        organization_id=ids.encode(ids.ORGANIZATION, organization.id) if organization else None,
    )
    return await insert_user(changes, fields, at)


async def update_user(
    changes: RecordChanges,
    actor: Viewer,
    user_id: UUID | None,
    fields: UserFields,
    at: datetime,
    expected_version: int | None = None,
    *,
    keep_credentials: bool = False,
) -> User:
    """Change a user. Raises InvalidInput, StaleVersion and Forbidden.

    A customer who becomes an agent or admin loses all earlier access to the account. With
    `keep_credentials`, only sessions, API tokens and links end. Such a change needs
    `expected_version` or the email address.
    """
    await lock_directory(actor)
    user = await lock_user(user_id, "userId")
    check_may_edit(actor, user, fields)
    check_not_erased(user)
    check_version(user, expected_version)
    role, email = fields.get("role"), fields.get("email")
    check_address(user.role, role, email, expected_version, "expectedVersion")
    return await apply_fields(changes, user, fields, at, keep_credentials=keep_credentials)


def check_may_edit(actor: Viewer, user: User, fields: UserFields) -> None:
    """Raises Forbidden unless the actor may change these fields of the user."""
    is_own_profile = user.id == actor.user_id and PROFILE_FIELDS.issuperset(fields)
    if is_own_profile and EDIT_OWN_PROFILE.allows(actor):
        return
    check_can_manage_users(actor, user.role, fields.get("role", user.role))


def check_not_erased(user: User, field: str = "userId") -> None:
    """Raises InvalidInput for the field: an erased person must stay unknown."""
    if user.is_erased:
        message = "is of a user who was erased. Create another user."
        raise InvalidInput(UserErrorCode.INVALID, message, field)


async def apply_fields(
    changes: RecordChanges,
    user: User,
    fields: UserFields,
    at: datetime,
    *,
    keep_credentials: bool,
) -> User:
    """Set the fields of a user. The directory and the user must be locked. Raises InvalidInput."""
    values = await clean_fields(fields, user)
    role = fields.get("role", user.role)
    was_staff = user.role is not Role.CUSTOMER
    if role is not Role.ADMIN:
        await check_not_last_admin(user, "role", at)
    if was_staff and role is Role.CUSTOMER:
        values["handover_pending"] = True
        await wall_screens.revoke_screens_of_user(changes, user)
    slugs = fields.get("teams")
    memberships.check_teams(role, slugs or (), changes.limits.max_teams_per_user)
    if role is Role.CUSTOMER:
        slugs = ()
    teams = None if slugs is None else await memberships.get_teams(slugs, user)
    is_promoted = is_promotion(user.role, role)
    if is_promoted and not keep_credentials:
        values["password_hash"] = None  # here, so that the version is raised once
    has_changed = await changes.update(user, **values)
    if is_promoted:
        await end_access_of_customer(changes, user, at, keep_credentials=keep_credentials)
    has_other_teams = teams is not None and await memberships.set_teams(changes, user, teams)
    if has_other_teams and not has_changed:
        await changes.raise_version(user)
    return user


async def end_access_of_customer(
    changes: RecordChanges, user: User, at: datetime, *, keep_credentials: bool
) -> None:
    if keep_credentials:
        await memberships.revoke_tokens(changes, user, at)
    else:
        await end_earlier_access(changes, user, at)


async def upsert_user(
    changes: RecordChanges,
    actor: Viewer,
    fields: UserFields,
    at: datetime,
    *,
    keep_credentials: bool = False,
) -> User:
    """Change the user with the external id, or else with the email address, or create one.

    `keep_credentials` is that of `update_user`. Raises InvalidInput and Forbidden.
    """
    check_can_manage_users(actor, fields.get("role", Role.CUSTOMER))
    await lock_directory(actor)
    user = await find_by_keys(fields)
    if user is None:
        return await insert_user(changes, fields, at)
    check_can_manage_users(actor, user.role, fields.get("role", user.role))
    check_not_erased(user, "email")
    check_address(user.role, fields.get("role"), fields.get("email"), None, "email")
    return await apply_fields(changes, user, fields, at, keep_credentials=keep_credentials)


async def find_by_keys(fields: UserFields) -> User | None:
    """The user that an upsert means. Raises InvalidInput."""
    external_id, email = fields.get("external_id"), fields.get("email")
    if external_id is None and email is None:
        message = "Give the external id or the email address of the user."
        raise InvalidInput(UserErrorCode.REQUIRED, message, "externalId")
    user = None
    if external_id is not None:
        key = text.clean_external_id(external_id)
        user = await User.select_for_update(no_key=True).get_or_none(external_id=key)
    if user is None and email is not None:
        address = clean_email(email, "email")
        user = await User.select_for_update(no_key=True).get_or_none(email=address)
        if user is not None and external_id is not None and user.external_id is not None:
            message = "The user with this email address has another external id."
            raise InvalidInput(UserErrorCode.TAKEN, message, "email")
    return user


async def deactivate_user(
    changes: RecordChanges,
    actor: Viewer,
    user_id: UUID | None,
    successor_id: str | None,
    expected_version: int | None,
    at: datetime,
) -> User:
    """Deactivate a user and revoke all their tokens; a job hands over their open tickets.

    `successor_id` is the global id of the new assignee; None leaves the tickets to their teams. A
    user who is already deactivated gets the new successor. Raises InvalidInput, StaleVersion and
    Forbidden.
    """
    await lock_directory(actor)
    user = await lock_user(user_id, "userId")
    check_can_manage_users(actor, user.role)
    check_version(user, expected_version)
    await check_not_last_admin(user, "userId", at)
    successor = await find_successor(user, successor_id)
    successor_key = successor.id if successor else None
    if user.active or user.successor_id != successor_key:
        is_assignable = user.role is not Role.CUSTOMER
        await changes.update(
            user, active=False, successor_id=successor_key, handover_pending=is_assignable
        )
    await memberships.revoke_tokens(changes, user, at)
    return user


async def find_successor(user: User, successor_id: str | None) -> User | None:
    """The user with this global id, who can be assigned tickets. Raises InvalidInput."""
    if successor_id is None:
        return None
    key = ids.key_of(ids.USER, successor_id)
    successor = await User.get_or_none(id=key) if key else None
    if successor is None:
        raise no_such_user("reassignTo")
    if user.role is Role.CUSTOMER:
        message = "must be null, because customers are not assigned tickets"
        raise InvalidInput(UserErrorCode.INVALID, message, "reassignTo")
    if not successor.is_staff or successor.id == user.id:
        message = "must be another user who is an active agent or admin"
        raise InvalidInput(UserErrorCode.INVALID, message, "reassignTo")
    return successor


async def reactivate_user(
    changes: RecordChanges,
    actor: Viewer,
    user_id: UUID | None,
    expected_version: int | None,
    at: datetime,
) -> User:
    """Let a deactivated user sign in again. Earlier sessions and tokens stay revoked.

    Raises InvalidInput, StaleVersion and Forbidden.
    """
    await lock_directory(actor)
    user = await lock_user(user_id, "userId")
    check_can_manage_users(actor, user.role)
    check_not_erased(user)
    check_version(user, expected_version)
    if not user.active:
        # A sign-in at the moment of the deactivation may have created a session after it.
        await memberships.revoke_tokens(changes, user, at)
        await changes.update(user, active=True, successor_id=None, handover_pending=False)
    return user


async def lock_invitable_user(actor: Viewer, user_id: UUID | None) -> User:
    """Lock a user who has no way to sign in yet. Raises InvalidInput and Forbidden."""
    await lock_directory(actor)
    user = await lock_user(user_id, "userId")
    check_can_manage_users(actor, user.role)
    if not user.active:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active user", "userId")
    if user.password_hash is not None or await Identity.exists(user_id=user.id):
        message = "must be a user without a password and without identities"
        raise InvalidInput(UserErrorCode.INVALID, message, "userId")
    return user


async def set_password(
    changes: RecordChanges,
    user: User,
    password_hash: str,
    at: datetime,
    keep_session: UUID | None = None,
) -> None:
    """Set the password, and revoke the user's sessions and links. The user must be locked."""
    await changes.update(user, password_hash=password_hash)
    await sessions.revoke_sessions(changes, user.id, at, keep_token_id=keep_session)
    await account_link.invalidate_links(user.id, at)
