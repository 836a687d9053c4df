"""The sessions of users, and their revocation."""

from __future__ import annotations

from uuid import UUID

from models.access.permissions import ADMINISTER, MANAGE_OWN_TOKENS
from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.directory.access import lock_directory
from models.people import sessions
from models.people.token import Token, TokenKind
from models.people.user import User, lock_user
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation
from schema.inputs.people.sessions import RevokeAllSessionsInput, RevokeSessionInput
from schema.payloads.people.sessions import RevokeAllSessionsPayload, RevokeSessionPayload

NO_SESSION = "There is no such session."


def check_caller(viewer: Viewer, input: RevokeSessionInput) -> None:
    """Callers who may administer may revoke every session, users with a session their own.

    Raises Unauthenticated or Forbidden.
    """
    if not ADMINISTER.allows(viewer):
        MANAGE_OWN_TOKENS.check(viewer)


async def recall_session(viewer: Viewer, key: UUID) -> Token:
    """The session of a repeated mutation. Raises InvalidInput if it was deleted in the meantime."""
    token = await Token.get_or_none(id=key)
    if token is None:
        message = "The session of the first call was deleted."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return token


@admin_mutation(RevokeSessionPayload, "session", Token, check_caller, recall=recall_session)
async def revoke_session(mutation: AdminMutation, input: RevokeSessionInput) -> Token:
    await lock_directory(mutation.viewer)
    key, viewer = ids.key_of(ids.SESSION, input.session_id), mutation.viewer
    candidates = Token.select_for_update(no_key=True).filter(kind=TokenKind.SESSION, is_jwt=False)
    if not ADMINISTER.allows(viewer):
        candidates = candidates.filter(user_id=viewer.user_id)
    token = await candidates.get_or_none(id=key) if key else None
    if token is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, NO_SESSION, "sessionId")
    if token.revoked_at is None:
        await mutation.changes.update(token, revoked_at=mutation.at)
    return token


def check_revocation(viewer: Viewer, input: RevokeAllSessionsInput) -> None:
    """Users revoke their own sessions; admins also those of others. Raises Forbidden."""
    key = None if input.user_id is None else ids.key_of(ids.USER, input.user_id)
    is_own = input.user_id is None or (key is not None and key == viewer.user_id)
    (MANAGE_OWN_TOKENS if is_own else ADMINISTER).check(viewer)


@admin_mutation(RevokeAllSessionsPayload, "user", User, check=check_revocation)
async def revoke_all_sessions(mutation: AdminMutation, input: RevokeAllSessionsInput) -> User:
    viewer = mutation.viewer
    await lock_directory(viewer)
    key = viewer.user_id if input.user_id is None else ids.key_of(ids.USER, input.user_id)
    user = await lock_user(key, "userId")
    keep = viewer.token.id if input.keep_current and viewer.token else None
    count = await sessions.revoke_sessions(
        mutation.changes, user.id, mutation.at, keep_token_id=keep
    )
    mutation.extra_fields["revoked"] = count
    return user
