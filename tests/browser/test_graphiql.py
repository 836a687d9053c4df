"""GraphiQL in a browser: the example operations are its tabs, and run with the browser's session.

The fixture `page` fails the test for errors in the console, violations of the content security
policy and requests to other origins.
"""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.accounts import PASSWORD
from support.client import TIMEOUT_SECONDS
from support.operations import read_examples
from support.web_applications import require_graphiql

expect.set_options(timeout=TIMEOUT_SECONDS * 1000)


@pytest.fixture(autouse=True)
def built() -> None:
    require_graphiql()


async def open_graphiql(page: Page, name: str) -> None:
    """Sign in, and wait until GraphiQL shows the first operation and knows the user.

    GraphiQL ignores a change of the tab while its editor is still being loaded.
    """
    await page.goto("/sign-in?next=%2Fgraphql")
    await page.get_by_label("Email address").fill(f"{name}@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(re.compile("/graphql$"))
    await expect(page.get_by_role("link", name="(agent)")).to_be_visible()
    await expect(page.locator(".graphiql-query-editor")).to_contain_text(read_examples()[0].name)


def find_tab(page: Page, operation: str) -> Locator:
    """The name of the open tab also has that of an icon."""
    return page.get_by_role("tab").filter(has_text=re.compile(f"^{operation}"))


async def execute(page: Page, operation: str) -> Locator:
    """Run the operation of a tab. Returns the part of the page that shows the response.

    The editor shows only the lines that are visible, in any order.
    """
    await find_tab(page, operation).click()
    await expect(page.locator(".graphiql-query-editor")).to_contain_text(operation)
    await page.locator(".graphiql-execute-button").click()
    return page.locator(".result-window")


async def test_the_tabs_are_the_example_operations(page: Page, world: World) -> None:
    await open_graphiql(page, "ada")
    tabs = page.get_by_role("tab")
    await expect(tabs).to_contain_text([each.name for each in read_examples()])
    async with page.expect_request(
        lambda request: "ticketByNumber" in (request.post_data or "")
    ) as sent:
        await execute(page, "Ticket")
    assert json.loads((await sent.value).post_data or "")["variables"] == {"number": 1002}


async def test_an_operation_runs_with_the_session_and_storage_holds_no_token(
    page: Page, world: World
) -> None:
    await open_graphiql(page, "ada")
    await expect(await execute(page, "Viewer")).to_contain_text("ada@example.com")
    stored = await page.evaluate("JSON.stringify({...localStorage})")
    assert stored == '{"ticketwire-language":"en"}'
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
    shown = await execute(page, "LiveList")
    await expect(shown).to_contain_text("SNAPSHOT_END")
    ticket = await service.client(world.cora.token).raise_ticket("The printer is on fire")
    await expect(shown).to_contain_text(ticket["ref"])
    await expect(shown).to_contain_text("ADDED")
    assert sockets == [f"ws://127.0.0.1:{service.port}/graphql"]


async def test_without_a_session_it_leads_to_the_sign_in_page(page: Page) -> None:
    await page.goto("/graphql")
    await page.get_by_role("link", name="Sign in").click()
    await expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fgraphql$"))
