"""The second factors of agents and admins."""

from __future__ import annotations

from datetime import timedelta

from models.access.scopes import scopes_of_role
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.directory.access import lock_directory
from models.people import second_factor, sessions
from models.people.token import Token
from models.people.user import User, lock_user
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation
from resolvers.people.credentials import (
    count_code,
    report_lost_key,
    require_code,
    require_password,
)
from schema.inputs.people.second_factors import (
    ConfirmSecondFactorInput,
    DisableSecondFactorInput,
    RenewRecoveryCodesInput,
    ResetSecondFactorInput,
    StartSecondFactorInput,
)
from schema.payloads.people.second_factors import (
    ConfirmSecondFactorPayload,
    RenewRecoveryCodesPayload,
    SecondFactorPayload,
    StartSecondFactorPayload,
)

REQUIRED_BY_SERVER = "The server requires a second factor of all agents and admins."
OLD_SESSION = (
    "This session is older than 10 minutes. Sign in again, and then set up the second factor."
)
OWN_SECOND_FACTOR = (
    "is required for your own second factor: a code of it, or a recovery code. Another admin can "
    "reset it without one."
)
MAX_SESSION_AGE = timedelta(minutes=10)
"""The age of a session that may set up a second factor of a user without a password."""


async def check_start(context: Context, input: StartSecondFactorInput) -> None:
    """Raises InvalidInput unless the viewer has proved just now to own the account."""
    viewer = context.viewer
    assert viewer.user is not None  # the permission is only for users
    assert viewer.token is not None  # the permission requires a session
    user = await User.get(id=viewer.user.id)
    if user.password_hash is not None:
        await require_password(context, user, input.current_password)
    elif context.now() - viewer.token.created_at > MAX_SESSION_AGE:
        raise InvalidInput(UserErrorCode.INVALID, OLD_SESSION)


@admin_mutation(
    StartSecondFactorPayload, "user", User, prepare=check_start, prepare_repetition=True
)
async def start_second_factor(mutation: AdminMutation, input: StartSecondFactorInput) -> User:
    user = await lock_own_user(mutation)
    secrets = mutation.context.services.accounts.secrets
    secret, uri = await second_factor.start(user, secrets, mutation.at)
    mutation.extra_fields.update(secret=secret, otpauth_uri=uri)
    return user


async def lock_own_user(mutation: AdminMutation) -> User:
    return await lock_user(mutation.viewer.user_id)


async def count_confirmation(context: Context, input: ConfirmSecondFactorInput) -> None:
    assert context.viewer.user is not None  # the permission is only for users
    await count_code(context, context.viewer.user)


@admin_mutation(ConfirmSecondFactorPayload, "user", User, prepare=count_confirmation)
async def confirm_second_factor(mutation: AdminMutation, input: ConfirmSecondFactorInput) -> User:
    user = await lock_own_user(mutation)
    accounts = mutation.context.services.accounts
    with report_lost_key(user, "code"):
        codes = await second_factor.confirm(user.id, input.code, accounts.secrets, mutation.at)
    await accounts.second_factor_limits.record_success(user.id, mutation.at, is_signed_in=True)
    mutation.changes.log(user, "second_factor", before=False, after=True)
    mutation.extra_fields["recovery_codes"] = codes
    await grant_scopes(mutation, user)
    return user


async def grant_scopes(mutation: AdminMutation, user: User) -> None:
    """Give the session its scopes, which it lacks if the server requires a second factor."""
    current = mutation.viewer.token
    assert current is not None  # the permission requires a session
    token = await Token.select_for_update(no_key=True).get(id=current.id)
    if not token.scopes:
        await mutation.changes.update(token, scopes=scopes_of_role(user.role))


async def check_disabling(context: Context, input: DisableSecondFactorInput) -> None:
    user = context.viewer.user
    assert user is not None  # the permission is only for users
    if user.is_staff and context.services.accounts.requires_second_factor:
        raise InvalidInput(UserErrorCode.INVALID, REQUIRED_BY_SERVER)
    await require_own_code(context, user, input.code)


async def require_own_code(context: Context, user: User, code: str) -> None:
    """Use up a code of the viewer's second factor. Raises InvalidInput and RateLimited."""
    if not await second_factor.is_enabled(user.id):
        raise InvalidInput(UserErrorCode.INVALID, second_factor.NO_SECOND_FACTOR)
    await require_code(context, user, code, "code")


@admin_mutation(SecondFactorPayload, "user", User, prepare=check_disabling)
async def disable_second_factor(mutation: AdminMutation, input: DisableSecondFactorInput) -> User:
    user = await lock_own_user(mutation)
    await remove(mutation, user)
    return user


async def check_renewal(context: Context, input: RenewRecoveryCodesInput) -> None:
    assert context.viewer.user is not None  # the permission is only for users
    await require_own_code(context, context.viewer.user, input.code)


@admin_mutation(RenewRecoveryCodesPayload, "user", User, prepare=check_renewal)
async def renew_recovery_codes(mutation: AdminMutation, input: RenewRecoveryCodesInput) -> User:
    user = await lock_own_user(mutation)
    codes = await second_factor.renew_recovery_codes(user.id)
    mutation.changes.log(user, "recovery_codes", None, "renewed")
    mutation.extra_fields["recovery_codes"] = codes
    return user


async def remove(mutation: AdminMutation, user: User) -> None:
    if await second_factor.disable(user.id):
        mutation.changes.log(user, "second_factor", before=True, after=False)


async def check_reset(context: Context, input: ResetSecondFactorInput) -> None:
    """Admins need a code to reset their own second factor. Raises InvalidInput."""
    user = context.viewer.user
    if user is None or ids.key_of(ids.USER, input.user_id) != user.id:
        return
    if await second_factor.is_enabled(user.id):
        if input.code is None:
            raise InvalidInput(UserErrorCode.REQUIRED, OWN_SECOND_FACTOR, "code")
        await require_code(context, user, input.code, "code")


@admin_mutation(SecondFactorPayload, "user", User, prepare=check_reset)
async def reset_second_factor(mutation: AdminMutation, input: ResetSecondFactorInput) -> User:
    await lock_directory(mutation.viewer)
    user = await lock_user(ids.key_of(ids.USER, input.user_id), "userId")
    await remove(mutation, user)
    await sessions.revoke_sessions(mutation.changes, user.id, mutation.at)
    return user
