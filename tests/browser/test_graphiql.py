"""GraphiQL in a browser: the example operations are its tabs, and run with the browser's session.

The fixture `page` fails the test for errors in the console, violations of the content security
policy and requests to other origins.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.accounts import PASSWORD
from support.client import TIMEOUT_SECONDS
from support.live import until
from support.operations import read_examples
from support.web_applications import require_graphiql

expect.set_options(timeout=TIMEOUT_SECONDS * 1000)


@pytest.fixture(autouse=True)
def built() -> None:
    require_graphiql()


async def open_graphiql(page: Page, name: str) -> None:
    """Sign in, and wait until GraphiQL has loaded the schema and knows the user."""
    await page.goto("/sign-in?next=%2Fgraphql")
    await page.get_by_label("Email address").fill(f"{name}@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(re.compile("/graphql$"))
    await expect(page.get_by_role("link", name="(agent)")).to_be_visible()


def find_tab(page: Page, operation: str) -> Locator:
    return page.get_by_role("tab", name=operation, exact=True)


async def execute(page: Page) -> None:
    await page.locator(".graphiql-execute-button").click()


async def read_response(page: Page) -> dict[str, Any]:
    """The shown response; empty while none or only a part of one is shown."""
    text = await page.locator(".result-window .view-lines").inner_text()
    try:
        return json.loads(text.replace("\u00a0", " "))
    except ValueError:
        return {}


async def wait_for_response(page: Page, part: str) -> dict[str, Any]:
    async def find() -> dict[str, Any]:
        response = await read_response(page)
        return response if part in json.dumps(response) else {}

    return await until(find)


async def test_the_tabs_are_the_example_operations(page: Page, world: World) -> None:
    await open_graphiql(page, "ada")
    tabs = page.get_by_role("tab")
    await expect(tabs).to_contain_text([each.name for each in read_examples()])
    await find_tab(page, "Ticket").click()
    await expect(page.locator(".graphiql-editor-tool")).to_contain_text('"number": 1002')


async def test_an_operation_runs_with_the_session_and_storage_holds_no_token(
    page: Page, world: World
) -> None:
    await open_graphiql(page, "ada")
    await execute(page)
    response = await wait_for_response(page, "ada@example.com")
    assert response["data"]["viewer"]["role"] == "AGENT"
    assert await page.evaluate("JSON.stringify({...localStorage})") == "{}"
    cookies = await page.context.cookies()
    stored = await page.evaluate("JSON.stringify({...sessionStorage})")
    assert "Viewer" in stored
    assert [each["name"] for each in cookies if each["value"] in stored] == []


async def test_a_subscription_runs_over_a_websocket(
    page: Page, service: Service, world: World
) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    await open_graphiql(page, "ada")
    await find_tab(page, "LiveList").click()
    await execute(page)
    await wait_for_response(page, "SNAPSHOT_END")
    ticket = await service.client(world.cora.token).raise_ticket("The printer is on fire")
    response = await wait_for_response(page, ticket["ref"])
    change = response["data"]["ticketChanges"]
    assert (change["kind"], change["ticketId"]) == ("ADDED", ticket["id"])
    assert sockets == [f"ws://127.0.0.1:{service.port}/graphql"]
    await execute(page)  # the button stops a running subscription


async def test_without_a_session_it_leads_to_the_sign_in_page(page: Page) -> None:
    await page.goto("/graphql")
    await page.get_by_role("link", name="Sign in").click()
    await expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fgraphql$"))
