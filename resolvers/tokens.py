"""Tokens that people make for their programs."""

from __future__ import annotations

import strawberry
from tortoise.expressions import Q

from models.core import ids, text
from models.core.errors import Code, InvalidInput, Refusal
from models.people import token
from models.people.token import Token, TokenKind
from resolvers.context import Context, context_of
from schema.inputs.tokens import CreateApiTokenInput, RevokeApiTokenInput
from schema.payloads.tokens import CreateApiTokenPayload, RevokeApiTokenPayload
from schema.types.errors import user_error

MAX_API_TOKENS = 100


async def api_tokens(info: strawberry.Info) -> list[Token]:
    return await Token.filter(user_id=context_of(info).viewer.user_id, kind=TokenKind.API).order_by("-created_at", "-id")


async def create_api_token(info: strawberry.Info, input: CreateApiTokenInput) -> CreateApiTokenPayload:
    context = context_of(info)
    try:
        name = text.clean_text(input.name, "name", max_chars=text.MAX_NAME_CHARS)
        scopes = check_scopes(context, input.scopes)
        if input.expires_at is not None and input.expires_at <= context.now():
            raise InvalidInput(Code.INVALID, "This instant has passed.", "expiresAt")
        own = Token.filter(user_id=context.viewer.user_id, kind=TokenKind.API, revoked_at__isnull=True)
        if await own.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=context.now())).count() >= MAX_API_TOKENS:
            raise InvalidInput(Code.INVALID, f"At most {MAX_API_TOKENS} live tokens; revoke one first.")
    except Refusal as refusal:
        return CreateApiTokenPayload(user_errors=[user_error(refusal)])
    made, shown = await token.issue_token(
        TokenKind.API, name, scopes, user_id=context.viewer.user_id, expires_at=input.expires_at, at=context.now()
    )
    return CreateApiTokenPayload(api_token=made, token=shown)


def check_scopes(context: Context, scopes: list[str]) -> list[str]:
    """A token never gets more than the one that made it has."""
    if not scopes:
        raise InvalidInput(Code.REQUIRED, "A token needs a scope at least.", "scopes")
    held = {scope.value for scope in context.viewer.scopes}
    foreign = sorted(set(scopes) - held)
    if foreign:
        raise InvalidInput(Code.INVALID, f"Not among your scopes: {', '.join(foreign)[:200]}.", "scopes")
    return sorted(set(scopes))


async def revoke_api_token(info: strawberry.Info, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
    context = context_of(info)
    key = ids.key_of(ids.TOKEN, input.token_id)
    found = await Token.get_or_none(id=key, user_id=context.viewer.user_id, kind=TokenKind.API) if key else None
    if found is None:
        return RevokeApiTokenPayload(user_errors=[user_error(InvalidInput(Code.NOT_FOUND, "There is no such token.", "tokenId"))])
    await token.revoke_token(found, context.now())
    return RevokeApiTokenPayload(api_token=found)
