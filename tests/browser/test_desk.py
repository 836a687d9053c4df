"""The desk follows the server: its list, a ticket's timeline, and what a person writes."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import open_desk, row_of, timeline_of


async def test_a_new_ticket_appears_live_and_moves_no_row(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    await open_desk(page)
    await expect(page.get_by_text("No ticket is in this view")).to_be_visible()
    first = await customer.raise_ticket("Printer")
    await expect(row_of(page, first["ref"])).to_contain_text("Printer")
    second = await customer.raise_ticket("Scanner")
    show = page.get_by_role("button", name="1 new: show")
    await expect(show).to_be_visible()
    await expect(row_of(page, second["ref"])).to_have_count(0)
    await show.click()
    await expect(row_of(page, second["ref"])).to_contain_text("Scanner")


async def test_a_reply_and_a_note_are_stored_as_what_they_are(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_role("button", name="Note", exact=True).click()
    await page.get_by_label("Internal note").fill("The **toner** is empty")
    await page.get_by_role("button", name="Reply", exact=True).click()
    reply = page.get_by_label("Reply to the customer")
    await expect(reply).to_have_value("")
    await expect(page.get_by_role("button", name="Send reply")).to_be_disabled()
    await reply.fill("We send a new one")
    await reply.press("Enter")
    await expect(reply).to_have_value("We send a new one\n")
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("We send a new one")
    await page.get_by_role("button", name="Note", exact=True).click()
    note = page.get_by_label("Internal note")
    await expect(note).to_have_value("The **toner** is empty")
    await note.press("Control+Enter")
    card = timeline_of(page).locator("article.note")
    await expect(card).to_contain_text("Internal")
    await expect(card.locator("strong").last).to_have_text("toner")
    await expect(note).to_have_value("")
    fields = "{ ticketByNumber(number: %d) { messages(first: 9) { nodes { __typename body } } } }"
    for client, expected in ((agent, ["Reply", "Note"]), (customer, ["Reply"])):
        found = (await client.run(fields % ticket["number"]))["ticketByNumber"]["messages"]["nodes"]
        assert [each["__typename"] for each in found] == expected
