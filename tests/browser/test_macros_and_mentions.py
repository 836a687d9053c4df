"""An agent uses macros in replies, and mentions people in notes."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Locator, Page, Route, expect
from support import Service, World
from support.desk_page import open_desk, timeline_of
from support.drafts import read_draft
from support.live import until
from support.macros import create_macro

TICKET = "query($id: ID!) { ticket(id: $id) { status tags messages(first: 9) { nodes { body } } } }"
NOTIFICATIONS = "{ notifications(first: 5) { nodes { reason } } }"


async def read_ticket(service: Service, world: World, ticket: dict[str, Any]) -> dict[str, Any]:
    found = (await service.client(world.ada.token).run(TICKET, id=ticket["id"]))["ticket"]
    return {**found, "messages": [each["body"] for each in found["messages"]["nodes"]]}


async def open_ticket(page: Page, service: Service, world: World) -> dict[str, Any]:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    return ticket


def options_of(page: Page, name: str) -> Locator:
    return page.get_by_role("listbox", name=name).get_by_role("option")


async def test_a_macro_writes_its_text_and_acts_when_it_is_sent(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    common: dict[str, Any] = {"audience": "PERSONAL"}
    await create_macro(agent, name="Thanks", text="Thank you.", **common)
    await create_macro(
        agent,
        name="Ask for the model",
        text="Which model is it, {{requester.displayName}}?",
        statusAction="AWAIT_CUSTOMER",
        addTags=["question"],
        **common,
    )
    ticket = await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await reply.press_sequentially("Hello,\n/")
    await expect(options_of(page, "Macros")).to_have_count(2)
    await reply.press_sequentially("model")
    option = options_of(page, "Macros")
    await expect(option).to_have_count(1)
    await expect(option).to_contain_text("adds question, waits for the customer")
    await reply.press("Enter")
    await expect(reply).to_have_value("Hello,\nWhich model is it, Cora?")
    macro = page.get_by_role("group", name="Macro")
    await expect(macro).to_contain_text("adds question, waits for the customer")
    await expect(reply).to_be_focused()
    await reply.press_sequentially(" Thanks.")

    async def is_saved() -> bool:
        draft = await read_draft(agent, ticket["id"])
        return draft is not None and draft["body"].endswith("Thanks.")

    await until(is_saved)  # the browser has stored it before
    await page.reload()
    await expect(macro).to_contain_text("Ask for the model")
    await page.get_by_role("button", name="Send reply and apply macro").click()
    await expect(timeline_of(page)).to_contain_text("Which model is it, Cora? Thanks.")
    await expect(macro).to_have_count(0)
    assert await read_ticket(service, world, ticket) == {
        "status": "WAITING_ON_CUSTOMER",
        "tags": ["question"],
        "messages": ["Hello,\nWhich model is it, Cora? Thanks."],
    }


async def test_a_macro_can_be_found_by_a_button_and_taken_off_again(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    await create_macro(agent, name="Done", text="Done.", audience="PERSONAL", addTags=["done"])
    ticket = await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await page.get_by_role("button", name="Macros").click()
    await expect(options_of(page, "Macros")).to_have_count(1)
    await reply.press("Escape")
    await expect(options_of(page, "Macros")).to_have_count(0)
    await expect(reply).to_be_focused()
    await reply.fill("")
    await page.get_by_role("button", name="Macros").click()
    await options_of(page, "Macros").click()
    await expect(reply).to_have_value("Done.")
    await page.get_by_role("button", name="Remove macro").click()
    await expect(reply).to_be_focused()
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("Done.")
    assert (await read_ticket(service, world, ticket))["tags"] == []


async def test_a_macro_without_a_reply_is_applied_alone(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    await create_macro(agent, name="Label it", audience="PERSONAL", addTags=["printer"])
    ticket = await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await reply.press_sequentially("/label")
    await options_of(page, "Macros").click()
    await expect(reply).to_have_value("")
    await page.get_by_role("button", name="Apply macro").click()
    await expect(timeline_of(page)).to_contain_text("printer")
    found = await read_ticket(service, world, ticket)
    assert (found["tags"], found["messages"]) == (["printer"], [])


async def test_a_macro_that_cannot_be_applied_says_why(
    page: Page, service: Service, world: World
) -> None:
    agent, customer = service.client(world.ada.token), service.client(world.cora.token)
    await create_macro(agent, name="Wait", text="Wait.", audience="PERSONAL", statusAction="START")
    ticket = await customer.raise_ticket("Printer")
    await agent.do("closeTicket", ticketId=ticket["id"], reason="SPAM")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_label("Reply to the customer").press_sequentially("/Wait")
    await options_of(page, "Macros").click()
    alert = page.get_by_role("form", name="Message").get_by_role("alert")
    await expect(alert).to_contain_text("“Wait” can't be used")
    await expect(page.get_by_role("group", name="Macro")).to_have_count(0)


async def test_a_macro_that_was_refused_is_edited_or_sent_with_all_it_does(
    page: Page, service: Service, world: World
) -> None:
    agent, customer = service.client(world.ada.token), service.client(world.cora.token)
    await create_macro(agent, name="Done", text="Done.", audience="PERSONAL", addTags=["done"])
    ticket = await open_ticket(page, service, world)

    async def let_the_customer_be_faster(route: Route) -> None:
        if "mutation ApplyMacro" in (route.request.post_data or ""):
            await customer.do("replyToTicket", ticketId=ticket["id"], body="One more thing")
        await route.continue_()

    await page.route("**/graphql", let_the_customer_be_faster)
    reply = page.get_by_label("Reply to the customer")
    await reply.press_sequentially("/Done")
    await options_of(page, "Macros").click()
    await expect(reply).to_have_value("Done.")
    await reply.press("Control+Enter")
    unsent = page.get_by_label("Unsent message")
    await expect(unsent).to_contain_text("Not sent")
    await unsent.get_by_role("button", name="Edit").click()
    await expect(unsent).to_have_count(0)
    await expect(reply).to_have_value("Done.")
    await expect(page.get_by_role("group", name="Macro")).to_contain_text("adds done")
    await expect(timeline_of(page)).to_contain_text("One more thing")
    await reply.press("Control+Enter")
    await expect(unsent).to_contain_text("Not sent")
    await page.unroute("**/graphql")
    await expect(timeline_of(page).get_by_text("One more thing")).to_have_count(2)
    await unsent.get_by_role("button", name="Send anyway").click()
    await expect(timeline_of(page)).to_contain_text("Done.")
    found = await read_ticket(service, world, ticket)
    assert (found["tags"], found["messages"][-1]) == (["done"], "Done.")


async def test_nothing_is_sent_while_the_text_of_a_macro_is_read(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    await create_macro(agent, name="Done", text="All is done.", audience="PERSONAL")
    ticket = await open_ticket(page, service, world)
    arrives = asyncio.Event()

    async def hold(route: Route) -> None:
        if "query PreviewMacro" in (route.request.post_data or ""):
            await arrives.wait()
        await route.continue_()

    await page.route("**/graphql", hold)
    reply = page.get_by_label("Reply to the customer")
    await reply.press_sequentially("/Done")
    await options_of(page, "Macros").click()
    await expect(reply).not_to_be_editable()
    await reply.press("Control+Enter")
    arrives.set()
    await expect(reply).to_have_value("All is done.")
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("All is done.")
    assert (await read_ticket(service, world, ticket))["messages"] == ["All is done."]


async def test_a_note_mentions_a_colleague_and_a_reply_does_not(
    page: Page, service: Service, world: World
) -> None:
    await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await reply.press_sequentially("Ask @bi")
    await page.get_by_role("button", name="Note", exact=True).click()
    note = page.get_by_label("Internal note")
    await note.press_sequentially("Ask @bi")
    await expect(options_of(page, "People")).to_have_count(1)
    await note.press("Enter")
    await expect(note).to_have_value("Ask @bill@example.com ")
    await note.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("Ask @bill@example.com")

    async def is_notified() -> bool:
        found = await service.client(world.bill.token).run(NOTIFICATIONS)
        return "MENTIONED" in [each["reason"] for each in found["notifications"]["nodes"]]

    await until(is_notified)
    await page.get_by_role("button", name="Reply", exact=True).click()
    await reply.press_sequentially("l")
    await expect(reply).to_have_value("Ask @bil")
    await expect(options_of(page, "People")).to_have_count(0)
