"""API tokens of users and of API clients."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.access.permissions import ADMINISTER, MANAGE_OWN_TOKENS
from models.access.viewer import Viewer
from models.core import ids
from models.core.record_changes import RecordChanges
from models.directory import api_tokens as tokens
from models.directory.access import lock_directory
from models.people.api_clients import lock_client
from models.people.token import Token, TokenKind
from models.people.user import lock_user
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, run_action
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.people.tokens import (
    CreateApiTokenInput,
    RevokeApiTokenInput,
    RotateApiTokenInput,
)
from schema.payloads.people.tokens import (
    CreateApiTokenPayload,
    RevokeApiTokenPayload,
    RotateApiTokenPayload,
)


async def api_tokens(info: strawberry.Info) -> list[Token]:
    own = Token.filter(user_id=context_of(info).viewer.user_id, kind=TokenKind.API)
    return await own.order_by("-created_at", "-id")


def check_client_token(viewer: Viewer, input: CreateApiTokenInput) -> None:
    """Raises Forbidden for a token of an API client, unless the viewer may administer clients."""
    if input.client_id is not None:
        ADMINISTER.check(viewer)


@admin_mutation(CreateApiTokenPayload, "api_token", Token, check=check_client_token)
async def create_api_token(mutation: AdminMutation, input: CreateApiTokenInput) -> Token:
    """Create a token for the viewer or for an API client."""
    viewer = mutation.viewer
    await lock_directory(viewer)
    if input.client_id is None:
        owner = await lock_user(viewer.user_id, "userId")
    else:
        owner = await lock_client(ids.key_of(ids.API_CLIENT, input.client_id))
    api_token, token_text = await tokens.create_token(
        *(mutation.changes, viewer, owner),
        *(input.name, input.scopes, input.expires_at, mutation.at),
    )
    mutation.extra_fields["token"] = token_text
    return api_token


@simple_mutation(RevokeApiTokenPayload)
async def revoke_api_token(context: Context, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
    """Revoke a token. Raises Forbidden unless the viewer has signed in, or may administer."""
    if not ADMINISTER.allows(context.viewer):
        MANAGE_OWN_TOKENS.check(context.viewer)

    async def revoke(changes: RecordChanges, at: datetime) -> Token:
        await lock_directory(context.viewer)
        api_token = await tokens.lock_token_to_revoke(context.viewer, input.token_id)
        await tokens.revoke_token(changes, api_token, at)
        return api_token

    return RevokeApiTokenPayload(api_token=await run_action(context, "revokeApiToken", revoke))


@admin_mutation(RotateApiTokenPayload, "api_token", Token)
async def rotate_api_token(mutation: AdminMutation, input: RotateApiTokenInput) -> Token:
    await lock_directory(mutation.viewer)
    old = await tokens.lock_own_token(mutation.viewer, input.token_id)
    grace = mutation.context.services.accounts.token_grace
    successor, token_text = await tokens.rotate_token(
        mutation.changes, mutation.viewer, old, grace, mutation.at
    )
    mutation.extra_fields.update(token=token_text, replaced_token=old)
    return successor
