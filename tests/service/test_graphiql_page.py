"""GraphiQL at /graphql: which requests get it, which people, and what they get without it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import httpx2
import pytest
from support import Service, World
from support.client import TIMEOUT_SECONDS, TLS
from support.service import running
from support.web_applications import require_graphiql

import graphiql_page

CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of GraphiQL, in which nothing is built."""
    monkeypatch.setattr(graphiql_page, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def page(folder: Path) -> str:
    """A page in place of GraphiQL, so that the test needs no build."""
    (folder / "dist").mkdir()
    (folder / "dist" / "index.html").write_text("<p>GraphiQL")
    return "<p>GraphiQL"


async def get(
    service: Service, method: str = "GET", query: str = "", **headers: str
) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, service.http + query, headers=named)


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"ticketwire-session={token}"}


@pytest.mark.parametrize("accept", [CHROMIUM, FIREFOX, "text/html", "text/html, */*;q=0.1"])
async def test_a_browser_gets_the_page(service: Service, page: str, accept: str) -> None:
    for query in ("", "?query={viewer{role}}"):
        response = await get(service, query=query, Accept=accept)
        assert (response.status_code, response.text) == (200, page)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["vary"] == "Accept, Cookie"


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "text/*, */*;q=0.9",
        "application/json",
        "application/json, text/html",
        "application/graphql-response+json, text/html;q=0.9",
        "text/html;q=0, */*",
        "TEXT/HTML;q=0.5, application/json",
        "",
    ],
)
async def test_a_client_that_accepts_json_as_gladly_gets_json(
    service: Service, page: str, accept: str
) -> None:
    bare = await get(service, query="?query={viewer{role}}", Accept=accept)
    assert bare.status_code == 400
    assert bare.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    asked = await get(service, query="?query={viewer{role}}", Accept=accept, X_Requested_With="x")
    assert (asked.status_code, asked.json()["data"]) == (200, {"viewer": None})


async def test_a_script_gets_json_also_if_it_accepts_html(
    service: Service, world: World, page: str
) -> None:
    bearer = {"Authorization": f"Bearer {world.ada.token}"}
    for headers in ({"X-Requested-With": "x"}, {"Apollo-Require-Preflight": "x"}, bearer):
        response = await get(service, query="?query={viewer{role}}", Accept=CHROMIUM, **headers)
        assert response.status_code == 200
        assert "viewer" in response.json()["data"]


async def test_only_get_shows_the_page(service: Service, page: str) -> None:
    for method in ("HEAD", "PUT", "OPTIONS", "DELETE"):
        response = await get(service, method, Accept="text/html, */*;q=0.5")
        assert response.status_code == 405
        assert page not in response.text
    posted = await get(service, "POST", Accept="text/html, */*;q=0.5")
    assert posted.status_code == 415


async def test_in_production_only_agents_and_admins_get_the_page(url: str, page: str) -> None:
    async with running(url, mode="production", api_url="http://localhost") as service:
        world = await World.make()
        for token in (world.ada.token, world.root.token):
            assert (await get(service, Accept=CHROMIUM, **cookie(token))).text == page
        for token in (world.cora.token, world.api_client_token, "wrong", ""):
            refused = await get(service, Accept=CHROMIUM, **cookie(token))
            assert refused.status_code == 400
            assert page not in refused.text
        anonymous = await get(service, Accept=CHROMIUM)
        assert (anonymous.status_code, anonymous.headers["content-type"]) == (
            400,
            "application/json; charset=utf-8",
        )


@pytest.mark.parametrize(
    ("settings", "anonymous", "agent"),
    [
        ({"graphiql": "disabled"}, 400, 400),
        ({"graphiql": "staff"}, 400, 200),
        ({"mode": "production", "graphiql": "public"}, 200, 200),
        ({"mode": "production", "graphiql": "disabled"}, 400, 400),
    ],
)
async def test_a_setting_decides(
    url: str, page: str, settings: dict[str, str], anonymous: int, agent: int
) -> None:
    async with running(url, api_url="http://localhost", **settings) as service:
        world = await World.make()
        assert (await get(service, Accept=CHROMIUM)).status_code == anonymous
        signed_in = await get(service, Accept=CHROMIUM, **cookie(world.ada.token))
        assert signed_in.status_code == agent


async def test_without_the_built_files_the_page_says_so(service: Service, folder: Path) -> None:
    response = await get(service, Accept=CHROMIUM)
    assert response.status_code == 404
    assert response.text.startswith("GraphiQL is not built. Run `make graphiql`")
    assert "refresh" not in response.headers


async def test_while_it_is_built_the_page_says_so_and_reloads(
    service: Service, folder: Path
) -> None:
    marker = folder / "building"
    marker.touch()
    response = await get(service, Accept=CHROMIUM)
    assert (response.status_code, response.headers["refresh"]) == (503, "5")
    assert response.text.startswith("GraphiQL is being built")
    killed_at = time.time() - graphiql_page.BUILDING_SECONDS - 1
    os.utime(marker, (killed_at, killed_at))
    assert (await get(service, Accept=CHROMIUM)).status_code == 404


async def test_the_built_page_refers_only_to_files_of_this_server(service: Service) -> None:
    require_graphiql()
    response = await get(service, Accept=CHROMIUM)
    files = re.findall(r'(?:src|href)="([^"]+)"', response.text)
    assert len(files) >= 3
    for file in files:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
            found = await http.get(f"http://127.0.0.1:{service.port}{file}")
        assert (found.status_code, found.headers["content-encoding"]) == (200, "br")
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    policy = response.headers["content-security-policy"].split("; ")
    assert "default-src 'self'" in policy
    assert not [each for each in policy if each.startswith(("script-src", "connect-src"))]


@pytest.mark.parametrize(
    "name",
    ["unknown.js", "..%2Findex.html", "%2e%2e/index.html", "..%2f..%2fpackage.json", ".js", ""],
)
async def test_unknown_files_are_not_found(service: Service, name: str) -> None:
    url = f"http://127.0.0.1:{service.port}/graphiql/assets/{name}"
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        assert (await http.get(url)).status_code == 404
