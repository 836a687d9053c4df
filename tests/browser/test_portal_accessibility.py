"""No page of the portal breaks a rule of axe-core or has too small targets, also at 400 %."""

from __future__ import annotations

from playwright.async_api import Page, ViewportSize, expect
from support import Service, World, accessibility
from support.accessibility import PHONE, ZOOM_400
from support.desk_page import timeline_of
from support.portal_page import card_of, open_portal

WIDE: ViewportSize = {"width": 1280, "height": 900}
SIZES = ((PHONE, 44), (ZOOM_400, 44), (WIDE, 24))
"""Each size of the window, and the least size of targets there."""


async def assert_usable(page: Page, state: str) -> None:
    await accessibility.assert_usable(page, state, SIZES)


async def test_the_list(page: Page, service: Service, world: World) -> None:
    await open_portal(page)
    await expect(page.get_by_text("You have no open tickets")).to_be_visible()
    await assert_usable(page, "empty list")
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Donaudampfschifffahrtsgesellschaft" * 5)
    await expect(card_of(page, ticket["ref"])).to_be_visible()
    await cora.raise_ticket("الطابعة لا تعمل")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Why?", then="AWAIT_CUSTOMER")
    await expect(page.get_by_role("button", name="1 new: show")).to_be_visible()
    await expect(card_of(page, ticket["ref"])).to_contain_text("We need your answer")
    await assert_usable(page, "a ticket, and one that waits")


async def test_a_ticket(page: Page, service: Service, world: World) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which **model**?")
    await expect(timeline_of(page)).to_contain_text("Which model?")
    await page.get_by_text("Details").click()
    await page.get_by_text("Add a colleague").click()
    await expect(page.get_by_text("There is nobody else yet")).to_be_visible()
    await assert_usable(page, "open")
    await page.get_by_role("button", name="I no longer need help").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await assert_usable(page, "dialog")
    await page.keyboard.press("Escape")
    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new toner")
    await page.get_by_role("button", name="I still need help").click()
    await expect(page.get_by_label("What is still wrong?")).to_be_focused()
    await assert_usable(page, "resolved, reopening and rating")
    await page.goto("/tickets/99999")
    await expect(page.get_by_role("alert")).to_be_visible()
    await assert_usable(page, "missing")


async def test_the_form(page: Page, service: Service, world: World) -> None:
    await service.client(world.cora.token).raise_ticket("The printer prints nothing")
    await open_portal(page, path="/portal/new")
    await page.get_by_label("Subject").fill("My printer")
    await expect(page.get_by_role("region", name="may be about the same")).to_be_visible()
    await page.get_by_role("button", name="Add a server, an invoice").click()
    await assert_usable(page, "form")


async def test_notifications_and_settings(page: Page, service: Service, world: World) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await open_portal(page, path="/portal/account")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which one?")
    await expect(page.get_by_role("list", name="Notifications")).to_contain_text("Ada replied")
    await expect(page.get_by_role("link", name="1 unread")).to_be_visible()
    await assert_usable(page, "notifications")


async def test_the_portal_in_other_languages(page: Page, service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    for language in ("de", "hi"):
        await page.evaluate(f"localStorage.setItem('ticketwire-language', '{language}')")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.get_by_role("heading", name="Printer")).to_be_visible()
        await assert_usable(page, language)
