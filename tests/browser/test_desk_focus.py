"""The focus and the rows stay where they are when something goes away."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.admin_mutations import run_mutation
from support.desk_page import WIDE, bulk_of, jobs_of, open_desk, row_of

LOW = {"width": 1440, "height": 420}
CLICK_AND_COUNT_ROWS = """
async (button) => {
  button.focus();
  button.click();
  await new Promise(queueMicrotask);
  return document.querySelectorAll("[data-id]").length;
}
"""
"""Before the browser tells the new position of the shorter list."""
COUNT = 40


async def test_rows_are_shown_after_most_of_a_long_list_has_gone(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(COUNT)]
    await page.set_viewport_size(LOW)
    await open_desk(page)
    await expect(page.get_by_role("heading", name="Open tickets")).to_be_visible()
    await page.keyboard.press("j")
    first = page.locator("[data-id]").first
    await expect(first).to_be_focused()
    ticket_id = await first.get_attribute("data-id")
    await page.locator(".rows").evaluate("(rows) => rows.scrollTo(0, rows.scrollHeight)")
    await expect(page.locator(f"li[aria-posinset='{COUNT}']")).to_be_visible()
    assert await page.evaluate("document.activeElement.dataset.id") == ticket_id
    ids = [each["id"] for each in tickets if each["id"] != ticket_id][: COUNT - 3]
    change = {"action": "CLOSE", "closeReason": "SPAM"}
    await run_mutation(agent, "bulkUpdateTickets", ids=ids, change=change)
    button = page.get_by_role("button", name=f"{COUNT - 3} gone: show")
    assert await button.evaluate(CLICK_AND_COUNT_ROWS) == 3
    await expect(first).to_be_in_viewport()
    await expect(page.get_by_label("Tickets", exact=True)).to_be_focused()


async def test_the_focus_stays_in_the_list_when_its_controls_go_away(
    page: Page, service: Service, world: World
) -> None:
    await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path="/desk?q=printer")
    await expect(page.locator("[data-id]")).to_have_count(1)
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(page.get_by_label("Filter by words")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Tickets", exact=True)).to_be_focused()
    await page.get_by_label("Select TKT").check()
    await page.get_by_role("button", name="Clear the selection").click()
    await expect(bulk_of(page)).to_be_hidden()
    await expect(page.get_by_label("Tickets", exact=True)).to_be_focused()
    await page.get_by_label("Select TKT").check()
    await page.keyboard.press("s")
    await page.keyboard.type("reopen")
    await page.keyboard.press("Enter")
    text = page.get_by_role("dialog", name="Reopen").get_by_role("textbox")
    await expect(text).to_be_focused()
    await text.fill("It is broken again")
    await text.press("Control+Enter")
    await jobs_of(page).get_by_role("button", name="Close").click()
    await expect(jobs_of(page)).to_be_hidden()
    await expect(page.get_by_label("Tickets", exact=True)).to_be_focused()


async def test_a_dialog_opens_with_the_focus_in_its_first_field(page: Page, world: World) -> None:
    await open_desk(page, path="/desk?tag=vpn")
    await page.get_by_role("button", name="Save as view").click()
    await expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()


async def test_a_list_that_arrives_late_opens_where_it_has_room(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    tags = [f"tag{number}" for number in range(5)]
    await agent.do("updateTicket", ticketId=ticket["id"], addTags=tags)
    await page.set_viewport_size(WIDE)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    button = page.get_by_role("group", name="Tags").get_by_role("button")
    await page.set_viewport_size(LOW)
    await button.click()
    panel = page.get_by_role("dialog", name="Tags")
    await expect(panel.get_by_role("option")).to_have_count(len(tags))
    await expect(panel.get_by_role("option", name="tag4")).to_be_in_viewport(ratio=1)
