"""Signing in by a real OpenID provider: code flow with PKCE, and back-channel logout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from support import Service, Socket, World
from support.accounts import succeed
from support.live import until, wait_for_close
from support.oidc import (
    APPLICATION_URL,
    Accounts,
    Browser,
    ProviderProcess,
    challenge_of,
    exchange,
    open_browser,
    query_of,
    run_service,
)
from support.ports import listening_socket

from engine.limit_refusals import COUNTS
from models.audit.entry import AuditEntry
from models.core.record_limits import DEFAULT_LIMITS
from models.oidc.code_flow import create_request
from models.people.identity import Identity, ProviderLogout
from models.people.second_factor import SecondFactor
from models.people.team import Membership
from models.people.token import Token, TokenKind, issue_token
from models.people.user import Role, User
from resolvers.auth.oidc import MAX_CONCURRENT_EXCHANGES_PER_NETWORK
from resolvers.auth.viewer_registry import ViewerRegistry

ACCOUNTS: dict[str, dict[str, Any]] = {
    "nina": {"email": "Nina@Example.com", "email_verified": True, "name": "Nina New"},
    "cora": {"email": "cora@example.com", "email_verified": True, "name": "Cora"},
    "unverified": {"email": "cora@example.com", "email_verified": False, "name": "Cora"},
    "foreign": {"email": "eve@other.example", "email_verified": True, "name": "Eve"},
    "ada": {"email": "ada@example.com", "email_verified": True, "name": "Ada"},
    "boss": {
        "email": "boss@example.com",
        "email_verified": True,
        "name": "Boss",
        "groups": ["support", "leads"],
    },
}
GROUPS = {"roles": {"support": "agent", "leads": "admin"}, "teams": {"support": "support"}}
SESSIONS = "{ viewer { sessions { id current address userAgent } } }"
VIEWER = "{ viewer { user { email } } }"


@pytest.fixture
def accounts() -> Accounts:
    return ACCOUNTS


@pytest.fixture
async def browser(service: Service) -> AsyncIterator[Browser]:
    async with open_browser(service) as found:
        yield found


async def viewer_on(socket: Socket) -> dict[str, Any]:
    await socket.subscribe(VIEWER)
    found = await socket.next("viewer")
    assert (await socket.receive())["type"] == "complete"
    return found


async def test_a_first_sign_in_creates_a_customer_and_later_ones_find_it(
    service: Service, browser: Browser, provider: ProviderProcess
) -> None:
    for _ in range(2):
        payload = await browser.sign_in("nina")
        assert payload["userErrors"] == []
        assert payload["viewer"]["role"] == "CUSTOMER"
        assert payload["viewer"]["user"]["email"] == "nina@example.com"
        assert payload["viewer"]["user"]["displayName"] == "Nina New"
        client = service.client(payload["token"])
        assert (await client.run(VIEWER))["viewer"]["user"]["email"] == "nina@example.com"
    identity = await Identity.get().select_related("user")
    assert (identity.issuer, identity.subject) == (provider.issuer, "nina")
    entries = await AuditEntry.all().order_by("id")
    assert [each.action for each in entries] == ["signInWithCode"] * 3
    assert entries[0].record_id == identity.user_id
    assert entries[0].changes["email"] == [None, "nina@example.com"]
    assert entries[1].actor_user_id == identity.user_id
    assert entries[1].changes == {"issuer": [None, provider.issuer], "subject": [None, "nina"]}
    assert entries[1].address
    assert not any(payload["token"] in url for url in browser.visited)


async def test_a_verified_address_links_a_customer(
    service: Service, world: World, browser: Browser
) -> None:
    payload = await browser.sign_in("cora")
    assert payload["viewer"]["user"]["email"] == "cora@example.com"
    assert (await Identity.get()).user_id == world.cora.id


async def test_a_session_is_listed_with_its_client_and_ends_with_all_others(
    service: Service, world: World, browser: Browser
) -> None:
    client = service.client((await browser.sign_in("cora"))["token"])
    first, second = (await client.run(SESSIONS))["viewer"]["sessions"]
    assert (first["current"], first["address"]) == (True, "127.0.0.1")
    assert first["userAgent"]
    assert not second["current"]
    cora = service.client(world.cora.token)
    assert (await succeed(cora, "revokeAllSessions", keepCurrent=True))["revoked"] == 1
    assert (await client.post(VIEWER)).status_code == 401


async def test_another_sign_in_ends_the_oldest_of_too_many_sessions(
    service: Service, world: World, browser: Browser
) -> None:
    oldest = service.client(world.cora.token)
    for n in range(DEFAULT_LIMITS.max_sessions_per_user - 1):
        at = service.clock() + timedelta(seconds=n)
        await issue_token(TokenKind.SESSION, "session", [], user_id=world.cora.id, at=at)
    assert (await oldest.post(VIEWER)).status_code == 200
    client = service.client((await browser.sign_in("cora"))["token"])
    assert (await oldest.post(VIEWER)).status_code == 401
    sessions = (await client.run(SESSIONS))["viewer"]["sessions"]
    assert len(sessions) == DEFAULT_LIMITS.max_sessions_per_user


async def test_a_second_factor_is_not_asked_for(
    world: World, browser: Browser, provider: ProviderProcess
) -> None:
    await Identity.create(issuer=provider.issuer, subject="ada", user_id=world.ada.id)
    at = browser.service.clock()
    await SecondFactor.create(user_id=world.ada.id, secret="x", confirmed_at=at, created_at=at)
    payload = await browser.sign_in("ada")
    assert payload["userErrors"] == []
    viewer = (await browser.service.client(payload["token"]).run("{ viewer { scopes } }"))["viewer"]
    assert "tickets:write" in viewer["scopes"]


@pytest.mark.parametrize("subject", ["unverified", "foreign", "ada"])
async def test_other_addresses_link_and_create_nobody(
    world: World, browser: Browser, subject: str
) -> None:
    before = await User.all().count()
    answer = await browser.sign_in_at_provider(f"login={subject}")
    assert answer == {"signInError": "unknown_user"}
    assert await Identity.all().count() == 0
    assert await User.all().count() == before


@pytest.mark.parametrize("changes", [{"create_users": False}])
async def test_nobody_is_created_if_the_provider_may_not(browser: Browser) -> None:
    assert await browser.sign_in_at_provider("login=nina") == {"signInError": "unknown_user"}


@pytest.mark.parametrize("changes", [GROUPS])
async def test_groups_give_role_and_teams(world: World, browser: Browser) -> None:
    payload = await browser.sign_in("boss")
    assert payload["viewer"]["role"] == "ADMIN"
    assert payload["viewer"]["user"]["teams"] == [{"slug": "support"}]
    user = await User.get(email="boss@example.com")
    assert await Membership.filter(user_id=user.id).count() == 1
    await User.filter(id=user.id).update(role=Role.AGENT)
    await Membership.filter(user_id=user.id).delete()
    payload = await browser.sign_in("boss")
    assert payload["viewer"]["role"] == "ADMIN"
    assert payload["viewer"]["user"]["teams"] == [{"slug": "support"}]


async def test_groups_have_no_effect_unless_they_are_configured(browser: Browser) -> None:
    assert (await browser.sign_in("boss"))["viewer"]["role"] == "CUSTOMER"


async def test_a_deactivated_person_can_not_sign_in(browser: Browser) -> None:
    await browser.sign_in("nina")
    await User.filter(email="nina@example.com").update(active=False)
    with capture_logs() as lines:
        assert await browser.sign_in_at_provider("login=nina") == {"signInError": "deactivated"}
    refusals = [each["error"] for each in lines if each["event"] == "oidc.sign_in_refused"]
    assert refusals == ["deactivated"]


async def test_a_person_who_cancels_returns_to_the_application(browser: Browser) -> None:
    answer = await browser.sign_in_at_provider("cancel")
    assert answer == {"signInError": "refused_by_provider"}


async def test_a_sign_in_code_works_once_with_its_verifier_within_a_minute(
    service: Service, browser: Browser
) -> None:
    client = service.client()

    async def fails(code: str, verifier: str) -> bool:
        payload = await exchange(client, code, verifier)
        errors = [{"code": "INVALID", "field": ["input", "code"]}]
        return payload["token"] is None and payload["userErrors"] == errors

    code = (await browser.sign_in_at_provider("login=nina"))["signInCode"]
    assert (await exchange(client, code, browser.verifier))["token"]
    assert await fails(code, browser.verifier)
    code = (await browser.sign_in_at_provider("login=nina"))["signInCode"]
    assert await fails(code, "another verifier")
    assert await fails(code, browser.verifier)
    code = (await browser.sign_in_at_provider("login=nina"))["signInCode"]
    service.clock.advance(seconds=61)
    assert await fails(code, browser.verifier)
    for text in ("", "x" * 10_000, "\x00"):
        assert await fails(text, text)


async def test_the_responses_of_a_provider_can_not_be_used_again_or_elsewhere(
    service: Service, browser: Browser
) -> None:
    await browser.sign_in("nina")
    (callback,) = [url for url in browser.visited if "/callback?" in url]
    assert (await browser.send("GET", callback)).status_code == 400  # the cookie is gone
    await browser.start()
    assert (await browser.send("GET", callback)).status_code == 400  # the state of another attempt
    state = query_of((await browser.start()).headers["location"])["state"]
    used = query_of(callback)["code"]
    again = callback.replace(query_of(callback)["state"], state)
    response = await browser.send("GET", again)  # the provider refuses the used code
    assert query_of(response.headers["location"]) == {"signInError": "refused_by_provider"}
    assert used not in response.headers["location"]
    async with open_browser(service) as other:
        unused = await browser.start()
        assert (await other.send("GET", again)).status_code == 400
        assert unused.status_code == 303
    assert await Token.all().count() == 1


async def test_a_sign_in_starts_only_with_a_listed_url_and_a_challenge(browser: Browser) -> None:
    for changes in (
        {"redirectUrl": "https://evil.example"},
        {"redirectUrl": f"{APPLICATION_URL}/../evil"},
        {"redirectUrl": f"{APPLICATION_URL}?x=1"},
        {"redirectUrl": ""},
        {"challenge": ""},
        {"challenge": "a" * 44},
        {"challenge": "é" * 43},
    ):
        response = await browser.start(**changes)
        assert (response.status_code, "location" in response.headers) == (400, False), changes
    for path in ("unknown/start", "unknown/callback", "%00/start"):
        found = await browser.send("GET", f"http://support.example/auth/oidc/{path}")
        assert found.status_code == 404
    response = await browser.start()
    query = query_of(response.headers["location"])
    assert query["redirect_uri"] == "http://support.example/auth/oidc/test/callback"
    assert query["code_challenge_method"] == "S256"
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert response.headers["cache-control"] == "no-store"


async def test_a_logout_at_the_provider_ends_the_open_sockets_of_that_session(
    service: Service, browser: Browser, provider: ProviderProcess
) -> None:
    payload = await browser.sign_in("nina")
    async with open_browser(service) as other:  # another session at the provider
        kept = await other.sign_in("nina")
        client, kept_client = service.client(payload["token"]), service.client(kept["token"])
        async with client.socket() as socket, kept_client.socket() as kept_socket:
            await browser.sign_out_at_provider(provider.issuer)
            async with asyncio.timeout(60):
                await socket.connection.wait_closed()
            assert socket.connection.close_code == 4403
            assert (await viewer_on(kept_socket))["user"]["email"]
    await provider.program.until(lambda: {"backchannel": "success"} in provider.program.messages)
    logout = await ProviderLogout.get()
    assert logout.subject == "nina"
    assert logout.session


async def send_logout(browser: Browser, text: str) -> int:
    url = "http://support.example/auth/oidc/test/logout"
    return (await browser.send("POST", url, {"logout_token": text})).status_code


async def test_the_first_refresh_after_a_logout_ends_the_open_sockets(
    service: Service,
    browser: Browser,
    provider: ProviderProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registries: list[ViewerRegistry] = []
    update_viewers = ViewerRegistry.update_viewers

    async def remember(self: ViewerRegistry) -> None:
        registries.append(self)
        await update_viewers(self)

    monkeypatch.setattr(ViewerRegistry, "update_viewers", remember)
    payload = await browser.sign_in("nina")
    async with service.client(payload["token"]).socket() as socket:
        await viewer_on(socket)

        async def is_refreshed() -> bool:
            return bool(registries)

        await until(is_refreshed)
        assert len(registries[0].open) == 1
        assert await send_logout(browser, provider.logout_token(sub="nina")) == 200
        await registries[0].refresh()  # the server does this once per second
        assert len(registries[0].open) == 0
        code, _, _ = await wait_for_close(socket)
    assert code == 4403


async def test_a_logout_token_is_checked_and_works_once(
    service: Service, browser: Browser, provider: ProviderProcess
) -> None:
    token = (await browser.sign_in("nina"))["token"]
    client = service.client(token)
    now = int(time.time())
    for claims in (
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"nonce": "n"},
        {"events": None},
        {"events": {}},
        {"events": []},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"jti": None},
        {"exp": None},
        {"exp": now - 120, "iat": now - 300},
        {"iat": now + 300, "exp": now + 600},
        {"exp": now + 100_000},
        {"sid": "x" * 256},
    ):
        assert await send_logout(browser, provider.logout_token(**{"sub": "nina", **claims})) == 400
    for text in ("", "a.b.c", "x" * 20_000, provider.token(sub="nina")):
        assert await send_logout(browser, text) == 400
    assert (await client.run(VIEWER))["viewer"]
    other = provider.logout_token(sub="somebody")
    assert await send_logout(browser, other) == 200
    assert (await client.run(VIEWER))["viewer"]
    text = provider.logout_token(sub="nina")
    assert await send_logout(browser, text) == 200
    assert await Token.filter(revoked_at__isnull=True).count() == 0
    assert await send_logout(browser, text) == 400
    logout = await ProviderLogout.get(subject="nina")
    while int(time.time()) <= logout.occurred_at.timestamp():  # a token's time has whole seconds
        await asyncio.sleep(0.05)
    assert (await browser.sign_in("nina"))["token"]  # a later sign-in is not affected


async def test_sign_ins_that_wait_for_a_provider_are_limited(url: str) -> None:
    """The provider accepts connections, but does not respond."""
    waiting, release = asyncio.Event(), asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting.set()
        await release.wait()
        writer.close()

    socket = listening_socket()
    server = await asyncio.start_server(hang, sock=socket)
    async with (
        run_service(url, socket.getsockname()[1]) as service,
        open_browser(service) as browser,
    ):
        attempt = create_request("test", APPLICATION_URL, challenge_of("x"))
        browser.cookies["http://support.example"] = {"ticketwire-sign-in": attempt.encode()}
        callback = f"http://support.example/auth/oidc/test/callback?code=x&state={attempt.state}"
        count = MAX_CONCURRENT_EXCHANGES_PER_NETWORK
        tasks = [asyncio.create_task(browser.send("GET", callback)) for _ in range(count + 1)]
        await waiting.wait()
        (refused,), others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result().status_code == 503
        assert COUNTS["provider_exchanges"] >= 1
        release.set()
        for response in await asyncio.gather(*others):
            answer = query_of(response.headers["location"])
            assert answer == {"signInError": "provider_unavailable"}
    server.close()
