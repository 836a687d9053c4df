"""No page, in no state, breaks a rule of axe-core, in the light and the dark scheme."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accessibility import OVERFLOW, PHONE, ZOOM_400, assert_accessible, show_widest_time
from support.accounts import set_passwords
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import open_desk, row_of, sign_in, timeline_of


async def test_the_sign_in_page(browser: Browser, service: Service, world: World) -> None:
    async with open_page(browser, service.port, "status of 403") as page:
        await page.goto("/sign-in")
        await assert_accessible(page, "empty form")
        await sign_in(page, "ada", "wrong password")
        await expect(page.get_by_role("alert")).not_to_be_empty()
        await assert_accessible(page, "refused")
        await page.set_viewport_size(ZOOM_400)
        await assert_accessible(page, "400 %")


async def test_the_list_of_the_desk(page: Page, service: Service, world: World) -> None:
    await open_desk(page)
    await expect(page.get_by_text("No ticket is in this view")).to_be_visible()
    await assert_accessible(page, "empty list")
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Ein sehr langer Betreff ohne Ende " * 5)
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await customer.raise_ticket("العربية")
    await expect(page.get_by_role("button", name="1 new: show")).to_be_visible()
    await assert_accessible(page, "a row, and one that waits")
    await page.set_viewport_size(ZOOM_400)
    await assert_accessible(page, "400 %")


async def test_a_ticket(page: Page, service: Service, world: World) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which **model**?")
    await agent.do("addNote", ticketId=ticket["id"], body="They have three")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await expect(timeline_of(page)).to_contain_text("They have three")
    await assert_accessible(page, "reply")
    await page.keyboard.press("n")
    await expect(page.get_by_role("textbox", name="Internal note")).to_be_focused()
    await assert_accessible(page, "note")
    await page.set_viewport_size(ZOOM_400)
    await assert_accessible(page, "400 %")


async def test_dialogs(page: Page, service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page)
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys and language")).to_be_visible()
    await assert_accessible(page, "keys")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("printer")
    palette = page.get_by_role("dialog", name="Search or command")
    await expect(palette.get_by_role("option", name="Printer")).to_be_visible()
    await assert_accessible(page, "palette")


async def test_the_desk_in_other_languages(page: Page, service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    for language in ("de", "hi"):
        await page.evaluate(f"localStorage.setItem('ticketwire-language', '{language}')")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.get_by_role("link", name=ticket["ref"])).to_be_visible()
        await assert_accessible(page, language)


@pytest.mark.parametrize("language", ["en", "de", "hi"])
async def test_the_desk_without_a_connection(
    browser: Browser, service: Service, world: World, language: str
) -> None:
    await set_passwords("ada")
    async with open_page(browser, service.port, *NETWORK_ERRORS) as page:
        await open_desk(page)
        await page.evaluate(f"localStorage.setItem('ticketwire-language', '{language}')")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.locator("header .status.Live")).to_be_visible()
        await show_widest_time(page)
        for size in (ZOOM_400, PHONE):
            await page.set_viewport_size(size)
            assert await page.evaluate(OVERFLOW) <= 0, size
            await assert_accessible(page, f"{language}, {size['width']} px")
