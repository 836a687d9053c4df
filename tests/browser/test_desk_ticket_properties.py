"""The properties of a ticket are changed in place, by their keys and with a pointer."""

from __future__ import annotations

from playwright.async_api import Locator, Page, Route, expect
from support import Service, World
from support.custom_fields import define
from support.desk_page import open_desk, timeline_of

READ = """query($id: ID!) { ticket(id: $id) {
  status priority tags heldUntil closeReason team { slug } category { slug } assignee { id }
  customFields { field { key } text options { key } } } }"""


def property_of(page: Page, name: str) -> Locator:
    properties = page.get_by_role("complementary", name="Properties")
    return properties.get_by_role("group", name=name, exact=True)


async def pick(page: Page, key: str, name: str, text: str, *, closes: bool = True) -> None:
    """Open a property by its key, search, and take the first item that has the text."""
    await page.keyboard.press(key)
    panel = page.get_by_role("dialog", name=name, exact=True)
    await expect(panel.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type(text)
    await expect(panel.get_by_role("option").first).to_contain_text(text)
    await page.keyboard.press("Enter")
    await expect(panel).to_be_visible(visible=not closes)


async def test_each_property_has_a_key_and_a_list_to_search_in(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await expect(page.get_by_role("complementary", name="Properties")).to_be_visible()
    await pick(page, "p", "Priority", "Urgent")
    await expect(property_of(page, "Priority")).to_contain_text("Urgent")
    await pick(page, "a", "Assignee", "Bill")
    await expect(property_of(page, "Assignee")).to_contain_text("Bill")
    await pick(page, "l", "Tags", "fire", closes=False)
    panel = page.get_by_role("dialog", name="Tags", exact=True)
    await expect(panel.get_by_role("option", selected=True)).to_contain_text("fire")
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(property_of(page, "Tags")).to_contain_text("fire")
    await pick(page, "s", "Status", "Wait for the customer")
    await expect(property_of(page, "Status")).to_contain_text("Waiting")
    await pick(page, "t", "Team", "Billing")
    await expect(property_of(page, "Team")).to_contain_text("Billing")
    await expect(timeline_of(page)).to_contain_text("moved it to the team Billing")
    found = (await agent.run(READ, id=ticket["id"]))["ticket"]
    assert (found["priority"], found["tags"]) == ("URGENT", ["fire"])
    assert (found["status"], found["team"]["slug"]) == ("WAITING_ON_CUSTOMER", "billing")


async def test_the_status_menu_asks_for_what_an_action_needs(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await pick(page, "s", "Status", "Put on hold", closes=False)
    panel = page.get_by_role("dialog", name="Status", exact=True)
    until = panel.get_by_label("Until")
    await expect(until).to_be_focused()
    await until.fill("2099-01-01T10:00")
    await panel.get_by_role("button", name="Put on hold").click()
    await expect(property_of(page, "Status")).to_contain_text("until Jan 1, 2099")
    await pick(page, "s", "Status", "Close", closes=False)
    await panel.get_by_label("Reason").select_option("Spam")
    await panel.get_by_role("button", name="Close").click()
    await expect(timeline_of(page)).to_contain_text("from On hold to Closed")
    found = (await agent.run(READ, id=ticket["id"]))["ticket"]
    assert (found["status"], found["closeReason"]) == ("CLOSED", "SPAM")
    await page.keyboard.press("s")
    await expect(panel.get_by_role("option")).to_have_count(1)
    await expect(panel.get_by_role("combobox")).to_be_focused()
    await page.keyboard.press("Enter")
    await panel.get_by_label("Reason for reopening").fill("It is a real printer")
    await page.keyboard.press("Enter")
    await expect(property_of(page, "Status")).to_contain_text("Open")


async def test_custom_fields_are_changed_in_place(
    page: Page, service: Service, world: World
) -> None:
    admin, agent = service.client(world.root.token), service.client(world.ada.token)
    await define(admin, "serial", label="Serial number")
    options = [{"key": "north", "label": "North"}, {"key": "south", "label": "South"}]
    await define(admin, "site", "SELECT", label="Site", options=options)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_role("button", name="Properties").click()
    serial, site = property_of(page, "Serial number"), property_of(page, "Site")
    await serial.get_by_role("button").click()
    await page.get_by_role("textbox", name="Serial number").fill("X-17")
    await page.keyboard.press("Enter")
    await expect(serial).to_contain_text("X-17")
    await site.get_by_role("button").click()
    await page.keyboard.type("sou")
    await page.keyboard.press("Enter")
    await expect(site).to_contain_text("South")
    await expect(timeline_of(page)).to_contain_text("“site”")
    values = (await agent.run(READ, id=ticket["id"]))["ticket"]["customFields"]
    assert [(each["field"]["key"], each["text"]) for each in values] == [
        ("serial", "X-17"),
        ("site", None),
    ]


async def test_a_refusal_stands_at_its_property_and_the_value_is_taken_back(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")

    async def let_bill_be_faster(route: Route) -> None:
        if "mutation Update" in (route.request.post_data or ""):
            await expect(property_of(page, "Priority")).to_contain_text("Urgent")
            bill = service.client(world.bill.token)
            await bill.do("updateTicket", ticketId=ticket["id"], priority="LOW")
        await route.continue_()

    await expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text("Printer")
    await page.route("**/graphql", let_bill_be_faster)
    await pick(page, "p", "Priority", "Urgent")
    await expect(property_of(page, "Priority").get_by_role("alert")).to_contain_text("Not changed")
    await expect(property_of(page, "Priority")).to_contain_text("Low")
