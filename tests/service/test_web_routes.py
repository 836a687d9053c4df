"""The pages of the browser applications, their files, and which page each role gets."""

from __future__ import annotations

import gzip
from pathlib import Path

import brotli
import httpx2
import pytest
from support import Service, World
from support.client import TIMEOUT_SECONDS, TLS
from support.web_applications import require_built

import web_routes
from resolvers.auth import viewer_cache


async def raise_connection_lost(*_: object) -> None:
    raise ConnectionResetError("the database went away")


@pytest.fixture
def built() -> None:
    require_built()


async def get(
    service: Service, path: str, token: str | None = None, method: str = "GET", **headers: str
) -> httpx2.Response:
    if token is not None:
        headers["Cookie"] = f"ticketwire-session={token}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, f"http://127.0.0.1:{service.port}{path}", headers=named)


@pytest.mark.usefixtures("built")
async def test_the_start_page_leads_by_role(service: Service, world: World) -> None:
    targets = {
        None: "/sign-in",
        "wrong": "/sign-in",
        world.api_client_token: "/sign-in",
        world.cora.token: "/portal",
        world.ada.token: "/desk",
        world.root.token: "/desk",
    }
    for token, target in targets.items():
        response = await get(service, "/", token)
        assert (response.status_code, response.headers["location"]) == (303, target)
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("built")
async def test_pages_need_a_session_and_come_back_to_it(service: Service, world: World) -> None:
    paths = ("/desk", "/desk/views/1?a=b", "/portal", "/admin", "/admin/teams/new")
    for path in (*paths, "/tickets/TKT-1042", "/tickets/7"):
        response = await get(service, path)
        expected = "/sign-in?next=" + path.replace("/", "%2F").replace("?", "%3F").replace(
            "=", "%3D"
        )
        assert (response.status_code, response.headers["location"]) == (303, expected)


@pytest.mark.usefixtures("built")
async def test_during_an_outage_pages_are_unavailable_but_that_to_sign_in(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer_cache, "authenticate", raise_connection_lost)
    for path in ("/", "/desk", "/portal", "/admin", "/tickets/TKT-1042"):
        response = await get(service, path, world.ada.token)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.headers["cache-control"] == "no-store"
    assert (await get(service, "/sign-in", world.ada.token)).status_code == 200


async def test_no_redirect_follows_the_header_host(service: Service) -> None:
    for path in ("/sign-in/", "/session/"):
        assert (await get(service, path)).status_code == 404


@pytest.mark.usefixtures("built")
async def test_deep_links_show_the_application_of_the_role(service: Service, world: World) -> None:
    for path in ("/desk", "/desk/views/1", "/tickets/TKT-1042"):
        assert "Desk · " in (await get(service, path, world.ada.token)).text
    for path in ("/portal", "/portal/new", "/tickets/TKT-1042"):
        assert "Support · " in (await get(service, path, world.cora.token)).text
    for path in ("/admin", "/admin/teams/new"):
        # agents get the page, which tells them that it is for admins
        for token in (world.root.token, world.ada.token):
            assert "Administration · " in (await get(service, path, token)).text
    for path in ("/desk", "/admin", "/admin/people"):
        response = await get(service, path, world.cora.token)
        assert (response.status_code, response.headers["location"]) == (303, "/portal")
    assert (await get(service, "/tickets/a/b", world.ada.token)).status_code == 404


@pytest.mark.usefixtures("built")
async def test_a_page_is_not_cached_and_permits_only_own_content(service: Service) -> None:
    response = await get(service, "/sign-in")
    headers = response.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "http" not in response.text, "a page refers to no other origin"
    assert "<style" not in response.text
    assert "<script>" not in response.text


@pytest.mark.usefixtures("built")
async def test_files_are_immutable_and_compressed(service: Service) -> None:
    assets = web_routes.DIST / "assets"
    for path in [each for each in assets.iterdir() if each.suffix not in (".br", ".gz")]:
        for encoding, decode in {"br": brotli.decompress, "gzip": gzip.decompress}.items():
            url = f"http://127.0.0.1:{service.port}/assets/{path.name}"
            async with (
                httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http,
                http.stream("GET", url, headers={"Accept-Encoding": encoding}) as response,
            ):
                body = b"".join([part async for part in response.aiter_raw()])
            assert response.headers["content-encoding"] == encoding
            assert decode(body) == path.read_bytes()
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert response.headers["vary"] == "Accept-Encoding"
            assert response.headers["x-content-type-options"] == "nosniff"
        plain = await get(service, f"/assets/{path.name}", Accept_Encoding="identity")
        assert plain.content == path.read_bytes()
        assert "content-encoding" not in plain.headers
        head = await get(service, f"/assets/{path.name}", method="HEAD")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "name",
    [
        "unknown.js",
        "..%2Fdesk.html",
        "%2e%2e/desk.html",
        "..%2f..%2fbuild_web.py",
        "..%2f..%2fpackage.json",
        ".js",
        "a%00.js",
        "x" * 300 + ".js",
        "",
    ],
)
async def test_unknown_files_are_not_found(service: Service, name: str) -> None:
    assert (await get(service, f"/assets/{name}")).status_code == 404


@pytest.mark.usefixtures("built")
async def test_a_compressed_file_has_no_url_of_its_own(service: Service) -> None:
    path = next((web_routes.DIST / "assets").glob("*.br"))
    assert (await get(service, f"/assets/{path.name}")).status_code == 404


async def test_without_built_files_the_api_runs_and_the_start_page_tells(
    service: Service, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_routes, "DIST", tmp_path)
    response = await get(service, "/")
    assert response.status_code == 200
    assert "not built: the agents' desk, the customer portal, the sign-in page" in response.text
    assert "GraphQL over HTTP and WebSocket: /graphql" in response.text
    for path in ("/sign-in", "/desk", "/portal", "/admin", "/tickets/1"):
        for token in (None, world.ada.token):
            found = await get(service, path, token)
            assert (found.status_code, "not built" in found.text) == (404, True)
    assert (await service.client(world.ada.token).run("{ viewer { role } }"))["viewer"]


async def test_the_paths_of_the_api_are_unchanged(service: Service) -> None:
    assert (await get(service, "/health")).json() == {"status": "ok"}
    assert (await get(service, "/metrics")).status_code == 401
    assert (await get(service, "/graphql")).status_code == 400
    assert (await get(service, "/unknown")).status_code == 404
