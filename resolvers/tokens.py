"""API tokens, which users create for their programs."""

from __future__ import annotations

import strawberry
from tortoise.expressions import Q

from models import database
from models.audit import storage
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.people import token
from models.people.token import Token, TokenKind
from models.people.user import User
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import origin_of
from resolvers.mutations.idempotency import run_once
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.tokens import CreateApiTokenInput, RevokeApiTokenInput
from schema.payloads.tokens import CreateApiTokenPayload, RevokeApiTokenPayload

MAX_API_TOKENS = 100
"""The maximum number of live tokens per user."""
MAX_LISTED_CHARACTERS = 200


async def api_tokens(info: strawberry.Info) -> list[Token]:
    own = Token.filter(user_id=context_of(info).viewer.user_id, kind=TokenKind.API)
    return await own.order_by("-created_at", "-id")


@simple_mutation(CreateApiTokenPayload)
async def create_api_token(context: Context, input: CreateApiTokenInput) -> CreateApiTokenPayload:
    """Create a token; a repetition finds it by the idempotency key, but not its text."""

    async def execute(key: KeyedRequest | None) -> CreateApiTokenPayload:
        changes = RecordChanges()
        api_token, token_text = await issue_api_token(context, changes, input)
        await storage.write(changes, origin_of(context, "createApiToken"), context.now())
        if key is not None:
            await store_result(key, ResultReference(context.now(), api_token.id))
        return CreateApiTokenPayload(api_token=api_token, token=token_text)

    async def replay(stored: IdempotencyKey) -> CreateApiTokenPayload:
        api_token = await Token.get_or_none(id=stored.record_id)
        return CreateApiTokenPayload(api_token=api_token, replayed=True)

    return await run_once(context, "createApiToken", input, execute, replay)


async def issue_api_token(
    context: Context, changes: RecordChanges, input: CreateApiTokenInput
) -> tuple[Token, str]:
    """Store a token for the viewer; returns it with its text. Raises InvalidInput.

    The lock on the user makes concurrent calls count one after another until their transactions
    end, so that they can't exceed the limit together.
    """
    user_id, at = context.viewer.user_id, context.now()
    name = text.clean_line(input.name, "name", max_chars=text.MAX_NAME_CHARS)
    scopes = check_scopes(context, input.scopes)
    if input.expires_at is not None and input.expires_at <= at:
        raise InvalidInput(UserErrorCode.INVALID, "must be in the future", "expiresAt")
    await User.filter(id=user_id).select_for_update(no_key=True).get()
    unrevoked = Token.filter(user_id=user_id, kind=TokenKind.API, revoked_at__isnull=True)
    live = unrevoked.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    if await live.count() >= MAX_API_TOKENS:
        message = f"You have {MAX_API_TOKENS} live tokens, which is the maximum. Revoke one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="api_tokens")
    return await token.issue_token(
        TokenKind.API,
        name,
        scopes,
        user_id=user_id,
        expires_at=input.expires_at,
        at=at,
        changes=changes,
    )


def check_scopes(context: Context, scopes: list[str]) -> list[str]:
    """The scopes without duplicates. A token may not have more scopes than its creator's token.

    Raises InvalidInput.
    """
    if not scopes:
        raise InvalidInput(UserErrorCode.REQUIRED, "must have at least one scope", "scopes")
    own = {scope.value for scope in context.viewer.scopes}
    excess = sorted(set(scopes) - own)
    if excess:
        names = ", ".join(excess)[:MAX_LISTED_CHARACTERS]
        raise InvalidInput(
            UserErrorCode.INVALID, f"must be among your own scopes; not: {names}", "scopes"
        )
    return sorted(set(scopes))


@simple_mutation(RevokeApiTokenPayload)
async def revoke_api_token(context: Context, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
    api_token = await database.run_in_transaction(lambda: revoke_own_token(context, input))
    return RevokeApiTokenPayload(api_token=api_token)


async def revoke_own_token(context: Context, input: RevokeApiTokenInput) -> Token:
    """Revoke an API token of the viewer. Raises InvalidInput."""
    key = ids.key_of(ids.TOKEN, input.token_id)
    own = Token.filter(user_id=context.viewer.user_id, kind=TokenKind.API)
    api_token = await own.select_for_update(no_key=True).get_or_none(id=key) if key else None
    if api_token is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such token.", "tokenId")
    if api_token.revoked_at is None:
        changes, at = RecordChanges(), context.now()
        await changes.update(api_token, revoked_at=at)
        await storage.write(changes, origin_of(context, "revokeApiToken"), at)
    return api_token
