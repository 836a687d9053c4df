"""The timeline of a ticket: permalinks, what is new, redactions, and what is announced."""

from __future__ import annotations

import asyncio

from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import open_page
from support.desk_page import open_desk, row_of, timeline_of

from models.people.user import User

NOTE_TEXTS = """(region) => {
  window.texts = [];
  const note = () => region.textContent && window.texts.push(region.textContent);
  const options = { childList: true, characterData: true, subtree: true };
  new MutationObserver(note).observe(region, options);
}"""
EVENTS = "query($id: ID!) { ticket(id: $id) { timeline(first: 9) { nodes { id __typename } } } }"


async def test_a_permalink_shows_an_early_message_of_a_long_timeline(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    await customer.do("replyToTicket", ticketId=ticket["id"], body="The first answer")
    for number in range(60):
        await agent.do("addNote", ticketId=ticket["id"], body=f"Note {number}")
    nodes = (await agent.run(EVENTS, id=ticket["id"]))["ticket"]["timeline"]["nodes"]
    event = next(each["id"] for each in nodes if each["__typename"] == "TicketReplied")
    path = f"/tickets/{ticket['ref']}"
    await open_desk(page, path=path)
    first = timeline_of(page).get_by_role("article").filter(has_text="The first answer")
    await expect(timeline_of(page)).to_contain_text("Note 59")
    await expect(first).to_have_count(0)
    await page.goto("about:blank")
    await page.goto(f"{path}#{event}")
    await expect(first).to_be_in_viewport()
    await expect(timeline_of(page).locator("li.linked")).to_contain_text("The first answer")
    await expect(first.get_by_title("Link to this message")).to_have_attribute("href", f"#{event}")


async def test_a_line_marks_what_is_new_since_the_last_visit(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    first, second = [await customer.raise_ticket(subject) for subject in ("Printer", "Scanner")]
    heading = page.get_by_role("main").get_by_role("heading", level=1)
    await open_desk(page, path=f"/tickets/{first['ref']}")
    await expect(timeline_of(page).get_by_role("article")).to_have_count(1)
    line = timeline_of(page).get_by_text("New since your last visit")
    await expect(line).to_have_count(0)
    await heading.click()  # without it, the ticket counts as seen only after a while
    await row_of(page, second["ref"]).click()
    await expect(heading).to_have_text("Scanner")
    await customer.do("replyToTicket", ticketId=first["id"], body="It burns")
    await row_of(page, first["ref"]).click()
    await expect(heading).to_have_text("Printer")
    items = timeline_of(page).get_by_role("listitem")
    await expect(items.last).to_contain_text("It burns")
    await expect(line).to_be_visible()
    texts = await items.all_inner_texts()
    assert "It burns" in texts[texts.index("New since your last visit") + 1]


async def test_what_others_add_is_announced_once(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    live = page.get_by_role("main").locator("[aria-live=polite]")
    await expect(timeline_of(page).get_by_role("article")).to_have_count(1)
    await expect(live).to_have_text("")
    await live.evaluate(NOTE_TEXTS)
    await service.client(world.ada.token).do("awaitCustomer", ticketId=ticket["id"])
    reopened = "New reply from Cora. Cora changed the status from Waiting to Open"
    for texts in ([reopened], [reopened, "New reply from Cora"]):
        await customer.do("replyToTicket", ticketId=ticket["id"], body="It burns")
        await page.wait_for_function("(texts) => String(window.texts) === String(texts)", arg=texts)
    await customer.do("replyToTicket", ticketId=ticket["id"], body="It burns")
    texts = [reopened, "New reply from Cora", "New reply from Cora"]
    await page.wait_for_function("(texts) => String(window.texts) === String(texts)", arg=texts)


async def test_changes_of_two_people_with_the_same_name_are_two_lines(
    page: Page, service: Service, world: World
) -> None:
    await User.filter(email="bill@example.com").update(display_name="Ada")
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    for token, priority in ((world.ada.token, "HIGH"), (world.bill.token, "URGENT")):
        await service.client(token).do("updateTicket", ticketId=ticket["id"], priority=priority)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    lines = timeline_of(page).get_by_role("listitem").filter(has_text="changed the priority")
    await expect(lines).to_have_count(2)


async def test_an_admin_removes_a_text_from_a_message(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("root@example.com", hash_password(PASSWORD))
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    agent = service.client(world.ada.token)
    await agent.do("addNote", ticketId=ticket["id"], body="The password is hunter2")
    async with open_page(browser, service.port) as page:
        await open_desk(page, "root", f"/tickets/{ticket['ref']}")
        card = timeline_of(page).get_by_role("article").last
        await expect(card).to_contain_text("hunter2")
        for text in ("hunter2", None):
            await card.get_by_role("button", name="Remove a text").click()
            dialog = page.get_by_role("dialog", name="Remove a text")
            if text is None:
                await dialog.get_by_label("The whole message").check()
            else:
                await dialog.get_by_label("Text to remove").fill(text)
            await dialog.get_by_label("Reason").fill("A password")
            await dialog.get_by_role("button", name="Remove the text").click()
            await expect(card).not_to_contain_text(text or "The password is")
            await expect(card.locator("mark")).to_have_text("[text removed]")
        await expect(timeline_of(page)).to_contain_text("Root removed a text from a message")


async def test_earlier_events_stay_complete_and_follow_redactions(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    payload = await agent.do("addNote", ticketId=ticket["id"], body="The password is hunter2")

    async def add_notes(first: int, last: int) -> None:
        texts = [f"Note {number}." for number in range(first, last)]
        await asyncio.gather(
            *(agent.do("addNote", ticketId=ticket["id"], body=text) for text in texts)
        )

    await add_notes(0, 52)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    cards = timeline_of(page).get_by_role("article")
    await expect(cards).to_have_count(50)
    await page.get_by_role("button", name="Show earlier").click()
    await expect(cards).to_have_count(54)
    await expect(timeline_of(page)).to_contain_text("hunter2")
    await add_notes(52, 110)
    await expect(cards).to_have_count(112)
    texts = await cards.all_inner_texts()
    assert all(any(f"Note {number}." in text for text in texts) for number in range(110))
    input = {"messageId": payload["note"]["id"], "text": "hunter2", "reason": "A password"}
    await service.client(world.root.token).do("redactMessage", **input)
    await expect(timeline_of(page)).not_to_contain_text("hunter2")
    await expect(cards).to_have_count(112)
