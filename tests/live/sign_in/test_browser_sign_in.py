"""Signing in by an identity provider on the service's own page, which ends in a cookie."""

from __future__ import annotations

from typing import Any

import pytest
from support import Service
from support.oidc import API_URL, OWN_PAGE, Accounts, open_browser, query_of
from support.page import Page

from models.audit.entry import AuditEntry

pytestmark = pytest.mark.never_retried


@pytest.fixture
def accounts() -> Accounts:
    return {"nina": {"email": "nina@example.com", "email_verified": True, "name": "Nina"}}


async def get_code(service: Service) -> dict[str, Any]:
    """Sign in at the provider; the input with which the page goes on."""
    async with open_browser(service) as browser:
        url = await browser.follow(await browser.start(redirectUrl=OWN_PAGE), "login=nina")
        assert url.startswith(f"{OWN_PAGE}?")
        return {"code": query_of(url)["signInCode"], "verifier": browser.verifier}


async def test_a_code_becomes_a_cookie(service: Service) -> None:
    page = Page(service, API_URL)
    providers = await page.send("GET", "/session/providers")
    assert providers.json() == {"identityProviders": ["test"]}
    input = await get_code(service)
    response = await page.send("POST", "/session", input)
    assert response.status_code == 200, response.text
    assert "twk_" not in response.text
    page.keep_cookie(response)
    assert await page.who() == "nina@example.com"
    assert (await AuditEntry.all().order_by("-id").first()).action == "signInWithCode"
    again = await page.send("POST", "/session", input, Cookie=None)
    assert (again.status_code, again.json()["userErrors"][0]["code"]) == (403, "INVALID")


async def test_a_code_of_another_browser_gives_no_session(service: Service) -> None:
    """An attacker's code in a link does not sign its victim in: the verifier is not there."""
    page = Page(service, API_URL)
    input = await get_code(service)
    response = await page.send("POST", "/session", {**input, "verifier": "x" * 43})
    assert (response.status_code, response.json()["userErrors"][0]["code"]) == (403, "INVALID")
    assert "set-cookie" not in response.headers


async def test_a_page_of_another_site_can_not_use_a_code(service: Service) -> None:
    page = Page(service, API_URL)
    input = await get_code(service)
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await page.send("POST", "/session", input, **evil)).status_code == 403
    assert (await page.send("POST", "/session", input)).status_code == 200, "it was not used up"
