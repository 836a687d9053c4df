"""The viewer, and signing in and out."""

from __future__ import annotations

import strawberry

from models import database
from models.access.scopes import CallerKind, scopes_of_role
from models.access.viewer import Viewer
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.people import sessions, token
from models.people.token import TokenKind
from models.people.user import User, lock_user
from resolvers.auth import sign_in_audit
from resolvers.context import Context, context_of
from resolvers.mutations.resolver import simple_mutation
from resolvers.people.credentials import check_password, check_second_factor, source_of
from schema.inputs.people.people import SignInInput
from schema.payloads.people.people import SignInPayload, SignOutPayload

WRONG_PASSWORD = "The email address or the password is wrong."  # noqa: S105 - a message


async def viewer(info: strawberry.Info) -> Viewer | None:
    viewer = context_of(info).viewer
    return None if viewer.caller_kind is CallerKind.ANONYMOUS else viewer


@simple_mutation(SignInPayload)
async def sign_in(context: Context, input: SignInInput) -> SignInPayload:
    source = source_of(context, input.email.strip().lower())
    user = await check_password(context, source, input.password)
    if user is None:
        raise InvalidInput(UserErrorCode.INVALID, WRONG_PASSWORD, "email")
    has_second_factor = await check_second_factor(context, user, source, input.second_factor)
    await context.services.sign_in_limits.record_success(source, context.now())
    must_set_up = context.services.accounts.requires_second_factor and user.is_staff
    return await create_session(context, user, without_scopes=must_set_up and not has_second_factor)


async def create_session(
    context: Context, user: User, *, without_scopes: bool = False
) -> SignInPayload:
    """Create a session token, and make the user the viewer of the context.

    A session without scopes lets the user set up a second factor, which then grants the scopes.
    Raises InvalidInput if the user was deactivated, or got another password or role, since the
    check.
    """
    at = context.now()
    session, text = token.build_token(
        TokenKind.SESSION,
        "session",
        [] if without_scopes else scopes_of_role(user.role),
        user_id=user.id,
        expires_at=at + context.settings.session_length,
        at=at,
    )

    async def store() -> None:
        # The lock orders this with a new password or role, which end all sessions that they find.
        locked = await lock_user(user.id)
        is_same = (locked.password_hash, locked.role) == (user.password_hash, user.role)
        if not locked.active or not is_same:
            raise InvalidInput(UserErrorCode.INVALID, WRONG_PASSWORD, "email")
        changes = RecordChanges()
        await sessions.store_session(
            changes,
            session,
            user.id,
            context.address,
            context.user_agent,
            context.settings.limits.max_sessions_per_user,
        )
        await sign_in_audit.record_success(context, user, changes)

    await database.run_in_transaction(store)
    viewer = await context.services.viewers.authenticate(text)
    if viewer is None:  # revoked at this moment
        raise InvalidInput(UserErrorCode.INVALID, WRONG_PASSWORD, "email")
    context.set_viewer(viewer)
    return SignInPayload(
        token=text,
        viewer=viewer,
        expires_at=session.expires_at,
        requires_second_factor_setup=without_scopes,
    )


async def sign_out(info: strawberry.Info) -> SignOutPayload:
    context = context_of(info)
    await database.run_in_transaction(lambda: end_session(context))
    return SignOutPayload()


async def end_session(context: Context) -> None:
    own_token = context.viewer.token
    if own_token is not None and await token.revoke_token(own_token, context.now()):
        await sign_in_audit.record_sign_out(context)
