"""Tickets are selected, and changed together by jobs."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import bulk_of, jobs_of, open_desk


async def raise_tickets(service: Service, world: World, count: int) -> list[dict[str, str]]:
    customer = service.client(world.cora.token)
    return [await customer.raise_ticket(f"Printer {number}") for number in range(count)]


async def read_statuses(service: Service, world: World, tickets: list[dict[str, str]]) -> list[str]:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket { status } } }"
    ids = [each["id"] for each in tickets]
    nodes = (await service.client(world.ada.token).run(query, ids=ids))["nodes"]
    return [each["status"] for each in nodes]


async def test_rows_are_selected_by_keys_and_by_shift(
    page: Page, service: Service, world: World
) -> None:
    await raise_tickets(service, world, 5)
    await open_desk(page)
    tickets = page.get_by_label("Tickets")
    await expect(tickets.get_by_role("link")).to_have_count(5)
    checks = tickets.get_by_role("checkbox")
    press, status = page.keyboard.press, bulk_of(page).get_by_role("status")
    await press("j")
    await press("x")
    await expect(status).to_have_text("1 selected")
    await press("Shift+J")
    await expect(status).to_have_text("2 selected")
    await press("j")
    await press("j")
    await press("Shift+X")
    await expect(status).to_have_text("4 selected")
    await expect(checks.nth(3)).to_be_checked()
    await expect(checks.nth(4)).not_to_be_checked()
    await press("Escape")
    await expect(bulk_of(page)).to_be_hidden()
    await tickets.get_by_role("link").nth(1).hover()
    await checks.nth(1).click()
    await checks.nth(3).click(modifiers=["Shift"])
    await expect(status).to_have_text("3 selected")
    await page.get_by_role("button", name="Select all 5 that match").click()
    await expect(status).to_have_text("5 selected")


async def test_a_bulk_change_has_progress_reasons_and_an_undo(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    tickets = await raise_tickets(service, world, 3)
    await agent.do("closeTicket", ticketId=tickets[2]["id"], reason="SPAM")
    await open_desk(page, path="/desk?status=NEW&status=CLOSED")
    await expect(page.get_by_label("Tickets").get_by_role("link")).to_have_count(3)
    await page.keyboard.press("Shift+A")
    await page.keyboard.press("s")
    await page.keyboard.type("hold")
    await page.keyboard.press("Enter")
    jobs = jobs_of(page)
    await expect(jobs.get_by_role("status")).to_have_text("Put on hold: 2 changed")
    await jobs.get_by_text("1 refused").click()
    await expect(jobs.get_by_role("listitem")).to_contain_text(tickets[2]["ref"])
    await expect(page.get_by_role("button", name="2 gone: show")).to_be_visible()
    await jobs.get_by_role("button", name="Undo").click()
    await expect(jobs.get_by_role("status")).to_have_text("Put on hold: 2 restored")
    assert await read_statuses(service, world, tickets) == ["OPEN", "OPEN", "CLOSED"]
    await jobs.get_by_role("button", name="Close").click()
    await expect(jobs).to_be_hidden()


async def test_a_bulk_change_with_a_text_that_customers_read(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    tickets = await raise_tickets(service, world, 2)
    await open_desk(page)
    await expect(page.get_by_label("Tickets").get_by_role("link")).to_have_count(2)
    await page.keyboard.press("Shift+A")
    await bulk_of(page).get_by_role("button", name="Status").click()
    await page.get_by_role("option", name="Resolve …").click()
    dialog = page.get_by_role("dialog", name="Resolve")
    await dialog.get_by_role("textbox").fill("The printers have paper again.")
    await page.keyboard.press("Control+Enter")
    await expect(jobs_of(page).get_by_role("status")).to_have_text("Resolve: 2 changed")
    await expect(jobs_of(page).get_by_role("button", name="Undo")).to_have_count(0)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket { resolution } } }"
    found = (await agent.run(query, ids=[each["id"] for each in tickets]))["nodes"]
    assert [each["resolution"] for each in found] == ["The printers have paper again."] * 2
