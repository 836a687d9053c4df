"""The desk's views and layouts, and SLA targets in words."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.desk_page import open_desk, row_of

PHONE = {"width": 390, "height": 800}
TWO_PANES = {"width": 700, "height": 800}


async def test_a_saved_view_has_a_live_count_and_shows_its_tickets(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Printer")
    await open_desk(page)
    view = page.get_by_role("navigation", name="Views").get_by_role("link", name="Unassigned")
    await expect(view).to_have_text(re.compile(r"Unassigned in my teams\s*1"))
    await view.click()
    await expect(page.get_by_role("heading", name="Unassigned in my teams")).to_be_visible()
    row = row_of(page, ticket["ref"])
    await row.click()
    await page.get_by_role("button", name="Take").click()
    await expect(view).to_have_text(re.compile(r"Unassigned in my teams\s*0"))
    await expect(row).to_contain_text("no longer here")
    await page.get_by_role("button", name="1 gone: show").click()
    await expect(row).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("heading", name="Unassigned in my teams")).to_be_visible()
    await expect(page.get_by_role("heading", name="Printer")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, TWO_PANES], ids=["one pane", "two panes"])
async def test_a_narrow_window_has_fewer_panes(
    page: Page, service: Service, world: World, size: dict[str, int]
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer " + "x" * 190)
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})
    await open_desk(page)
    await expect(page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_count(0)
    row = row_of(page, ticket["ref"])
    await row.click()
    await expect(page.get_by_role("main").get_by_role("heading")).to_contain_text("Printer")
    await expect(row).to_be_visible(visible=size is TWO_PANES)
    assert await page.evaluate("document.documentElement.scrollWidth") == size["width"]
    if size is TWO_PANES:
        box = await row.locator(".subject").bounding_box()
        assert box is not None
        assert box["width"] >= 120, "the subject has room beside the SLA target"
    if size is PHONE:
        await page.get_by_role("link", name="All tickets").click()
        await expect(row).to_be_visible()
        await expect(page.get_by_role("main", name="Tickets")).to_be_visible()


async def test_the_next_sla_target_is_told_in_words(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    service.clock.advance(days=-30)
    late = await customer.raise_ticket("Late")
    service.clock.advance(days=30)
    paused = await customer.raise_ticket("Paused")
    await agent.do("startTicket", ticketId=paused["id"])
    await agent.do("replyToTicket", ticketId=paused["id"], body="Which printer?")
    await agent.do("awaitCustomer", ticketId=paused["id"])
    await open_desk(page)
    await expect(row_of(page, late["ref"])).to_contain_text(re.compile("[0-9]+ d overdue"))
    await row_of(page, paused["ref"]).click()
    main = page.get_by_role("main")
    await expect(main).to_contain_text("Resolution paused: waiting for customer")
    await row_of(page, late["ref"]).click()
    await expect(main).to_contain_text(re.compile("First response: [0-9]+ d overdue"))


async def test_a_ticket_that_does_not_exist_is_named(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page, path="/tickets/4711")
    await expect(page.get_by_role("alert")).to_contain_text("There is no ticket 4711")


async def test_custom_fields_are_columns_and_a_view_outlasts_them(
    page: Page, service: Service, world: World, admin: Client
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    field = await run_mutation(admin, "createCustomField", key="seats", label="Seats", type="TEXT")
    ticket = await customer.raise_ticket("Printer")

    async def set_seats(text: str) -> None:
        values = [{"key": "seats", "text": text}]
        await agent.do("updateTicket", ticketId=ticket["id"], customFields=values)

    await set_seats("twelve")
    await page.set_viewport_size({"width": 1900, "height": 900})
    await open_desk(page)
    row, names = row_of(page, ticket["ref"]), page.locator(".head")
    await expect(row).to_contain_text("Printer")
    await expect(row).not_to_contain_text("twelve")
    await page.get_by_role("button", name="Columns and rows").click()
    await page.get_by_label("Seats").check()
    await page.keyboard.press("Escape")
    await expect(row).to_contain_text("twelve")
    await expect(names).to_contain_text("Seats")
    await set_seats("thirteen")
    await expect(row).to_contain_text("thirteen")
    await page.get_by_role("button", name="Save as view").click()
    await page.get_by_role("dialog").get_by_label("Name").fill("With seats")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page).to_have_url(re.compile(r"/desk\?view=svw_[^&]*$"))
    await page.reload()
    await expect(row).to_contain_text("thirteen")

    await run_mutation(admin, "archiveCustomField", fieldId=field["id"])
    await page.reload()
    await expect(row).to_contain_text("Printer")
    await expect(names).to_contain_text("Subject")
    await page.get_by_role("button", name="Columns and rows").click()
    await page.get_by_label("Tags").check()
    await page.keyboard.press("Escape")
    await expect(names).to_contain_text("Tags")
    await expect(names).not_to_contain_text("Seats")
    await page.get_by_role("button", name="Update view").click()
    await expect(page).to_have_url(re.compile(r"/desk\?view=svw_[^&]*$"))
    query = "{ savedViews(first: 1) { nodes { name columns customFieldColumns } } }"
    (view,) = (await agent.run(query))["savedViews"]["nodes"]
    assert (view["name"], view["customFieldColumns"]) == ("With seats", ["seats"])
    assert "TAGS" in view["columns"]
