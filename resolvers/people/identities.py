"""Identities: the last step of a sign-in by a provider, and the links that administrators make."""

from __future__ import annotations

from models.access.viewer import actor_of
from models.core.errors import InvalidInput, UserErrorCode
from models.directory.access import lock_directory
from models.oidc import links, sessions
from models.people.identity import Identity
from models.people.user import User
from resolvers.auth.oidc import SIGN_IN_WITH_CODE
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, origin_of
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.people.identities import LinkIdentityInput, UnlinkIdentityInput
from schema.inputs.people.people import SignInWithCodeInput
from schema.payloads.people.identities import LinkIdentityPayload, UnlinkIdentityPayload
from schema.payloads.people.people import SignInWithCodePayload

INVALID_CODE = "The code is unknown, expired or used, or the verifier is wrong. Sign in again."


@simple_mutation(SignInWithCodePayload)
async def sign_in_with_code(context: Context, input: SignInWithCodeInput) -> SignInWithCodePayload:
    """Exchange a code for a session, and make its user the viewer of the context."""
    at = context.now()
    code = await sessions.take_code(input.code, input.verifier, at)
    if code is None:
        raise InvalidInput(UserErrorCode.INVALID, INVALID_CODE, "code")
    identity = await Identity.get_or_none(id=code.identity_id).select_related("user")
    if identity is None:  # removed at this moment
        raise InvalidInput(UserErrorCode.INVALID, INVALID_CODE, "code")
    origin = origin_of(context, SIGN_IN_WITH_CODE, actor_of(identity.user))
    issued = await sessions.issue_session(
        code,
        identity,
        context.settings.session_length,
        at,
        address=context.address,
        user_agent=context.user_agent,
        max_sessions=context.settings.limits.max_sessions_per_user,
        origin=origin,
    )
    viewer = await context.services.viewers.authenticate(issued[1]) if issued else None
    if issued is None or viewer is None:  # ended or deactivated since the code was issued
        raise InvalidInput(UserErrorCode.INVALID, INVALID_CODE, "code")
    token, text = issued
    context.set_viewer(viewer)
    return SignInWithCodePayload(token=text, viewer=viewer, expires_at=token.expires_at)


@admin_mutation(LinkIdentityPayload, "user", User)
async def link_identity(mutation: AdminMutation, input: LinkIdentityInput) -> User:
    await lock_directory(mutation.viewer)
    return await links.link_identity(
        mutation.changes, input.user_id, input.issuer, input.subject, mutation.at
    )


@admin_mutation(UnlinkIdentityPayload, "user", User)
async def unlink_identity(mutation: AdminMutation, input: UnlinkIdentityInput) -> User:
    await lock_directory(mutation.viewer)
    leeway = mutation.context.services.identity_providers.leeway
    return await links.unlink_identity(
        mutation.changes, input.user_id, input.issuer, input.subject, mutation.at, leeway
    )
