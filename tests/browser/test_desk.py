"""The desk follows the server: its list, a ticket's timeline, and what a person writes."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect
from support import Service, World
from support.desk_page import open_desk, row_of, timeline_of

pytestmark = pytest.mark.both_databases


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
    await page.get_by_role("textbox", name="Internal note").fill("The **toner** is empty")
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
    note = page.get_by_role("textbox", name="Internal note")
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


async def test_a_draft_survives_a_reload(page: Page, service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("We are working on it")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.reload()
    await expect(reply).to_have_value("We are working on it")


async def test_two_agents_see_what_the_other_one_changes(
    page: Page, second_page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    path = f"/tickets/{ticket['ref']}"
    await open_desk(page, "ada", path)
    await open_desk(second_page, "bill", path)
    await page.get_by_role("button", name="Take").click()
    for each in (page, second_page):
        await expect(each.get_by_role("main")).to_contain_text("Assignee: Ada")
        await expect(row_of(each, ticket["ref"])).to_contain_text("Ada")
        await expect(timeline_of(each)).to_contain_text("assigned it to Ada")
    await second_page.get_by_role("button", name="Note", exact=True).click()
    await second_page.get_by_role("textbox", name="Internal note").fill("I know this printer")
    await second_page.get_by_role("button", name="Add internal note").click()
    await expect(timeline_of(page)).to_contain_text("I know this printer")


async def test_a_change_that_the_server_refuses_is_taken_back_with_the_reason(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")

    async def let_bill_be_faster(route: Route) -> None:
        if "mutation Assign" in (route.request.post_data or ""):
            await expect(page.get_by_role("main")).to_contain_text("Assignee: Ada")
            bill = service.client(world.bill.token)
            await bill.do("assignTicket", ticketId=ticket["id"], assigneeId=world.bill.gid)
        await route.continue_()

    await page.route("**/graphql", let_bill_be_faster)
    await page.get_by_role("button", name="Take").click()
    actions = page.get_by_role("group", name="Actions")
    await expect(actions.get_by_role("alert")).to_contain_text("Not assigned to you")
    await expect(page.get_by_role("main")).to_contain_text("Assignee: Bill")


async def test_a_reply_beside_an_unseen_message_asks_before_it_is_sent(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    sent = False

    async def let_the_customer_be_faster(route: Route) -> None:
        nonlocal sent
        if "mutation Reply" in (route.request.post_data or "") and not sent:
            sent = True
            await customer.do("replyToTicket", ticketId=ticket["id"], body="It works again")
        await route.continue_()

    await page.route("**/graphql", let_the_customer_be_faster)
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("We send a new one")
    await reply.press("Control+Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Not sent")
    await expect(timeline_of(page)).to_contain_text("It works again")
    await page.get_by_role("button", name="Send anyway").click()
    await expect(timeline_of(page)).to_contain_text("We send a new one")
    await expect(page.get_by_label("Unsent message")).to_have_count(0)
