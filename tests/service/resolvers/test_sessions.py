"""Sessions: listing, revocation by their owner and by admins, and their purge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.accounts import PASSWORD, error_of, send, set_password, succeed
from support.actors import token_of
from support.client import EVENTS, TIMEOUT_SECONDS
from websockets.exceptions import ConnectionClosed

from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core import ids
from models.core.record_limits import DEFAULT_LIMITS
from models.people.password import hash_password
from models.people.token import Token, TokenKind, issue_token
from models.people.user import User
from workers.cleanup import Cleanup

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]

LIST = """{ viewer { sessions {
  id createdAt lastUsedAt expiresAt address userAgent current } } }"""
CORA: dict[str, Any] = {"email": "cora@example.com", "password": PASSWORD}


async def sign_in(service: Service) -> Client:
    return service.client((await succeed(service.client(), "signIn", **CORA))["token"])


async def sessions_of(client: Client) -> list[dict[str, Any]]:
    return list((await client.run(LIST))["viewer"]["sessions"])


async def is_signed_in(client: Client) -> bool:
    return (await client.post("{ viewer { role } }")).status_code == 200


@pytest.fixture
async def passwords(world: World) -> None:
    await set_password("cora@example.com", hash_password(PASSWORD))
    await Token.all().filter(user_id=world.cora.id).delete()


@pytest.mark.usefixtures("passwords")
async def test_a_user_lists_live_sessions_with_address_and_user_agent(
    service: Service, world: World
) -> None:
    laptop, phone = await sign_in(service), await sign_in(service)
    query = "mutation($input: SignInInput!) { signIn(input: $input) { token } }"
    raw = await service.client().post(
        query, {"input": CORA}, **{"User-Agent": "Desk\t1.0 " + "x" * 500}
    )
    desk = service.client(raw.json()["data"]["signIn"]["token"])
    listed = await sessions_of(phone)
    assert len(listed) == 3
    assert [each["current"] for each in listed] == [False, True, False]
    assert {each["address"] for each in listed} == {"127.0.0.1"}
    assert listed[0]["userAgent"].startswith("Desk 1.0 xx")
    assert len(listed[0]["userAgent"]) == 200
    assert all(each["expiresAt"] > each["createdAt"] for each in listed)
    service.clock.advance(days=31)
    assert not await is_signed_in(laptop)
    assert not await is_signed_in(desk)


async def test_api_tokens_list_no_sessions(service: Service, world: World) -> None:
    program = await token_of(await User.get(id=world.cora.id), ["tickets:read"])
    assert await sessions_of(service.client(program)) == []
    assert await sessions_of(service.client(world.api_client_token)) == []


@pytest.mark.usefixtures("passwords")
async def test_a_revoked_session_ends_with_its_sockets(service: Service) -> None:
    laptop, phone = await sign_in(service), await sign_in(service)
    (other,) = [each["id"] for each in await sessions_of(phone) if not each["current"]]
    async with laptop.socket() as socket:
        await socket.subscribe(EVENTS)
        revoked = await succeed(phone, "revokeSession", sessionId=other, idempotencyKey="x")
        assert revoked["session"] == {"id": other, "current": False}
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive(TIMEOUT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    assert not await is_signed_in(laptop)
    assert [each["current"] for each in await sessions_of(phone)] == [True]
    again = await succeed(phone, "revokeSession", sessionId=other, idempotencyKey="x")
    assert (again["replayed"], again["session"]["id"]) == (True, other)
    (entry,) = await AuditEntry.filter(action="revokeSession")
    await Token.filter(id=ids.key_of(ids.SESSION, other)).delete()  # as the job `cleanup` does it
    assert (
        await error_of(phone, "revokeSession", sessionId=other, idempotencyKey="x")
        == "NOT_FOUND idempotencyKey"
    )
    assert (entry.record_kind, list(entry.changes)) == (RecordKind.API_TOKEN, ["revoked_at"])


async def test_users_revoke_only_their_own_sessions_and_admins_any(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    root = service.client(world.root.token)
    (session,) = await sessions_of(cora)
    for client in (carl, service.client(world.ada.token)):
        assert await error_of(client, "revokeSession", sessionId=session["id"]) == (
            "NOT_FOUND sessionId"
        )
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(client, "revokeAllSessions", userId=world.cora.gid)
    program = await token_of(await User.get(id=world.cora.id), ["tickets:read"])
    with pytest.raises(Refused, match="FORBIDDEN"):
        await send(service.client(program), "revokeAllSessions")
    for hostile in ("", "nonsense", world.cora.gid, session["id"].replace("ses", "tok")):
        assert await error_of(root, "revokeSession", sessionId=hostile) == "NOT_FOUND sessionId"
    assert await is_signed_in(cora)
    await succeed(root, "revokeSession", sessionId=session["id"])
    assert not await is_signed_in(cora)
    assert await error_of(root, "revokeAllSessions", userId="nonsense") == "NOT_FOUND userId"
    machine = service.client(world.api_client_token)
    revoked = await succeed(machine, "revokeAllSessions", userId=world.carl.gid)
    assert revoked["revoked"] == 1
    assert not await is_signed_in(carl)


async def test_all_sessions_end_except_the_current_one_on_request(
    service: Service, world: World
) -> None:
    user = await User.get(id=world.cora.id)
    cora, other = service.client(world.cora.token), service.client(await token_of(user))
    program = service.client(await token_of(user, ["tickets:read"]))
    assert (await succeed(cora, "revokeAllSessions", keepCurrent=True))["revoked"] == 1
    assert not await is_signed_in(other)
    assert await is_signed_in(cora)
    assert (await succeed(cora, "revokeAllSessions"))["revoked"] == 1
    assert not await is_signed_in(cora)
    assert await is_signed_in(program)


@pytest.mark.usefixtures("passwords")
async def test_another_sign_in_ends_the_oldest_of_100_sessions(
    service: Service, world: World
) -> None:
    first = await sign_in(service)
    for n in range(DEFAULT_LIMITS.max_sessions_per_user - 1):
        at = service.clock() + timedelta(seconds=n)
        await issue_token(TokenKind.SESSION, "session", [], user_id=world.cora.id, at=at)
    assert await is_signed_in(first)
    service.clock.advance(seconds=200)
    last = await sign_in(service)
    assert not await is_signed_in(first)
    assert len(await sessions_of(last)) == DEFAULT_LIMITS.max_sessions_per_user
    entry = await AuditEntry.get(action="signIn", record_kind=RecordKind.API_TOKEN)
    assert (list(entry.changes), entry.actor_user_id) == (["revoked_at"], world.cora.id)


async def test_ended_tokens_are_purged_after_the_retention(service: Service, world: World) -> None:
    user = await User.get(id=world.cora.id)
    cora = service.client(await token_of(user))
    await succeed(cora, "revokeAllSessions")
    at = service.clock()
    retention = timedelta(days=3)
    await issue_token(
        TokenKind.API, "x", [], user_id=user.id, at=at, expires_at=at + timedelta(hours=1)
    )
    assert await Token.filter(user_id=user.id).count() == 3
    await Cleanup(token_retention=retention).run_once(at + timedelta(days=2.9), 0)
    assert await Token.filter(user_id=user.id).count() == 3
    await Cleanup(token_retention=retention).run_once(at + timedelta(days=3, minutes=1), 0)
    assert await Token.filter(user_id=user.id).count() == 1
    await Cleanup(token_retention=retention).run_once(at + timedelta(days=3, hours=2), 0)
    assert await Token.filter(user_id=user.id).count() == 0
    assert await Token.filter(user_id=world.carl.id).count() == 1
