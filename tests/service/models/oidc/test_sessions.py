"""A provider's logout: stored before tokens are revoked, and repeated until it is complete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from support import World
from support.ticket_factory import NOON

from models.audit.entry import AuditEntry, Origin
from models.core.time import format_instant
from models.oidc.sessions import end_sessions, issue_session
from models.oidc.tokens import InvalidJwt, Jwt
from models.people.identity import Identity, ProviderLogout, SignInCode
from models.people.token import Token, TokenKind, build_token, hash_token
from models.people.user import User

ISSUER = "https://id.example.com"
LEEWAY = timedelta(seconds=60)


def logout_token(session: str) -> Jwt:
    claims = {"iss": ISSUER, "sub": "cora", "sid": session, "jti": "one"}
    return Jwt("logout+jwt", claims, NOON, NOON + timedelta(minutes=2))


async def create_session(world: World, session: str) -> Token:
    identity, _ = await Identity.get_or_create(
        issuer=ISSUER, subject="cora", defaults={"user_id": world.cora.id}
    )
    token, _ = build_token(
        TokenKind.SESSION,
        "session",
        [],
        user_id=world.cora.id,
        at=NOON,
        identity_id=identity.id,
        provider_session=session,
    )
    await token.save(force_create=True)
    return token


async def exchange_code(world: World, change: Callable[[World], Awaitable[None]]) -> bool:
    """Exchange a sign-in code after a change; returns whether there is a session."""
    created = await Identity.create(issuer=ISSUER, subject="cora", user_id=world.cora.id)
    identity = await Identity.get(id=created.id).select_related("user")
    code = SignInCode(identity_id=identity.id, provider_session="first", authenticated_at=NOON)
    await change(world)
    issued = await issue_session(
        *(code, identity, timedelta(hours=1), NOON),
        address="192.0.2.1",
        user_agent="Browser",
        max_sessions=10,
        origin=Origin("signInWithCode"),
    )
    return issued is not None


async def deactivate(world: World) -> None:
    await User.filter(id=world.cora.id).update(active=False)


async def log_out(world: World) -> None:
    await end_sessions(ISSUER, logout_token("first"), NOON, LEEWAY)


async def unlink(world: World) -> None:
    await Identity.all().delete()


async def change_nothing(world: World) -> None:
    pass


@pytest.mark.parametrize("change", [deactivate, log_out, unlink, change_nothing])
async def test_a_refused_sign_in_stores_no_session_and_no_entry(
    people: World, change: Callable[[World], Awaitable[None]]
) -> None:
    before = await Token.all().count()
    expected = 1 if change is change_nothing else 0
    assert await exchange_code(people, change) is bool(expected)
    assert await Token.all().count() == before + expected
    assert await AuditEntry.all().count() == expected


async def test_a_repetition_completes_a_logout_that_failed_half_way(people: World) -> None:
    token = await create_session(people, "first")
    # What a failure between the two transactions leaves behind.
    await ProviderLogout.create(
        issuer=ISSUER,
        jti_digest=hash_token("one"),
        subject="cora",
        session="first",
        occurred_at=NOON,
        expires_at=NOON + timedelta(hours=2),
    )
    assert await end_sessions(ISSUER, logout_token("first"), NOON, LEEWAY) == 1
    assert (await Token.get(id=token.id)).revoked_at == NOON
    logout = await ProviderLogout.get()
    assert logout.completed_at is not None
    assert format_instant(logout.completed_at) == format_instant(NOON)


async def test_a_complete_logout_can_not_be_repeated(people: World) -> None:
    await create_session(people, "first")
    assert await end_sessions(ISSUER, logout_token("first"), NOON, LEEWAY) == 1
    later = await create_session(people, "first")
    with pytest.raises(InvalidJwt, match="used before"):
        await end_sessions(ISSUER, logout_token("first"), NOON, LEEWAY)
    assert (await Token.get(id=later.id)).revoked_at is None
    assert await ProviderLogout.all().count() == 1
