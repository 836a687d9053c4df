"""JWTs of a real OpenID provider as bearer tokens: valid, hostile, ended, and expired ones."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from support import Client, Refused, Service, Socket, World
from support.accounts import succeed
from support.metrics import read_metrics
from support.oidc import (
    APPLICATION_URL,
    AUDIENCE,
    CLIENT_ID,
    SIGNING_KEY,
    Accounts,
    ProviderProcess,
    challenge_of,
    open_browser,
    query_of,
)

from models.audit.entry import AuditEntry
from models.core import record_limits
from models.people.identity import Identity
from models.people.team import Membership
from models.people.token import Token
from models.people.user import Role, User
from workers.cleanup import Cleanup

VERIFIED = {"email": "cora@example.com", "email_verified": True, "name": "Cora"}
ACCOUNTS: dict[str, dict[str, Any]] = {"cora": VERIFIED}
VIEWER = "{ viewer { role scopes user { email } } }"
SESSIONS = "{ viewer { sessions { id } } }"
API_TOKENS = "{ apiTokens { id } }"


@pytest.fixture
def accounts() -> Accounts:
    return ACCOUNTS


async def is_accepted(service: Service, token: str) -> bool:
    """Whether the service accepts a token; a refusal must be UNAUTHENTICATED."""
    async with httpx2.AsyncClient(timeout=60) as http:
        response = await http.post(
            service.http, json={"query": VIEWER}, headers={"authorization": f"Bearer {token}"}
        )
    if response.status_code == 200:
        return True
    assert response.status_code == 401, response.text
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    return False


async def viewer_of(client: Client) -> dict[str, Any]:
    return (await client.run(VIEWER))["viewer"]


async def viewer_on(socket: Socket) -> dict[str, Any]:
    await socket.subscribe(VIEWER)
    found = await socket.next("viewer")
    assert (await socket.receive())["type"] == "complete"
    return found


async def test_an_application_signs_in_at_the_provider_and_sends_its_token(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    async with open_browser(service) as browser:
        query = (
            f"client_id=spa&response_type=code&scope=openid+email&redirect_uri={APPLICATION_URL}"
            f"&code_challenge={challenge_of(browser.verifier)}&code_challenge_method=S256&state=s"
        )
        response = await browser.send("GET", f"{provider.issuer}/auth?{query}")
        code = query_of(await browser.follow(response, "login=cora"))["code"]
        form = {
            "grant_type": "authorization_code",
            "client_id": "spa",
            "code": code,
            "redirect_uri": APPLICATION_URL,
            "code_verifier": browser.verifier,
        }
        answer = (await browser.send("POST", f"{provider.issuer}/token", form)).json()
    client = service.client(answer["access_token"])
    assert (await viewer_of(client))["user"] == {"email": "cora@example.com"}
    ticket = await client.raise_ticket()
    assert ticket["id"]
    identity = await Identity.get()
    assert (identity.subject, identity.user_id) == ("cora", world.cora.id)
    async with client.socket() as socket:
        assert (await viewer_on(socket))["role"] == "CUSTOMER"


async def test_keys_are_read_once_and_each_tokens_sign_in_is_recorded_once(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    for token in (text := provider.token(**VERIFIED), text, provider.token(jti="2", **VERIFIED)):
        assert await is_accepted(service, token)
    entries = await AuditEntry.all().order_by("id")
    assert [each.action for each in entries] == ["signInWithJwt"] * 2
    assert entries[0].changes["identity"][1] == {"issuer": provider.issuer, "subject": "cora"}
    assert entries[1].actor_user_id == world.cora.id
    assert await Token.filter(is_jwt=True).count() == 2
    metrics = await read_metrics(service, world.root.token)
    counted = {name: value for name, value in metrics.items() if name.startswith("provider_")}
    assert counted.pop("provider_keys_age_seconds") >= 0
    assert counted == {
        "provider_key_reads_total": 1,
        "provider_key_read_failures_total": 0,
        "provider_unknown_keys_total": 0,
    }


async def test_concurrent_first_uses_store_one_token(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    token = provider.token(**VERIFIED)
    assert all(await asyncio.gather(*(is_accepted(service, token) for _ in range(10))))
    assert await Token.filter(is_jwt=True).count() == await Identity.all().count() == 1


async def test_hostile_tokens_are_refused_and_leave_no_trace(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    now = int(time.time())
    header, payload, signature = provider.token(**VERIFIED).split(".")
    other = RSAKey.generate_key(2048, {"kid": "first"})
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "cora", **VERIFIED}
    claims |= {"iat": now, "exp": now + 600}
    public = SIGNING_KEY.as_pem(private=False)

    def encode(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    critical = encode({"alg": "RS256", "crit": ["x"], "x": 1})

    secret = OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    hostile = {
        "issuer": provider.token(iss="https://evil.example", **VERIFIED),
        "issuer with slash": provider.token(iss=f"{provider.issuer}/", **VERIFIED),
        "audience": provider.token(aud="another", **VERIFIED),
        "audiences": provider.token(aud=["another", 7, None], **VERIFIED),
        "no audience": provider.token(aud=None, **VERIFIED),
        "client": provider.token(aud=CLIENT_ID, **VERIFIED),
        "no subject": provider.token(sub=None, **VERIFIED),
        "empty subject": provider.token(sub="", **VERIFIED),
        "long subject": provider.token(sub="x" * 256, **VERIFIED),
        "number as subject": provider.token(sub=7, **VERIFIED),
        "NUL in subject": provider.token(sub="a\x00", **VERIFIED),
        "expired": provider.token(iat=now - 900, exp=now - 300, **VERIFIED),
        "no expiry": provider.token(exp=None, **VERIFIED),
        "text as expiry": provider.token(exp="never", **VERIFIED),
        "huge expiry": provider.token(exp=10**30, **VERIFIED),
        "no issue time": provider.token(iat=None, **VERIFIED),
        "future": provider.token(iat=now + 300, exp=now + 600, **VERIFIED),
        "not yet": provider.token(nbf=now + 300, **VERIFIED),
        "long life": provider.token(exp=now + 3700, **VERIFIED),
        "logout token": provider.logout_token(sub="cora", aud=AUDIENCE),
        "unknown person": provider.token(sub="stranger"),
        "unknown key": provider.token(header={"kid": "unknown"}, **VERIFIED),
        "number as key": f"{encode({'alg': 'RS256', 'kid': 7})}.{payload}.{signature}",
        "none": f"{encode({'alg': 'none'})}.{payload}.{signature}",
        "no algorithm": f"{encode({'kid': 'first'})}.{payload}.{signature}",
        "HS256 with the public key": jwt.encode(
            {"alg": "HS256", "kid": "first"}, claims, secret, ["HS256"]
        ),
        "another key": jwt.encode({"alg": "RS256", "kid": "first"}, claims, other),
        "changed": f"{header}.{encode({**claims, 'sub': 'ada'})}.{signature}",
        "critical header": f"{critical}.{payload}.{signature}",
        "deep": f"{header}.{base64.urlsafe_b64encode(b'[' * 4000).decode()}.{signature}",
        "huge": provider.token(more="x" * 9000, **VERIFIED),
        "no JSON": f"{header}.AAAA.{signature}",
        "dots": "a.b.c",
        "four parts": f"{header}.{payload}.{signature}.x",
    }
    for name, token in hostile.items():
        assert not await is_accepted(service, token), name
    assert await Token.filter(is_jwt=True).count() == 0
    assert await Identity.all().count() == 0
    assert await is_accepted(service, f"{header}.{payload}.{signature}")


async def test_a_flood_of_unknown_keys_reads_the_keys_at_most_twice(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    tokens = [provider.token(header={"kid": f"unknown{n}"}, **VERIFIED) for n in range(50)]
    results = await asyncio.gather(*(is_accepted(service, token) for token in tokens))
    assert not any(results)
    metrics = await read_metrics(service, world.root.token)
    assert metrics["provider_unknown_keys_total"] == len(tokens)
    assert await is_accepted(service, provider.token(**VERIFIED))
    async with httpx2.AsyncClient() as http:
        await http.get(
            f"{provider.issuer}/last"
        )  # the provider logs requests in order, so all earlier ones are logged by then
    messages = provider.program.messages
    await provider.program.until(lambda: {"request": "/last"} in messages)
    assert messages.count({"request": "/jwks"}) <= 2
    assert messages.count({"request": "/.well-known/openid-configuration"}) == 1


@pytest.mark.parametrize("subject", ["ada", "root"])
async def test_an_address_never_gives_access_to_a_staff_account(
    service: Service, world: World, provider: ProviderProcess, subject: str
) -> None:
    claims = {**VERIFIED, "email": f"{subject}@example.com"}
    assert not await is_accepted(service, provider.token(sub=subject, **claims))
    user = await User.get(email=f"{subject}@example.com")
    await Identity.create(issuer=provider.issuer, subject=subject, user_id=user.id)
    assert await is_accepted(service, provider.token(sub=subject))  # an operator linked it


async def test_a_token_can_not_manage_api_tokens(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    client = service.client(provider.token(**VERIFIED))
    with pytest.raises(Refused) as refused:
        await client.run(API_TOKENS)
    assert refused.value.code == "FORBIDDEN"


async def test_a_token_is_no_session_but_is_revoked_with_all_sessions(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    text = provider.token(**VERIFIED)
    cora = service.client(world.cora.token)
    async with service.client(text).socket() as socket:
        assert (await viewer_on(socket))["role"] == "CUSTOMER"
        assert len((await cora.run(SESSIONS))["viewer"]["sessions"]) == 1
        assert (await service.client(text).run(SESSIONS))["viewer"]["sessions"] == []
        assert (await succeed(cora, "revokeAllSessions", keepCurrent=True))["revoked"] == 1
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 4403
    assert not await is_accepted(service, text)
    cleanup = Cleanup(token_retention=timedelta(0))
    # Deleted only when it has expired: until then, its row keeps it from being accepted again.
    for later, expected in ((timedelta(minutes=2), 1), (timedelta(hours=2), 0)):
        await cleanup.run_once(service.clock() + later, 0)
        assert await Token.filter(is_jwt=True).count() == expected
        assert expected == 0 or not await is_accepted(service, text)


@pytest.mark.parametrize("changes", [{"scope_claim": "scope"}])
async def test_a_claim_can_limit_the_scopes(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    for claims, expected in (
        ({"scope": "openid tickets:read admin notes:read"}, ["tickets:read"]),
        ({"scope": ["tickets:read", "events:read", 7]}, ["events:read", "tickets:read"]),
        ({"scope": {"tickets:read": 1}}, []),
        ({}, []),
    ):
        client = service.client(provider.token(**claims, **VERIFIED))
        assert sorted((await viewer_of(client))["scopes"]) == expected


async def test_sockets_end_when_the_token_expires(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    token = provider.token(**VERIFIED)
    client = service.client(token)
    async with client.socket() as socket:
        assert (await viewer_on(socket))["role"] == "CUSTOMER"
        service.clock.advance(seconds=630)  # within the leeway
        assert (await viewer_on(socket))["role"] == "CUSTOMER"
        service.clock.advance(seconds=60)
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 4403
    assert not await is_accepted(service, token)


async def test_a_logout_ends_tokens_that_were_used_and_those_that_were_not(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    used, unused = (provider.token(sid="one", n=n, **VERIFIED) for n in range(2))
    other = provider.token(sid="two", **VERIFIED)
    without = provider.token(**VERIFIED)
    async with service.client(used).socket() as socket, open_browser(service) as browser:
        logout = provider.logout_token(sub="cora", sid="one")
        url = "http://support.example/auth/oidc/test/logout"
        assert (await browser.send("POST", url, {"logout_token": logout})).status_code == 200
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
        for token, expected in ((used, False), (unused, False), (other, True)):
            assert await is_accepted(service, token) is expected
        # the provider did not say to which session this token belongs
        assert not await is_accepted(service, without)
        assert (
            await browser.send("POST", url, {"logout_token": provider.logout_token(sub="cora")})
        ).status_code == 200
    assert not await is_accepted(service, other)
    now = int(time.time())
    service.clock.advance(seconds=5)
    assert await is_accepted(service, provider.token(iat=now + 5, **VERIFIED))


async def test_only_a_limited_number_of_a_persons_tokens_is_stored(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    first, before = provider.token(n=-1, **VERIFIED), record_limits.REACHED["jwts"]
    assert await is_accepted(service, first)
    for number in range(record_limits.DEFAULT_LIMITS.max_jwts_per_user):
        assert await is_accepted(service, provider.token(n=number, **VERIFIED))
    assert await Token.filter(is_jwt=True).count() == record_limits.DEFAULT_LIMITS.max_jwts_per_user
    assert await is_accepted(service, first)  # it is checked again
    assert record_limits.REACHED["jwts"] == before + 2
    assert await Token.filter(is_jwt=True).count() == record_limits.DEFAULT_LIMITS.max_jwts_per_user


async def test_a_deactivated_person_is_refused(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    token = provider.token(**VERIFIED)
    async with service.client(token).socket() as socket:
        await User.filter(id=world.cora.id).update(active=False)
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
    assert not await is_accepted(service, token)
    assert not await is_accepted(service, provider.token(n=1, **VERIFIED))


@pytest.mark.parametrize("changes", [{"audiences": []}])
async def test_tokens_are_refused_if_the_provider_has_no_audiences(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    assert not await is_accepted(service, provider.token(**VERIFIED))


GROUPS = {"roles": {"support": "agent", "leads": "admin"}, "teams": {"support": "support"}}


@pytest.mark.parametrize("changes", [GROUPS])
async def test_groups_change_the_role_but_never_demote_to_a_customer(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    number = 0

    async def role_with(**claims: Any) -> str | None:
        nonlocal number
        number += 1
        profile = {"email": "boss@example.com", "email_verified": True, "name": "Boss"}
        token = provider.token(sub="boss", n=number, **profile, **claims)
        if not await is_accepted(service, token):
            return None
        return str((await viewer_of(service.client(token)))["role"])

    assert await role_with(groups=["leads", "other", 7]) == "ADMIN"
    assert await role_with(groups="support") == "AGENT"
    assert await role_with() == "AGENT"  # the claims say nothing about groups
    for groups in ([], ["other"], [7]):
        assert await role_with(groups=groups) is None
    user = await User.get(email="boss@example.com")
    assert user.role is Role.AGENT
    assert await Membership.filter(user_id=user.id).count() == 1
    assert await role_with(groups=["leads"]) == "ADMIN"
    assert await Membership.filter(user_id=user.id).count() == 0
    await User.filter(id=world.root.id).update(active=False)
    assert await role_with(groups=["support"]) == "ADMIN"  # the last admin keeps the role
    changed = await AuditEntry.filter(record_id=user.id).order_by("id")
    changed = [each for each in changed if "issuer" not in each.changes]  # without the sign-ins
    assert [each.changes.get("role") for each in changed] == [
        [None, "ADMIN"],
        ["ADMIN", "AGENT"],
        ["AGENT", "ADMIN"],
        None,
    ]
    assert changed[-1].changes == {"teams": [[], ["support"]]}
