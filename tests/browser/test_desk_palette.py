"""The palette finds commands, views and tickets; the desk speaks three languages."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import jobs_of, open_desk, row_of


async def test_the_palette_opens_a_ticket_by_its_words_or_number(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    printer = await customer.raise_ticket("Printer on fire")
    await customer.raise_ticket("Scanner")
    await open_desk(page)
    heading = page.get_by_role("main").get_by_role("heading", level=1)
    palette = page.get_by_role("dialog", name="Search or command")
    for text in ("fire", printer["ref"], str(printer["number"])):
        await page.keyboard.press("Control+k")
        await page.keyboard.type(text)
        await expect(palette.get_by_role("option").first).to_contain_text("Printer on fire")
        await page.keyboard.press("Enter")
        await expect(heading).to_have_text("Printer on fire")
        await expect(palette).to_be_hidden()
        await page.get_by_role("link", name="Ticketwire").click()
        await expect(heading).to_have_text("Open tickets")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("no such words")
    await expect(palette.get_by_role("status")).to_have_text("Nothing has these words.")


async def test_the_palette_runs_a_command_and_lists_only_those_that_are_possible(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page)
    await page.get_by_role("button", name="Search or command").click()
    palette = page.get_by_role("dialog", name="Search or command")
    await expect(palette.get_by_role("option", name="Next ticket")).to_be_visible()
    await expect(palette.get_by_role("option", name="Write a reply")).to_have_count(0)
    await page.keyboard.press("Escape")
    await row_of(page, ticket["ref"]).click()
    await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("assign me")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_contain_text("Assignee: Ada")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("write reply")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Reply to the customer")).to_be_focused()


async def test_the_palette_has_views_order_columns_jobs_and_sign_out(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path="/desk?tag=vpn")
    press = page.keyboard.press

    async def run(command: str) -> None:
        await press("Control+k")
        await page.keyboard.type(command)
        await press("Enter")

    await run("change order")
    await expect(page.get_by_role("dialog", name="Order")).to_be_visible()
    await press("Escape")
    await run("columns rows")
    await expect(page.get_by_role("dialog", name="Columns and rows")).to_be_visible()
    await press("Escape")
    await run("save as view")
    dialog = page.get_by_role("dialog", name="Save as view")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("VPN")
    await press("Enter")
    await expect(page.get_by_role("heading", name="VPN")).to_be_visible()
    await run("delete view")
    await expect(page.get_by_role("heading", name="Open tickets")).to_be_visible()
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await press("Shift+A")
    await press("s")
    await page.keyboard.type("hold")
    await press("Enter")
    await expect(jobs_of(page).get_by_role("status")).to_have_text("Put on hold: 1 changed")
    await run("undo bulk")
    await expect(jobs_of(page).get_by_role("status")).to_have_text("Put on hold: 1 restored")
    await run("choose language")
    await expect(page.get_by_role("combobox", name="Language")).to_be_focused()
    await press("Escape")
    await run("sign out")
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_the_desk_speaks_the_chosen_language(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page)
    await page.keyboard.press("?")
    await page.get_by_role("combobox", name="Language").select_option("de")
    await expect(row_of(page, ticket["ref"])).to_contain_text("Neu")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page.get_by_role("button", name="Anmelden")).to_be_visible()
