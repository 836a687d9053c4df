"""Users: the query for staff, and the mutations."""

from __future__ import annotations

from typing import Any, cast

import strawberry

from models.access.permissions import EDIT_OWN_PROFILE, MANAGE_CUSTOMERS
from models.access.viewer import Viewer
from models.access.visibility import can_see_record
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.directory import users as directory
from models.directory.user_fields import UserFields
from models.directory.users import PROFILE_FIELDS
from models.notifications.account_mail import PROMOTION, can_reset_password
from models.people.account_link import LinkPurpose
from models.people.user import Role, User
from models.queries.directory.users import list_users
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from resolvers.mutations.resolver import simple_mutation
from resolvers.mutations.rows import upsert_rows
from schema.inputs.people.people import (
    CreateUserInput,
    DeactivateUserInput,
    ReactivateUserInput,
    UpdateUserInput,
    UpsertUserInput,
    UpsertUsersInput,
    UserRowInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.people.people import UpsertUserResult, UpsertUsersPayload, UserPayload

CLEARABLE_FIELDS = frozenset({"organization_id", "external_id", "locale", "time_zone"})
"""The fields of a user that null clears."""
NO_LINKS = (
    "A promotion removes the password and the identities, and the server can't send a link to "
    "choose a new password. Ask the operator to set TICKETWIRE_PUBLIC_URL, or set keepCredentials."
)


async def users(
    info: strawberry.Info,
    search: str | None = None,
    role: Role | None = None,
    roles: list[Role] | None = None,
    organization_id: strawberry.ID | None = None,
    active: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[User]:
    page_request = parse_page_arguments(first, after, last, before)
    return list_users(search, role, organization_id, active, page_request, roles=roles)


def build_user_fields(viewer: Viewer, user: User) -> dict[str, Any]:
    return {
        "user_id": ids.encode(ids.USER, user.id),
        "user": user if can_see_record(viewer, user) else None,
    }


user_mutation = admin_mutation(UserPayload, "user", User, build_fields=build_user_fields)


def user_fields(
    input: CreateUserInput | UpdateUserInput | UserRowInput,
    clearable: frozenset[str] = CLEARABLE_FIELDS,
) -> UserFields:
    fields = given_fields(input, clearable=clearable)
    for name in ("user_id", "keep_credentials", "expected_version", "idempotency_key"):
        fields.pop(name, None)
    return cast("UserFields", fields)


def check_may_update(viewer: Viewer, input: UpdateUserInput) -> None:
    """Users change their own profile, and managers those of others. Raises Forbidden.

    The answer is the same for every id of another user, so it doesn't show whether there is one.
    """
    is_own = viewer.user_id is not None and ids.key_of(ids.USER, input.user_id) == viewer.user_id
    if is_own and PROFILE_FIELDS.issuperset(user_fields(input)):
        if not MANAGE_CUSTOMERS.allows(viewer):
            EDIT_OWN_PROFILE.check(viewer)
        return
    MANAGE_CUSTOMERS.check(viewer)


@user_mutation
async def create_user(mutation: AdminMutation, input: CreateUserInput) -> User:
    fields = user_fields(input, frozenset())
    return await directory.create_user(mutation.changes, mutation.viewer, fields, mutation.at)


@admin_mutation(UserPayload, "user", User, check=check_may_update, build_fields=build_user_fields)
async def update_user(mutation: AdminMutation, input: UpdateUserInput) -> User:
    user = await directory.update_user(
        mutation.changes,
        mutation.viewer,
        ids.key_of(ids.USER, input.user_id),
        user_fields(input),
        mutation.at,
        input.expected_version,
        keep_credentials=bool(input.keep_credentials),
    )
    await send_promotion_link(mutation, user, keep_credentials=bool(input.keep_credentials))
    return user


async def send_promotion_link(
    mutation: AdminMutation, user: User, *, keep_credentials: bool
) -> None:
    """Send a link to choose a new password to a customer whom the mutation has promoted.

    People who could not sign in before get none. Raises InvalidInput NOT_ENABLED if the server
    can't send links.
    """
    changed = mutation.changes.find(user).values
    role = changed.get("role")
    was_promoted = role is not None and role[0] == Role.CUSTOMER.name
    if keep_credentials or not was_promoted or not user.active:
        return
    lost = any(name == "password_hash" or name.startswith("identity_") for name in changed)
    if not lost and not await can_reset_password(user):
        return
    accounts, at = mutation.context.services.accounts, mutation.at
    if not accounts.mails.public_url:
        raise InvalidInput(UserErrorCode.NOT_ENABLED, NO_LINKS)
    expires_at = at + accounts.invitation_lifetime
    await accounts.mails.send_to_user(user, LinkPurpose.INVITATION, PROMOTION, expires_at, at)


@user_mutation
async def upsert_user(mutation: AdminMutation, input: UpsertUserInput) -> User:
    return await upsert_row(mutation, input)


async def upsert_row(mutation: AdminMutation, input: UserRowInput) -> User:
    """Create or change a user as part of a mutation. Raises Refusal and Forbidden."""
    fields = user_fields(input, CLEARABLE_FIELDS - {"external_id"})
    user = await directory.upsert_user(
        mutation.changes,
        mutation.viewer,
        fields,
        mutation.at,
        keep_credentials=bool(input.keep_credentials),
    )
    await send_promotion_link(mutation, user, keep_credentials=bool(input.keep_credentials))
    return user


def list_user_keys(input: UserRowInput) -> list[str]:
    """What identifies a row in its list."""
    keys = [f"id {input.external_id.strip()}"] if input.external_id else []
    return [*keys, f"email {input.email.strip().casefold()}"] if input.email else keys


@simple_mutation(UpsertUsersPayload)
async def upsert_users(context: Context, input: UpsertUsersInput) -> UpsertUsersPayload:
    outcomes = await upsert_rows(
        context, "upsertUsers", ("users", input.users), upsert_row, list_user_keys
    )
    return UpsertUsersPayload(
        results=[
            UpsertUserResult(
                index=each.index,
                user_errors=each.errors,
                **({} if each.record is None else build_user_fields(context.viewer, each.record)),
            )
            for each in outcomes
        ]
    )


@user_mutation
async def deactivate_user(mutation: AdminMutation, input: DeactivateUserInput) -> User:
    return await directory.deactivate_user(
        mutation.changes,
        mutation.viewer,
        ids.key_of(ids.USER, input.user_id),
        input.reassign_to,
        input.expected_version,
        mutation.at,
    )


@user_mutation
async def reactivate_user(mutation: AdminMutation, input: ReactivateUserInput) -> User:
    return await directory.reactivate_user(
        mutation.changes,
        mutation.viewer,
        ids.key_of(ids.USER, input.user_id),
        input.expected_version,
        mutation.at,
    )
