"""An agent replies and acts in one step, and is asked about messages that arrive meanwhile."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.desk_page import WIDE, open_desk, timeline_of

STATE = "query($id: ID!) { ticket(id: $id) { status heldUntil resolution } }"


async def read_state(service: Service, world: World, ticket: dict[str, Any]) -> dict[str, Any]:
    found = await service.client(world.ada.token).run(STATE, id=ticket["id"])
    return found["ticket"]


async def write_reply(page: Page, text: str) -> Locator:
    reply = page.get_by_label("Reply to the customer")
    await reply.fill(text)
    return reply


async def choose(page: Page, action: str) -> None:
    """Choose an action of the menu by keys alone."""
    button = page.get_by_role("button", name="Send and …")
    await button.press("ArrowDown")
    menu = page.get_by_role("menu", name="Send and …")
    for _ in range(await menu.get_by_role("button").count() + 4):
        focused = menu.locator(":focus")
        if action in (await focused.inner_text()):
            await focused.press("Enter")
            return
        await focused.press("ArrowDown")
    raise AssertionError(f"the menu has no {action}")


async def test_a_reply_makes_the_ticket_wait_or_resolves_it(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await write_reply(page, "Which printer is it?")
    await choose(page, "Send and wait for customer")
    await expect(timeline_of(page)).to_contain_text("Which printer is it?")
    await expect(timeline_of(page)).to_contain_text("to Waiting")
    assert (await read_state(service, world, ticket))["status"] == "WAITING_ON_CUSTOMER"
    reply = await write_reply(page, "We have sent a new one")
    await choose(page, "Send and resolve")
    await expect(timeline_of(page)).to_contain_text("to Resolved")
    await expect(reply).to_be_focused()
    state = await read_state(service, world, ticket)
    assert (state["status"], state["resolution"]) == ("RESOLVED", "We have sent a new one")


async def test_a_reply_puts_the_ticket_on_hold_until_a_time(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = await write_reply(page, "The new one comes in June")
    await choose(page, "Send and hold until")
    until = page.get_by_label("Hold until")
    await expect(until).to_be_focused()
    await until.press("Escape")
    await expect(reply).to_be_focused()
    await choose(page, "Send and hold until")
    await until.fill("2001-06-01T09:00")
    await expect(page.get_by_text("must be in the future")).to_be_visible()
    await expect(page.get_by_role("button", name="Send and hold", exact=True)).to_be_disabled()
    await until.fill("2099-06-01T09:00")
    await until.press("Enter")
    await expect(timeline_of(page)).to_contain_text("to On hold")
    state = await read_state(service, world, ticket)
    assert state["status"] == "ON_HOLD"
    assert state["heldUntil"].startswith("2099-0")


async def test_the_next_ticket_opens_after_a_reply(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    tickets = [await customer.raise_ticket(subject) for subject in ("Printer", "Scanner")]
    await page.set_viewport_size(WIDE)
    await open_desk(page)
    rows = page.get_by_label("Tickets").get_by_role("listitem")
    await expect(rows).to_have_count(len(tickets))
    await rows.first.get_by_role("link").click()
    await write_reply(page, "We send a new one")
    await page.get_by_role("button", name="Send and …").click()
    await page.get_by_role("menuitemcheckbox", name="Open the next ticket afterwards").click()
    second = await page.locator("[data-id]").last.get_attribute("href")
    await page.get_by_role("menuitem", name="Send and resolve").click()
    await expect(page).to_have_url(re.compile(f"{second}$"))
    await expect(page.locator("[data-id]").last).to_be_focused()
    await expect(page.get_by_label("Reply to the customer")).to_have_value("")


async def test_a_message_that_arrives_while_somebody_writes_is_shown_first(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = await write_reply(page, "We send a new one")
    await customer.do("replyToTicket", ticketId=ticket["id"], body="It works **again**")
    banner = page.get_by_role("group", name="New message")
    form = page.get_by_role("form", name="Message")
    await expect(form.get_by_role("alert")).to_have_text("Cora wrote while you were writing")
    await expect(banner).to_contain_text("Cora wrote while you were writing")
    await expect(banner.locator("strong").last).to_have_text("again")
    await reply.press("Control+Enter")
    await expect(banner.get_by_role("button", name="Review")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(banner).to_have_count(0)
    await expect(reply).to_be_focused()
    await expect(reply).to_have_value("We send a new one")
    await customer.do("replyToTicket", ticketId=ticket["id"], body="Not for long")
    await expect(banner).to_contain_text("Not for long")
    await choose(page, "Send and resolve")
    await expect(banner.get_by_role("button", name="Review")).to_be_focused()
    await banner.get_by_role("button", name="Send anyway").click()
    await expect(timeline_of(page)).to_contain_text("We send a new one")
    await expect(timeline_of(page)).to_contain_text("to Resolved")
    await expect(banner).to_have_count(0)
    await expect(page.get_by_label("Unsent message")).to_have_count(0)


async def test_own_messages_and_those_that_were_there_before_are_not_asked_about(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    await customer.do("replyToTicket", ticketId=ticket["id"], body="It is urgent")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = await write_reply(page, "We send a new one")
    await agent.do("addNote", ticketId=ticket["id"], body="from my phone")
    await expect(timeline_of(page)).to_contain_text("from my phone")
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("We send a new one")
