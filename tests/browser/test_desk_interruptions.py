"""The desk while the server restarts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from support import World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import WIDE, expect_live, open_desk, row_of, timeline_of
from support.service import Process, start

MESSAGES = "query($id: ID!) { ticket(id: $id) { messages(first: 9) { nodes { body } } } }"

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def process(url: str, people: World) -> AsyncIterator[Process]:
    await set_password("ada@example.com", hash_password(PASSWORD))
    found = await start(url)
    yield found
    found.stop()


async def test_after_a_restart_a_reply_arrives_once_and_the_list_goes_on(
    browser: Browser, process: Process, url: str, people: World
) -> None:
    customer = process.client(people.cora.token)
    ticket = await customer.raise_ticket("Printer")
    async with open_page(browser, process.port, *NETWORK_ERRORS) as page:
        await open_desk(page, path=f"/tickets/{ticket['ref']}")
        process.kill()
        await write_without_server(page)
        await assert_fits_on_a_phone(page)
        process.popen = (await start(url, process.port)).popen
        await expect_live(page)
        await expect(timeline_of(page)).to_contain_text("We send a new one")
        await expect(page.get_by_label("Unsent message")).to_have_count(0)
        second = await customer.raise_ticket("Scanner")
        await page.get_by_role("button", name="1 new: show").click()
        await expect(row_of(page, second["ref"])).to_be_visible()
    found = await customer.run(MESSAGES, id=ticket["id"])
    assert [each["body"] for each in found["ticket"]["messages"]["nodes"]] == ["We send a new one"]


async def write_without_server(page: Page) -> None:
    status = page.locator("header .status")
    await expect(status).to_have_text(re.compile("Reconnecting|Offline, as of [0-9:]{7,8}"))
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("We send a new one")
    await reply.press("Control+Enter")
    await expect(page.get_by_label("Unsent message")).to_contain_text("We send a new one")
    await expect(reply).to_have_value("")
    await expect(status).to_have_text(re.compile("Offline, as of [0-9:]{7,8}"))


async def assert_fits_on_a_phone(page: Page) -> None:
    """The status of the bar does not need more height than the bar has."""
    await page.set_viewport_size({"width": 390, "height": 800})
    box = await page.locator("header .status").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["height"] <= 48
    await page.set_viewport_size(WIDE)
