"""The portal on a phone with a slow network, in each language: a ticket is raised, answered and
rated by touch, without an error in the console."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from support import Service, World
from support.accessibility import PHONE
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import open_page
from support.desk_page import start_session

MESSAGES = Path(__file__).parents[2] / "web" / "messages"
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
"""Milliseconds and bytes per second, as in slow mobile networks of the third generation."""
STORED = """{ ticketByNumber(number: %d) {
  status description messages(first: 9) { nodes { body } } satisfaction { score } } }"""


async def slow_down(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", SLOW)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "hi-IN"])
async def test_a_ticket_is_raised_answered_and_rated_on_a_slow_phone(
    locale: str, browser: Browser, service: Service, world: World
) -> None:
    await set_password("cora@example.com", hash_password(PASSWORD))
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "locale": locale}
    async with open_page(browser, service.port, **options) as page:
        await start_session(page, "cora")
        await slow_down(page)
        await use_the_portal(page, locale[:2], service, world)


async def use_the_portal(page: Page, language: str, service: Service, world: World) -> None:
    texts = json.loads((MESSAGES / language / "portal.json").read_text())
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    await page.goto("/portal")
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await page.get_by_role("link", name=texts["portal_new"], exact=True).tap()
    await page.get_by_role("radio", name="Technical").tap()
    await page.get_by_label(texts["portal_subject"]).fill("Printer")
    await page.get_by_label(texts["portal_description"]).fill("It burns")
    await button(page, texts["portal_create"]).tap()
    await expect(page).to_have_url(re.compile(r"/tickets/TKT-\d+$"))
    timeline = page.get_by_role("list", name=texts["portal_timeline"])
    await expect(timeline).to_contain_text("It burns")

    found = (await cora.run("{ tickets(first: 2) { nodes { id number } } }"))["tickets"]["nodes"]
    assert len(found) == 1
    ticket = found[0]
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which?", then="AWAIT_CUSTOMER")
    await button(page, texts["portal_answer"]).tap()
    reply = page.get_by_label(texts["portal_reply"], exact=True)
    await expect(reply).to_be_focused()
    await reply.fill("The LJ 4")
    await button(page, texts["portal_send"]).tap()
    await expect(timeline).to_contain_text("The LJ 4")

    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new toner")
    await button(page, texts["portal_solved"]).tap()
    await expect(page.get_by_role("main")).to_contain_text(texts["portal_status_closed"])
    await page.get_by_role("radio", name=texts["portal_score_5"], exact=True).tap()
    await button(page, texts["portal_rate"]).tap()
    await expect(button(page, texts["portal_rating_change"])).to_be_visible()
    stored = (await agent.run(STORED % ticket["number"]))["ticketByNumber"]
    assert stored == {
        "status": "CLOSED",
        "description": "It burns",
        "messages": {"nodes": [{"body": "Which?"}, {"body": "The LJ 4"}]},
        "satisfaction": {"score": 5},
    }
