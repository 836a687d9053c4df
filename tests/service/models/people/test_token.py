"""Tokens in the database: a second revocation does not change the first."""

from __future__ import annotations

from datetime import timedelta

from support.ticket_factory import NOON, Desk

from models.access.viewer import authenticate
from models.people import token
from models.people.token import Token, TokenKind, issue_token


async def test_a_second_revocation_keeps_the_first_instant(desk: Desk) -> None:
    _, text = await issue_token(
        TokenKind.API, "program", ["tickets:read"], user_id=desk.ada.user_id, at=NOON
    )
    _, other = await issue_token(
        TokenKind.API, "other", ["tickets:read"], user_id=desk.ada.user_id, at=NOON
    )
    first, second = [await Token.get(digest=token.hash_token(text)) for _ in range(2)]
    await token.revoke_token(first, NOON + timedelta(hours=1))
    await token.revoke_token(second, NOON + timedelta(hours=2))
    assert (await Token.get(id=first.id)).revoked_at == NOON + timedelta(hours=1)
    assert await authenticate(text, NOON) is None
    assert await authenticate(other, NOON) is not None, "no other token is revoked"
