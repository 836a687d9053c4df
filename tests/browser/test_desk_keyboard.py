"""The desk without a pointer."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import open_desk, row_of

FOCUSED = "document.activeElement.getAttribute('data-id')"


async def test_tickets_are_triaged_by_keys_alone(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(3)]
    await open_desk(page)
    rows = page.get_by_label("Tickets").get_by_role("link")
    await expect(rows).to_have_count(3)
    order = [await row.get_attribute("data-id") for row in await rows.all()]
    press = page.keyboard.press
    await press("j")
    await press("Enter")
    for position, ticket_id in enumerate(order):
        ticket = next(each for each in tickets if each["id"] == ticket_id)
        main = page.get_by_role("main")
        await expect(main.get_by_role("heading", level=1)).to_have_text(ticket["subject"])
        await press("i")
        await expect(main).to_contain_text("Assignee: Ada")
        await press("e")
        await expect(page.get_by_label("How was it resolved?")).to_be_focused()
        await page.keyboard.type(f"Restarted {position}")
        await press("Control+Enter")
        await expect(main).to_contain_text("Resolved")
        await expect(page.get_by_role("group", name="Actions")).to_be_focused()
        await press("j")
    gone = page.get_by_role("button", name="3 gone: show")
    await expect(gone).to_be_visible()
    await press("Escape")
    await press(".")
    await expect(page.get_by_text("No ticket is in this view")).to_be_visible()
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket { status resolution } } }"
    found = (await agent.run(query, ids=order))["nodes"]
    assert [(each["status"], each["resolution"]) for each in found] == [
        ("RESOLVED", f"Restarted {position}") for position in range(3)
    ]


async def test_j_and_k_move_the_focus_and_escape_returns_it(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    for number in range(3):
        await customer.raise_ticket(f"Printer {number}")
    await open_desk(page)
    rows = page.get_by_label("Tickets").get_by_role("link")
    await expect(rows).to_have_count(3)
    order = [await row.get_attribute("data-id") for row in await rows.all()]
    for key, index in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        await page.keyboard.press(key)
        await expect(rows.nth(index)).to_be_focused()
    await page.keyboard.press("o")
    await page.keyboard.press("r")
    reply = page.get_by_label("Reply to the customer")
    await expect(reply).to_be_focused()
    await page.keyboard.type("jk?")
    await expect(reply).to_have_value("jk?")
    await page.keyboard.press("Escape")
    await expect(reply).not_to_be_focused()
    await page.keyboard.press("Escape")
    await page.wait_for_url("**/desk")
    await expect(rows.nth(1)).to_be_focused()
    assert await page.evaluate(FOCUSED) == order[1]


async def test_the_keys_are_listed_and_can_be_turned_off(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page)
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys and language")
    await expect(dialog).to_contain_text("Next ticket")
    await dialog.get_by_label("Use keys without Ctrl").uncheck()
    await page.reload()
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await page.keyboard.press("?")
    await page.keyboard.press("j")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog", name="Search or command")).to_be_visible()
    await expect(dialog).to_be_hidden()
    await expect(page.locator("[data-id][aria-current]")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(row_of(page, ticket["ref"])).not_to_be_focused()


async def test_a_key_can_be_changed_but_not_to_one_that_is_in_use(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page)
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys and language")
    change = dialog.get_by_role("button", name="Change the key for “Next ticket”")
    await change.click()
    await page.keyboard.press("k")
    alert = dialog.get_by_role("alert")
    await expect(alert).to_contain_text("“Previous ticket” has this key")
    await page.keyboard.press("g")
    await expect(alert).to_contain_text("“Go to the open tickets” has this key")
    for key in ("Enter", "Space"):
        await page.keyboard.press(key)
        await expect(alert).to_contain_text("presses buttons or moves the focus")
    await page.keyboard.press("z")
    await expect(change.locator("kbd")).to_have_text("z")
    await page.reload()
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await page.keyboard.press("j")
    await expect(row_of(page, ticket["ref"])).not_to_be_focused()
    await page.keyboard.press("z")
    await expect(row_of(page, ticket["ref"])).to_be_focused()


async def test_tooltips_have_the_keys_that_work(page: Page, world: World) -> None:
    await open_desk(page)
    new_ticket = page.locator("header").get_by_role("button", name="New ticket")
    field = page.get_by_label("Filter by words")
    await expect(field).to_have_attribute("title", "Filter by words (f)")
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys and language")
    await dialog.get_by_role("button", name="Change the key for “New ticket”").click()
    await page.keyboard.press("y")
    await expect(new_ticket).to_have_attribute("title", "New ticket (y)")
    await dialog.get_by_label("Use keys without Ctrl").uncheck()
    await expect(new_ticket).to_have_attribute("title", "New ticket")
    await expect(field).to_have_attribute("title", "Filter by words")
