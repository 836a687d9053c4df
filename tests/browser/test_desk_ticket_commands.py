"""The palette has every action of a ticket, also those without a key."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.desk_page import open_desk, timeline_of
from support.macros import create_macro


async def run_command(page: Page, title: str) -> None:
    await page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search or command")
    await page.keyboard.type(title)
    await expect(palette.get_by_role("option").first).to_contain_text(title)
    await page.keyboard.press("Enter")
    await expect(palette).to_be_hidden()


def dialog_of(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=name)


async def test_the_palette_opens_what_an_action_needs(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await agent.do("addNote", ticketId=ticket["id"], body="The password is hunter2")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await expect(timeline_of(page)).to_contain_text("hunter2")
    for command, dialog in (
        ("Escalate", "Escalate"),
        ("Merge into another ticket", f"Merge {ticket['ref']}"),
        ("Link a ticket", "Link a ticket"),
        ("Add a watcher", "Add a watcher"),
        ("Add a resource", "Add a resource"),
        ("Change the category", "Category"),
    ):
        await run_command(page, command)
        await expect(dialog_of(page, dialog)).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog_of(page, dialog)).to_be_hidden()
    await run_command(page, "Remove a text from a message")
    dialog = dialog_of(page, "Remove a text")
    chosen = dialog.get_by_label("Message").locator("option:checked")
    await expect(chosen).to_have_text("Ada: The password is hunter2")
    await dialog.get_by_label("Text to remove").fill("hunter2")
    await dialog.get_by_label("Reason").fill("A password")
    await page.keyboard.press("Enter")
    await expect(timeline_of(page)).not_to_contain_text("hunter2")
    async with page.expect_file_chooser():
        await run_command(page, "Attach files")
    for command in ("Watch this ticket", "Stop watching", "Watch this ticket"):
        await run_command(page, command)


async def test_the_palette_sends_and_acts_and_undoes_a_merge(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = [await customer.raise_ticket(each) for each in ("Printer", "Printer again")]
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    palette = dialog_of(page, "Search or command")
    await page.keyboard.press("Control+k")
    await expect(palette.get_by_role("option", name="Attach files")).to_be_visible()
    await expect(palette.get_by_role("option", name="Send and wait")).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.get_by_label("Reply to the customer").fill("Which one?")
    await run_command(page, "Send and hold until …")
    await expect(page.get_by_label("Hold until")).to_be_focused()
    await page.keyboard.press("Escape")
    await run_command(page, "Send and wait for customer")
    await expect(timeline_of(page)).to_contain_text("to Waiting")
    await agent.do("mergeTickets", ticketId=ticket["id"], intoId=other["id"])
    banner = page.get_by_role("main").get_by_role("status").filter(has_text="was merged into")
    await expect(banner).to_be_visible()
    await run_command(page, "Undo the merge")
    await expect(banner.get_by_role("button", name="Undo the merge")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(banner).to_have_count(0)


async def test_the_key_of_macros_lists_them_and_tooltips_have_the_chosen_keys(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    await create_macro(agent, name="Refund", text="You get it back.", audience="PERSONAL")
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    keys = """localStorage.setItem("ticketwire-keys", '{"reply": "q"}')"""
    await page.add_init_script(keys)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await expect(page.get_by_role("button", name="Reply", exact=True)).to_have_attribute(
        "title", "Write a reply (q)"
    )
    send = page.get_by_role("button", name="Send reply")
    await expect(send).to_have_attribute("title", "Ctrl+Enter")
    await page.keyboard.press("n")
    await page.get_by_label("Internal note").press("Escape")
    await page.keyboard.press("m")
    await expect(page.get_by_label("Reply to the customer")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Reply to the customer")).to_have_value("You get it back.")
