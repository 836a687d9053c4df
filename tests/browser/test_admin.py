"""An admin sets up an installation in the browser, and a customer's ticket follows the set-up."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from support import Service
from support.actors import token_of
from support.admin_page import HANDS, Pointer, make_admin, open_admin
from support.browser_page import open_page

from models.people.user import User

TICKET = """query($id: ID!) { node(id: $id) { ... on Ticket {
  team { slug } category { slug }
  clocks { metric target policy { name calendar { timeZone holidays week { start end } } } }
  customFields { field { key } text } } } }"""

SET_UP = """{ macros(search: "router") { nodes { audience statusAction } }
  teams { slug members { displayName } } }"""


async def expect_listed(page: Page, section: str, name: str) -> None:
    rows = page.get_by_role("list", name=section, exact=True)
    await expect(rows.get_by_role("link", name=name)).to_be_visible()


async def create_team_and_category(page: Page, hand: Pointer) -> None:
    await hand.open_section("Teams")
    await hand.start_new("New team")
    await hand.fill("Name", "Network crew")
    await expect(page.get_by_label("Slug")).to_have_value("network-crew")
    await hand.save()
    # a new team has its page, for its members
    await expect(page.get_by_text("The team has no members yet.")).to_be_visible()
    await hand.open_section("Categories")
    await hand.start_new("New category")
    await hand.fill("Name", "Networks")
    await hand.choose("Team", "Network crew")
    await hand.save()
    await expect_listed(page, "Categories", "Networks")


async def create_calendar_and_policy(page: Page, hand: Pointer) -> None:
    await hand.open_section("SLA calendars")
    await hand.start_new("New calendar")
    await hand.fill("Name", "Weekdays")
    await hand.fill("Time zone", "Asia/Kolkata")
    await hand.press(page.get_by_label("Remove Friday 09:00–17:00"))
    await hand.fill("Monday, to", "18:30")
    await hand.fill("Holidays", "2030-12-25")
    await hand.save()
    await expect_listed(page, "SLA calendars", "Weekdays")
    await hand.open_section("SLA policies")
    await hand.start_new("New SLA policy")
    await hand.fill("Name", "Networks in an hour")
    await hand.choose("SLA calendar", "Weekdays")
    await hand.fill("First response", "90")
    await hand.choose("Unit of First response", "minutes")
    await hand.fill("Resolution", "8")
    await hand.choose("Category", "Networks")
    await hand.fill("Position", "1")
    await hand.save()
    await expect_listed(page, "SLA policies", "Networks in an hour")


async def create_people(page: Page, hand: Pointer) -> None:
    await hand.open_section("People")
    await hand.start_new("New person")
    await hand.fill("Name", "Nina Agent")
    await hand.fill("Email address", "nina@example.com")
    await hand.choose("Add: Teams", "Network crew")
    await expect(page.get_by_role("list", name="Teams")).to_contain_text("Network crew")
    await hand.check("Send an invitation by email")
    await hand.save()
    await expect(page.get_by_role("heading", level=1, name="Nina Agent")).to_be_visible()
    await hand.open_section("People")
    await hand.start_new("New person")
    await hand.fill("Name", "نور العميل")
    await hand.fill("Email address", "noor@example.com")
    await hand.choose("Role", "Customer")
    await hand.check("Send an invitation by email")
    await hand.save()
    await expect(page.get_by_role("heading", level=1, name="نور العميل")).to_be_visible()


async def create_macro_and_field(page: Page, hand: Pointer) -> None:
    await hand.open_section("Macros")
    await hand.start_new("New macro")
    await hand.fill("Name", "Restart the router")
    await hand.fill("Reply", "Restart your router, {{requester.displayName}}.")
    await hand.choose("Status", "Wait for the customer")
    await hand.save()
    await expect_listed(page, "Macros", "Restart the router")
    await hand.open_section("Custom fields")
    await hand.start_new("New custom field")
    await hand.fill("Label", "Serial number")
    await expect(page.get_by_label("Key", exact=True)).to_have_value("serial_number")
    await hand.choose("Add: Categories", "Networks")
    await hand.choose("Access of customers", "See and change it")
    await hand.save()
    await expect_listed(page, "Custom fields", "Serial number")


async def raise_ticket(service: Service, customer: str, admin: str) -> dict[str, Any]:
    """Create a ticket as the customer; return what the admin sees of it."""
    fields = [{"key": "serial_number", "text": "RB-1"}]
    input = {"category": "networks", "customFields": fields}
    ticket = await service.client(customer).raise_ticket("No network", **input)
    return (await service.client(admin).run(TICKET, id=ticket["id"]))["node"]


@pytest.mark.parametrize("kind", HANDS)
async def test_an_empty_installation_is_set_up(
    browser: Browser, service: Service, kind: str
) -> None:
    admin = await make_admin()
    async with open_page(browser, service.port) as page:
        hand = HANDS[kind](page)
        await open_admin(page)
        await create_team_and_category(page, hand)
        await create_calendar_and_policy(page, hand)
        await create_people(page, hand)
        await create_macro_and_field(page, hand)
    customer = await User.get(email="noor@example.com")
    ticket = await raise_ticket(service, await token_of(customer), admin.token)
    assert ticket["team"] == {"slug": "network-crew"}
    assert ticket["customFields"] == [{"field": {"key": "serial_number"}, "text": "RB-1"}]
    assert {each["policy"]["name"] for each in ticket["clocks"]} == {"Networks in an hour"}
    calendar = ticket["clocks"][0]["policy"]["calendar"]
    usual = [{"start": "09:00", "end": "17:00"}]
    monday = [{"start": "09:00", "end": "18:30"}]
    assert calendar["week"] == [monday, usual, usual, usual, [], [], []]
    assert (calendar["timeZone"], calendar["holidays"]) == ("Asia/Kolkata", ["2030-12-25"])
    targets = {each["metric"]: each["target"] for each in ticket["clocks"]}
    assert targets == {"FIRST_RESPONSE": "PT1H30M", "RESOLUTION": "PT8H"}
    found = await service.client(admin.token).run(SET_UP)
    assert found["macros"]["nodes"] == [{"audience": "EVERYONE", "statusAction": "AWAIT_CUSTOMER"}]
    members = {each["slug"]: each["members"] for each in found["teams"]}
    assert members["network-crew"] == [{"displayName": "Nina Agent"}]
