"""No page of the portal breaks a rule of axe-core or has too small targets, also at 400 %."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, expect
from support import Service, World, accessibility
from support.accessibility import PHONE, ZOOM_400, show_widest_time
from support.accounts import set_passwords
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import timeline_of
from support.portal_page import card_of, open_portal
from support.refused_subscriptions import refuse_subscription

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


@pytest.fixture
async def cut_off_page(browser: Browser, service: Service, world: World) -> AsyncIterator[Page]:
    """A page in which `cora` can sign in, and whose requests may fail."""
    await set_passwords("cora")
    async with open_page(browser, service.port, *NETWORK_ERRORS) as found:
        yield found


async def fail_requests(page: Page, operation: str) -> None:
    """From now on, requests with this operation don't reach the server."""

    async def handle(route: Route) -> None:
        is_refused = f"query {operation}" in (route.request.post_data or "")
        await (route.abort() if is_refused else route.fallback())

    await page.route("**/graphql", handle)


async def test_pages_that_can_not_be_read(
    cut_off_page: Page, service: Service, world: World
) -> None:
    page = cut_off_page
    await open_portal(page)
    await refuse_subscription(page, "PortalTicketChanges")
    for operation, title in (
        ("PortalFirstTickets", "Your tickets can't be loaded"),
        ("PortalViewer", "The portal can't be loaded"),
    ):
        await fail_requests(page, operation)
        await page.reload()
        await expect(page.get_by_role("alert")).to_contain_text(title)
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()
        await assert_usable(page, title)


@pytest.mark.parametrize("language", ["en", "de", "hi"])
async def test_the_widest_time_of_a_lost_connection(cut_off_page: Page, language: str) -> None:
    page = cut_off_page
    await open_portal(page)
    await page.evaluate(f"localStorage.setItem('ticketwire-language', '{language}')")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await show_widest_time(page)
    await assert_usable(page, language)


async def test_a_reply_that_is_not_sent(cut_off_page: Page, service: Service, world: World) -> None:
    page = cut_off_page
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = await cora.raise_ticket("Printer"), await cora.raise_ticket("Scanner")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_label("Your reply").fill("Donaudampfschifffahrtsgesellschaft" * 5)
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Send reply").click()
    unsent = page.get_by_label("Unsent reply")
    await expect(unsent.get_by_role("status")).to_be_visible()
    await assert_usable(page, "unsent reply")
    await agent.do("mergeTickets", ticketId=ticket["id"], intoId=other["id"])
    await page.context.set_offline(False)
    await expect(unsent.get_by_role("alert")).to_contain_text("Not sent")
    await expect(page.get_by_label("Your reply")).to_have_count(0)
    await assert_usable(page, "refused reply to a merged ticket")
    await agent.do("unmergeTicket", ticketId=ticket["id"])
    await expect(unsent.get_by_role("button", name="Edit")).to_be_visible()
    await assert_usable(page, "refused reply")


async def test_a_new_ticket_that_is_not_sent(
    cut_off_page: Page, service: Service, world: World
) -> None:
    page = cut_off_page
    await open_portal(page, path="/portal/new")
    await page.get_by_role("radio", name="Sales").check()
    await page.get_by_label("Subject").fill("Donaudampfschifffahrtsgesellschaft" * 5)
    await page.get_by_label("What has happened?").fill("We need ten printers")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Send ticket").click()
    unsent = page.get_by_label("Unsent ticket")
    await expect(unsent.get_by_role("status")).to_be_visible()
    await assert_usable(page, "unsent ticket")
    await service.client(world.root.token).run(
        'mutation { archiveCategory(input: {category: "sales"}) { userErrors { message } } }'
    )
    await page.context.set_offline(False)
    await expect(unsent.get_by_role("alert")).to_contain_text("Not sent")
    await assert_usable(page, "refused ticket")


async def test_a_closed_and_rated_ticket(page: Page, service: Service, world: World) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new toner")
    await cora.do("closeTicket", ticketId=ticket["id"])
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_role("radio", name="Very satisfied").check()
    await page.get_by_label("Comment (optional)").fill("Donaudampfschifffahrt" * 10)
    await assert_usable(page, "closed, rating")
    await page.get_by_role("button", name="Send the rating").click()
    await expect(page.get_by_text("Very satisfied (5 of 5)")).to_be_visible()
    await assert_usable(page, "closed and rated")
    await page.goto("/portal?list=closed")
    await expect(card_of(page, ticket["ref"])).to_contain_text("Closed")
    await assert_usable(page, "list of closed tickets")
    service.clock.advance(days=15)
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await expect(page.get_by_text("It could be reopened until")).to_be_visible()
    await assert_usable(page, "closed for good")
