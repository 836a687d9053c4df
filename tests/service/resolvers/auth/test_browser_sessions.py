"""Browser sessions over HTTP: the cookie, signing in and out, and each refusal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture
from support import Service, World
from support.accounts import (
    PASSWORD,
    current_code,
    failed_sign_ins,
    hash_password,
    set_password,
    succeed,
)
from support.files import ENCRYPTION_KEY, announce, running_with_files
from support.live import until
from support.page import VIEWER, Page
from support.service import running

from models.audit.entry import AuditEntry
from models.people.token import Token
from models.people.user import User
from resolvers.people import browser_sessions

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]
ADA = {"email": "ada@example.com", "password": PASSWORD}
EVIL = "https://evil.example"
CROSS_ORIGIN: dict[str, dict[str, str | None]] = {
    "another site": {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    "another site in an old browser": {"Origin": EVIL, "Sec-Fetch-Site": None},
    "another origin of the same site": {"Sec-Fetch-Site": "same-site"},
    "another port of the same host": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": None},
    "an opaque origin": {"Origin": "null", "Sec-Fetch-Site": None},
    "an opaque origin and a site": {"Origin": "null"},
    "a typed address": {"Origin": None, "Sec-Fetch-Site": "none"},
    "an unknown site": {"Origin": None, "Sec-Fetch-Site": "same-origin, cross-site"},
    "two origins": {"Origin": "http://127.0.0.1, https://evil.example"},
    "a forged host": {"Host": "evil.example"},
    "a host that is no host": {"Host": "a b", "Origin": None},
}
NO_PROOF: dict[str, dict[str, str | None]] = {
    "neither Origin nor Sec-Fetch-Site": {"Origin": None, "Sec-Fetch-Site": None},
    "no custom header": {"X-Requested-With": None},
}


@pytest.fixture
async def page(service: Service, world: World) -> Page:
    await set_password("ada@example.com", hash_password(PASSWORD))
    await set_password("cora@example.com", hash_password(PASSWORD))
    return Page(service)


@pytest.fixture
async def signed_in(page: Page) -> Page:
    await page.sign_in()
    return page


def code_of(response: Any) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


# ---------------------------------------------------------------- signing in and out


async def test_signing_in_sets_a_cookie_that_scripts_can_not_read(page: Page) -> None:
    response = await page.send("POST", "/session", ADA)
    body = response.json()
    assert (body["viewer"]["role"], body["userErrors"]) == ("AGENT", [])
    assert "twk_" not in response.text
    cookie = page.keep_cookie(response)
    assert cookie.key == "ticketwire-session"
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/", "Lax", "")
    assert cookie["httponly"] is True
    assert cookie["secure"] == ""
    assert 0 < int(cookie["max-age"]) <= 30 * 86_400
    assert response.headers["cache-control"] == "no-store"
    assert await page.who() == "ada@example.com"


@pytest.mark.usefixtures("page")
async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(service: Service) -> None:
    page = Page(service, "https://support.example.com")
    cookie = await page.sign_in()
    assert (cookie.key, cookie["secure"]) == ("__Host-ticketwire-session", True)
    assert await page.who() == "ada@example.com"
    page.cookie = f"ticketwire-session={cookie.value}"
    assert await page.who() is None, "a sibling domain could have set this cookie"


async def test_plain_http_needs_localhost(page: Page, service: Service) -> None:
    remote = Page(service, "http://support.example.com")
    response = await remote.send("POST", "/session", ADA, Sec_Fetch_Site=None)
    assert (response.status_code, code_of(response)) == (403, "FORBIDDEN")
    for base in (f"http://localhost:{service.port}", f"http://desk.localhost:{service.port}"):
        assert (await Page(service, base).sign_in()).key == "ticketwire-session"


async def test_signing_in_again_ends_the_session_before_it(signed_in: Page, world: World) -> None:
    first = signed_in.cookie
    await signed_in.sign_in("cora@example.com")
    assert await signed_in.who() == "cora@example.com"
    response = await signed_in.query(Cookie=first)
    assert (response.status_code, code_of(response)) == (401, "UNAUTHENTICATED")
    actions = [entry.action for entry in await AuditEntry.all().order_by("id")]
    assert actions[-3:] == ["signIn", "signIn", "signOut"]


async def test_a_failed_sign_in_keeps_the_session(signed_in: Page) -> None:
    response = await signed_in.send("POST", "/session", {**ADA, "password": "wrong"})
    assert response.status_code == 403
    assert [error["code"] for error in response.json()["userErrors"]] == ["INVALID"]
    assert "set-cookie" not in response.headers
    assert await signed_in.who() == "ada@example.com"


async def test_signing_out_ends_the_session_and_removes_the_cookie(signed_in: Page) -> None:
    response = await signed_in.send("DELETE", "/session")
    assert response.status_code == 204
    old, removed = signed_in.cookie, signed_in.keep_cookie(response)
    assert (removed.value, removed["max-age"]) == ("", "0")
    assert (await signed_in.query(Cookie=old)).status_code == 401
    again = await signed_in.send("DELETE", "/session", Cookie=old)
    assert again.status_code == 204, "an ended session can be signed out again"


async def test_signing_out_ends_the_sessions_of_all_cookies_with_the_name(signed_in: Page) -> None:
    """Another program on the same host can set a cookie for a path."""
    both = f"{signed_in.cookie}; ticketwire-session=other"
    assert (await signed_in.query(Cookie=both)).status_code == 401
    assert (await signed_in.send("DELETE", "/session", Cookie=both)).status_code == 204
    assert (await signed_in.query()).status_code == 401


async def test_an_outage_while_signing_out_removes_the_cookie(
    signed_in: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise ConnectionResetError("the database went away")

    monkeypatch.setattr(browser_sessions, "end_session", fail)
    response = await signed_in.send("DELETE", "/session")
    assert (response.status_code, code_of(response)) == (503, "UNAVAILABLE")
    assert signed_in.keep_cookie(response).value == ""
    response = await signed_in.sign_in()
    assert await signed_in.who() == "ada@example.com"


async def test_a_second_factor_is_asked_for(url: str) -> None:
    async with running(url, encryption_keys=ENCRYPTION_KEY) as service:
        await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        page = Page(service)
        token = (await page.sign_in()).value
        client = service.client(token)
        secret = (await succeed(client, "startSecondFactor", currentPassword=PASSWORD))["secret"]
        await succeed(client, "confirmSecondFactor", code=current_code(secret, service.clock()))
        page.cookie = None
        response = await page.send("POST", "/session", ADA)
        assert response.status_code == 403
        assert response.json()["userErrors"][0]["code"] == "SECOND_FACTOR_REQUIRED"
        await page.sign_in(secondFactor=current_code(secret, service.clock(), 1))
        assert await page.who() == "ada@example.com"


async def test_a_session_without_the_required_second_factor_has_no_scopes(url: str) -> None:
    async with running(url, require_second_factor=True) as service:
        await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        page = Page(service)
        response = await page.send("POST", "/session", ADA)
        assert response.status_code == 200, response.text
        assert response.json()["requiresSecondFactorSetup"] is True
        page.keep_cookie(response)
        found = (await page.query("{ viewer { role scopes } }")).json()
        assert found["data"]["viewer"] == {"role": "AGENT", "scopes": []}


async def test_a_client_that_disconnects_half_way_causes_no_error(
    page: Page, service: Service
) -> None:
    capture, configured = LogCapture(), structlog.get_config()
    structlog.configure(processors=[capture])
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        headers = {"Content-Type": "application/json", "Content-Length": "99"}
        lines = [f"{name}: {value}" for name, value in {**page.build_headers(), **headers}.items()]
        writer.write("\r\n".join(["POST /session HTTP/1.1", *lines, "", "{"]).encode())
        await writer.drain()
        writer.close()

        async def is_logged() -> bool:
            return any(line.get("path") == "/session" for line in capture.entries)

        await until(is_logged)
    finally:
        structlog.configure(**configured)
    assert [line for line in capture.entries if line["log_level"] == "error"] == []


async def test_wrong_passwords_are_limited_and_logged(url: str) -> None:
    async with running(url, max_sign_in_attempts=2) as service:
        await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        page = Page(service)
        for _ in range(2):
            await page.send("POST", "/session", {**ADA, "password": "wrong"})
        response = await page.send("POST", "/session", ADA)
        assert (response.status_code, code_of(response)) == (429, "RATE_LIMITED")
        assert int(response.headers["retry-after"]) >= 1
        assert len(await failed_sign_ins(2)) == 2


async def test_only_trusted_documents_may_be_executed_but_signing_in_works(
    url: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"viewer": VIEWER}))
    async with running(url, trusted_documents=str(manifest)) as service:
        await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        page = Page(service)
        await page.sign_in()
        assert await page.who() == "ada@example.com"


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"email": 1, "password": 2}, {**ADA, "more": 1}, {"code": None}],
    ids=str,
)
async def test_malformed_sign_ins_are_refused(page: Page, body: Any) -> None:
    response = await page.send("POST", "/session", body)
    assert response.status_code in (400, 415), response.text
    assert response.json()["errors"]
    assert "set-cookie" not in response.headers


async def test_hostile_texts_are_wrong_passwords(page: Page) -> None:
    for text in ("\x00", "x" * 100_000, ""):
        response = await page.send("POST", "/session", {"email": text, "password": text})
        assert response.status_code == 403, response.text
        assert response.json()["userErrors"][0]["code"] == "INVALID"


# ---------------------------------------------------------------- cross-site requests


@pytest.mark.parametrize("headers", [*CROSS_ORIGIN.values(), *NO_PROOF.values()], ids=str)
async def test_no_other_page_signs_in_or_out(signed_in: Page, headers: dict[str, Any]) -> None:
    before = await Token.all().count()
    signing_in = await signed_in.send("POST", "/session", ADA, **headers)
    signing_out = await signed_in.send("DELETE", "/session", **headers)
    for response in (signing_in, signing_out):
        assert (response.status_code, code_of(response)) == (403, "FORBIDDEN")
        assert "set-cookie" not in response.headers
    assert await Token.all().count() == before
    assert await signed_in.who() == "ada@example.com"


async def test_a_form_of_another_site_can_not_sign_in(page: Page) -> None:
    """A form sends no preflight, and as text/plain its body can be JSON."""
    response = await page.send("POST", "/session", ADA, Content_Type="text/plain")
    assert response.status_code == 415


@pytest.mark.parametrize("headers", CROSS_ORIGIN.values(), ids=CROSS_ORIGIN.keys())
async def test_the_cookie_gives_other_pages_no_permissions(
    signed_in: Page, headers: dict[str, Any]
) -> None:
    assert await signed_in.who(**headers) is None
    get = await signed_in.send("GET", f"/graphql?query={VIEWER}", **headers)
    assert (get.status_code, get.json()["data"]) == (200, {"viewer": None})


async def test_the_scheme_belongs_to_the_origin(signed_in: Page) -> None:
    other = signed_in.base.replace("http:", "https:")
    assert await signed_in.who(**{"Origin": other, "Sec-Fetch-Site": None}) is None


async def test_many_cookies_of_the_name_cost_no_reads(signed_in: Page) -> None:
    many = "; ".join(f"ticketwire-session=a{number}" for number in range(5))
    response = await signed_in.send("DELETE", "/session", Cookie=many)
    assert (response.status_code, code_of(response)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("headers", NO_PROOF.values(), ids=NO_PROOF.keys())
@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_a_request_without_proof_is_refused(
    signed_in: Page, path: str, headers: dict[str, Any]
) -> None:
    accept = {"Accept": "text/event-stream" if path.endswith("stream") else "*/*"}
    post = await signed_in.send("POST", path, {"query": VIEWER}, **headers, **accept)
    assert (post.status_code, code_of(post)) == (403, "FORBIDDEN")
    get = await signed_in.send("GET", f"{path}?query={VIEWER}", **headers, **accept)
    assert get.status_code in (400, 403), get.text


async def test_allowed_origins_never_apply_to_the_cookie(url: str) -> None:
    for allowed in ([EVIL], ["*"]):
        async with running(url, allowed_origins=allowed) as service:
            if not await User.exists(email="ada@example.com"):
                await World.make()
                await set_password("ada@example.com", hash_password(PASSWORD))
            page = Page(service)
            await page.sign_in()
            headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
            response = await page.query(**headers)
            assert response.json()["data"]["viewer"] is None
            assert response.headers["access-control-allow-origin"] in (EVIL, "*")
            assert "access-control-allow-credentials" not in response.headers
            assert (await page.send("POST", "/session", ADA, **headers)).status_code == 403


async def test_with_an_own_url_the_header_host_is_not_trusted(url: str) -> None:
    async with running(url, api_url="https://support.example.com") as service:
        await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        page = Page(service, "https://support.example.com")
        page.headers["Host"] = f"127.0.0.1:{service.port}"  # as a proxy may send it
        assert (await page.sign_in()).key == "__Host-ticketwire-session"
        assert await page.who() == "ada@example.com"
        forged = {"Host": "evil.example", "Origin": EVIL, "Sec-Fetch-Site": None}
        assert await page.who(**forged) is None
        assert await page.who(**{"X-Forwarded-Host": "evil.example", "Origin": EVIL}) is None


# ---------------------------------------------------------------- precedence and validity


async def test_a_token_takes_precedence_and_never_falls_back(signed_in: Page, world: World) -> None:
    assert await signed_in.who(Authorization=f"Bearer {world.cora.token}") == "cora@example.com"
    for authorization in ("Bearer wrong", "Basic YTpi", "Bearer"):
        response = await signed_in.query(Authorization=authorization)
        assert (response.status_code, code_of(response)) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("name", ["access_token", "access%5Ftoken", "Access_Token"])
async def test_a_token_in_the_url_does_not_fall_back_to_the_cookie(
    signed_in: Page, name: str
) -> None:
    response = await signed_in.send("POST", f"/graphql?{name}=wrong", {"query": VIEWER})
    assert response.status_code in (400, 401), response.text
    path = f"/graphql/stream?{name}=wrong&query={VIEWER}"
    response = await signed_in.send("GET", path, Accept="text/event-stream")
    assert response.status_code in (400, 401), response.text


async def test_only_a_session_may_be_in_the_cookie(
    signed_in: Page, service: Service, world: World
) -> None:
    await service.client(world.api_client_token).run(
        "{ viewer { role } }"
    )  # from now on it is known
    for text in (world.api_client_token, world.api_client_token, "wrong", "", "x" * 5000, 'a"b'):
        response = await signed_in.query(Cookie=f"ticketwire-session={text}")
        assert (response.status_code, code_of(response)) == (401, "UNAUTHENTICATED"), text


async def test_two_cookies_of_one_name_are_refused(signed_in: Page) -> None:
    both = f"ticketwire-session=other; {signed_in.cookie}"
    assert (await signed_in.query(Cookie=both)).status_code == 401
    assert await signed_in.who(Cookie=f"theme=dark; {signed_in.cookie}; a=b") == "ada@example.com"
    assert await signed_in.who(Cookie=f"x={signed_in.cookie}") is None


async def test_an_expired_session_is_refused(signed_in: Page, service: Service) -> None:
    service.clock.advance(days=31)
    assert (await signed_in.query()).status_code == 401


async def test_a_deactivated_user_has_no_session(signed_in: Page, world: World) -> None:
    for _ in range(3):
        assert await signed_in.who() == "ada@example.com"
    await User.filter(email="ada@example.com").update(active=False)
    assert (await signed_in.query()).status_code == 401


async def test_the_cookie_opens_no_file_and_no_metrics(url: str, tmp_path: Path) -> None:
    async with running_with_files(url, tmp_path) as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        page = Page(service)
        await page.sign_in()
        upload = await announce(service.client(world.ada.token))
        path = upload["uploadUrl"].partition("/files/")[2].partition("/")[0]
        for action in ("content", "thumbnail", "export"):
            response = await page.send("GET", f"/files/{path}/{action}")
            assert response.status_code == 403, response.text
        assert (await page.send("GET", "/metrics")).status_code == 401


async def test_the_sign_in_page_learns_the_identity_providers(page: Page) -> None:
    response = await page.send("GET", "/session/providers")
    assert response.json() == {"identityProviders": []}


async def test_without_a_cookie_nothing_changes(page: Page) -> None:
    assert await page.who() is None
    assert await page.who(Origin=EVIL, **{"X-Requested-With": None}) is None
