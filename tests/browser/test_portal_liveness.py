"""The portal says what is not live, although its connection is."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.accessibility import assert_accessible
from support.desk_page import timeline_of
from support.portal_page import card_of, open_portal
from support.refused_subscriptions import refuse_subscription


async def test_a_ticket_whose_events_fail_says_so_and_follows_them_again(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    allow = await refuse_subscription(page, "TicketEvents")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    alert = page.get_by_role("main").get_by_role("alert")
    await expect(alert).to_contain_text("This is not live: Too many lists.")
    await assert_accessible(page, "a ticket that is not live")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="The first reply")
    allow()
    await alert.get_by_role("button", name="Try again").click()
    await expect(timeline_of(page)).to_contain_text("The first reply")
    await expect(alert).to_have_count(0)
    await agent.do("replyToTicket", ticketId=ticket["id"], body="The second reply")
    await expect(timeline_of(page)).to_contain_text("The second reply")


async def test_a_list_that_has_failed_says_so_and_is_opened_again(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    allow = await refuse_subscription(page, "PortalTicketChanges")
    await open_portal(page)
    alert = page.get_by_role("main").get_by_role("alert")
    await expect(card_of(page, ticket["ref"])).to_be_visible()
    await expect(alert).to_contain_text("This is not live: Too many lists.")
    await assert_accessible(page, "a list that is not live")
    allow()
    await page.evaluate("window.isSamePage = true")
    await alert.get_by_role("button", name="Try again").click()
    await expect(alert).to_have_count(0)
    await expect(card_of(page, ticket["ref"])).to_be_visible()
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which?", then="AWAIT_CUSTOMER")
    await expect(card_of(page, ticket["ref"])).to_contain_text("We need your answer")
    assert await page.evaluate("window.isSamePage")
