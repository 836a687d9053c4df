"""Messages survive that the person goes on to another ticket or another kind of message."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import open_desk, row_of
from support.held_requests import hold
from support.macros import create_macro
from support.refused_replies import refuse_the_first_reply


async def test_a_refused_reply_stands_in_the_bar_and_is_edited_from_another_ticket(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket, other = await customer.raise_ticket("Printer"), await customer.raise_ticket("Scanner")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await refuse_the_first_reply(page, service, world, ticket["id"])
    bar = page.get_by_role("banner")
    alert = bar.get_by_role("alert").filter(has_text="Not sent")
    await expect(alert).to_have_count(0)
    await row_of(page, other["ref"]).click()
    await expect(alert).to_contain_text("Not sent")
    await page.reload()
    await alert.get_by_role("link", name=ticket["ref"]).click()
    await expect(alert).to_have_count(0)
    release = await hold(page, "query UploadedFiles")
    await page.get_by_role("button", name="Edit").click()
    await row_of(page, other["ref"]).click()
    await expect(alert).to_be_visible()
    release()
    await expect(alert).to_have_count(0)
    await row_of(page, ticket["ref"]).click()
    reply = page.get_by_label("Reply to the customer")
    await expect(reply).to_have_value("We send a new one")
    await expect(page.get_by_label("Unsent message")).to_have_count(0)


async def test_enter_takes_what_the_latest_search_finds(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    for name, text in (("Apology", "We are sorry."), ("Refund", "You get it back.")):
        await create_macro(agent, name=name, text=text, audience="PERSONAL")
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = page.get_by_label("Reply to the customer")
    options = page.get_by_role("listbox", name="Macros").get_by_role("option")
    await reply.press_sequentially("/")
    await expect(options).to_have_count(2)
    release = await hold(page, "query Macros")
    await reply.press_sequentially("refund")
    await reply.press("Enter")
    await expect(reply).to_have_value("/refund")
    release()
    await expect(reply).to_have_value("You get it back.")
    await reply.fill("")
    release = await hold(page, "query Macros")
    await reply.press_sequentially("/nothing")
    await reply.press("Enter")
    release()
    await expect(reply).to_have_value("/nothing\n")


async def test_a_macro_stays_in_the_reply_if_the_person_turns_to_the_note(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    await create_macro(agent, name="Refund", text="You get it back.", audience="PERSONAL")
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = page.get_by_label("Reply to the customer")
    release = await hold(page, "query PreviewMacro")
    await reply.press_sequentially("/Refund")
    await page.get_by_role("listbox", name="Macros").get_by_role("option").click()
    await page.get_by_role("button", name="Note", exact=True).click()
    note = page.get_by_label("Internal note")
    await note.fill("Check the invoice")
    release()
    await expect(page.get_by_text("The reply keeps its own draft")).to_be_visible()
    await page.get_by_role("button", name="Reply", exact=True).click()
    await expect(reply).to_have_value("You get it back.")
    await page.get_by_role("button", name="Note", exact=True).click()
    await expect(note).to_have_value("Check the invoice")
