"""Responses that are slow, and changes that come quickly, leave a ticket's page correct."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.custom_fields import PRODUCTS, VALUES, define
from support.desk_page import open_desk, timeline_of
from support.held_requests import hold
from support.live import until

TALL = {"width": 1440, "height": 1200}


async def test_several_picks_of_a_custom_field_are_all_kept(
    page: Page, service: Service, world: World
) -> None:
    await define(service.client(world.root.token), **PRODUCTS)
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.set_viewport_size(TALL)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    release = await hold(page, "mutation Update")
    await page.get_by_role("group", name="Products", exact=True).get_by_role("button").click()
    options = page.get_by_role("dialog", name="Products").get_by_role("option")
    for name in ("Dns", "Vpn", "Mail", "Vpn"):
        await options.filter(has_text=name).click()
    await expect(options.and_(page.get_by_role("option", selected=True))).to_have_count(2)
    release()

    async def has_both() -> bool:
        values = (await agent.run(VALUES, id=ticket["id"]))["ticket"]["customFields"]
        return [[each["key"] for each in value["options"]] for value in values] == [["dns", "mail"]]

    await until(has_both)
    await expect(options.and_(page.get_by_role("option", selected=True))).to_have_count(2)


async def test_the_fields_are_those_of_the_latest_category(
    page: Page, service: Service, world: World
) -> None:
    admin, agent = service.client(world.root.token), service.client(world.ada.token)
    await define(admin, "serial", label="Serial number", categories=["technical"])
    await define(admin, "invoice", label="Invoice", categories=["billing"])
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.set_viewport_size(TALL)
    release = await hold(page, '"category":"technical"')
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await agent.do("updateTicket", ticketId=ticket["id"], category="billing")
    properties = page.get_by_role("complementary", name="Properties")
    await expect(properties.get_by_role("group", name="Invoice")).to_be_visible()
    async with page.expect_response(lambda each: "technical" in (each.request.post_data or "")):
        release()
    await expect(properties.get_by_role("group", name="Invoice")).to_be_visible()
    await expect(properties.get_by_role("group", name="Serial number")).to_have_count(0)


async def test_a_double_click_shows_the_next_tickets_of_a_customer_once(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(52)]
    await page.set_viewport_size(TALL)
    await open_desk(page, path=f"/tickets/{tickets[0]['ref']}")
    await page.get_by_role("button", name="All other tickets").click()
    history = page.get_by_role("dialog", name="Tickets of Cora")
    await expect(history.get_by_role("link")).to_have_count(50)
    await history.get_by_role("button", name="Show more").dblclick()
    await expect(history.get_by_role("link")).to_have_count(52)


async def test_an_open_ledger_and_the_tickets_of_the_customer_stay_current(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = [await customer.raise_ticket(each) for each in ("Printer", "Scanner")]
    await agent.do("updateTicket", ticketId=ticket["id"], priority="URGENT")
    await page.set_viewport_size(TALL)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    properties = page.get_by_role("complementary", name="Properties")
    others = properties.get_by_role("list", name="Other tickets")
    await expect(others.get_by_role("listitem")).to_contain_text("New")
    await agent.do("startTicket", ticketId=other["id"])
    await expect(others.get_by_role("listitem")).to_contain_text("Open")
    clocks = properties.get_by_role("region", name="SLA targets")
    await clocks.get_by_role("button").last.click()
    ledger = page.get_by_role("dialog", name="Resolution: what has counted")
    await expect(ledger).to_contain_text("counts")
    await agent.do("awaitCustomer", ticketId=ticket["id"])
    await expect(ledger).to_contain_text("paused: waiting for customer")


async def test_tags_of_a_ticket_have_no_invented_count(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await customer.raise_ticket(each) for each in ("Printer", "Scanner")]
    for ticket in tickets:
        await agent.do("updateTicket", ticketId=ticket["id"], addTags=["fire"])
    await open_desk(page, path=f"/tickets/{tickets[0]['ref']}")
    await expect(timeline_of(page)).to_contain_text("added the tag fire")
    await page.keyboard.press("l")
    option = page.get_by_role("dialog", name="Tags").get_by_role("option")
    await expect(option).to_contain_text("fire 2")


async def test_without_a_clipboard_the_link_is_shown(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    path = f"/tickets/{ticket['ref']}"
    await page.add_init_script("delete Navigator.prototype.clipboard")
    await open_desk(page, path=path)
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("option", name="Copy the link").click()
    await expect(page.get_by_text(f"http://127.0.0.1:{service.port}{path}")).to_be_visible()
