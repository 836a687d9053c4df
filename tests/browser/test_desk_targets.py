"""A key or a click acts on what the person sees, also while the page changes."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.async_api import Locator, Page, Route, expect
from support import Service, World
from support.desk_page import WIDE, bulk_of, jobs_of, open_desk

SEQUENCE_WITH_A_CHANGE = """
async () => {
  const press = (key) => {
    const code = `Key${key.toUpperCase()}`;
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true }));
  };
  press("g");
  document.querySelector("li [type=checkbox]").click();
  await new Promise((resolve) => setTimeout(resolve));
  press("i");
}
"""
TYPE_AND_LEAVE = """
([field, link]) => {
  field.value = "scanner";
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  link.click();
}
"""
FIELDS = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket { priority assignee { id } } } }"


async def raise_tickets(service: Service, world: World, count: int) -> list[dict[str, str]]:
    customer = service.client(world.cora.token)
    return [await customer.raise_ticket(f"Printer {number}") for number in range(count)]


async def read_fields(service: Service, world: World, ids: list[str]) -> list[dict[str, Any]]:
    return (await service.client(world.ada.token).run(FIELDS, ids=ids))["nodes"]


def links_of(page: Page) -> Locator:
    return page.get_by_label("Tickets").get_by_role("link")


async def open_list(page: Page, count: int) -> list[str]:
    """Open the desk; return the ids of the rows in order."""
    await page.set_viewport_size(WIDE)
    await open_desk(page)
    await expect(links_of(page)).to_have_count(count)
    return [await each.get_attribute("data-id") or "" for each in await links_of(page).all()]


async def test_a_sequence_of_keys_is_not_forgotten_when_the_commands_change(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 2)
    ids = await open_list(page, 2)
    await links_of(page).first.click()
    await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")
    await page.evaluate(SEQUENCE_WITH_A_CHANGE)
    await expect(page).to_have_url(re.compile("/desk$"))
    assert [each["assignee"] for each in await read_fields(service, world, ids)] == [None, None]


async def test_keys_act_on_the_selected_rows_also_if_a_ticket_is_open(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 2)
    ids = await open_list(page, 2)
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await links_of(page).nth(1).click()
    await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")
    priority = bulk_of(page).get_by_role("button", name="Priority")
    await expect(priority).to_have_attribute("title", "Change the selected tickets: Priority (p)")
    await page.keyboard.press("p")
    await page.keyboard.type("urgent")
    await page.keyboard.press("Enter")
    await expect(jobs_of(page).get_by_role("status")).to_contain_text("1 changed")
    fields = await read_fields(service, world, ids)
    assert [each["priority"] for each in fields] == ["URGENT", "NORMAL"]


async def test_a_text_that_was_typed_for_one_view_does_not_filter_the_next_one(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 1)
    await page.clock.install()
    await open_list(page, 1)
    field = page.get_by_label("Filter by words")
    views = page.get_by_role("navigation", name="Views")
    link = views.get_by_role("link", name="Unassigned in my teams")
    handles = [await field.element_handle(), await link.element_handle()]
    await page.evaluate(TYPE_AND_LEAVE, handles)
    await expect(page.get_by_role("heading", name="Unassigned in my teams")).to_be_visible()
    await page.clock.fast_forward(2000)
    await expect(field).to_have_value("")
    assert "q=" not in page.url
    await expect(links_of(page)).to_have_count(1)


async def test_shift_and_a_click_on_a_row_select_from_the_current_row(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 4)
    await open_list(page, 4)
    await page.keyboard.press("j")
    await links_of(page).nth(2).click(modifiers=["Shift"])
    await expect(bulk_of(page).get_by_role("status")).to_have_text("3 selected")


async def test_the_keys_go_on_where_the_current_row_was(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 5)
    ids = await open_list(page, 5)
    agent = service.client(world.ada.token)
    for _ in range(3):
        await page.keyboard.press("j")
    for ticket_id in ids[1:3]:
        await agent.do("closeTicket", ticketId=ticket_id, reason="SPAM")
    await expect(page.get_by_role("button", name="2 gone: show")).to_be_visible()
    await page.keyboard.press(".")
    await expect(links_of(page)).to_have_count(3)
    await page.keyboard.press("j")
    await expect(links_of(page).nth(1)).to_be_focused()
    assert await links_of(page).nth(1).get_attribute("data-id") == ids[3]


async def test_the_next_ticket_is_one_that_is_still_in_the_view(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 3)
    ids = await open_list(page, 3)
    await links_of(page).first.click()
    await page.get_by_label("Reply to the customer").fill("We send a new one")
    await page.get_by_role("button", name="Send and …").click()
    await page.get_by_role("menuitemcheckbox", name="Open the next ticket afterwards").click()
    agent = service.client(world.ada.token)
    await agent.do("closeTicket", ticketId=ids[1], reason="SPAM")
    await expect(page.get_by_role("button", name="1 gone: show")).to_be_visible()
    third = await links_of(page).nth(2).get_attribute("href")
    await page.get_by_role("menuitem", name="Send and resolve").click()
    await expect(page).to_have_url(re.compile(f"{third}$"))


async def test_enter_chooses_nothing_if_the_search_has_failed(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 1)
    await open_list(page, 1)
    await links_of(page).first.click()
    await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")

    async def refuse_searches(route: Route) -> None:
        if "query FindStaff" in (route.request.post_data or ""):
            error = {"message": "No search now.", "extensions": {"code": "BAD_REQUEST"}}
            await route.fulfill(body=json.dumps({"errors": [error]}))
        else:
            await route.continue_()

    await page.keyboard.press("a")
    panel = page.get_by_role("dialog", name="Assignee")
    await expect(panel.get_by_role("option", name="Bill")).to_be_visible()
    await page.route("**/graphql", refuse_searches)
    await page.keyboard.type("a")
    await page.keyboard.press("Enter")
    await expect(panel.get_by_role("status")).to_have_text("The search failed: No search now.")
    await expect(panel.get_by_role("option")).to_have_count(0)
    await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")
