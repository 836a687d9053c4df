"""The portal's list and a ticket follow the server; what a customer does is stored."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import WIDE, open_desk, row_of, send_and, timeline_of
from support.held_requests import hold, hold_response
from support.portal_page import card_of, open_portal


@pytest.mark.both_databases
async def test_a_customer_and_an_agent_handle_a_ticket_from_its_form_to_its_rating(
    page: Page, second_page: Page, browser: Browser, service: Service, world: World
) -> None:
    """Another customer, who looks at the portal all the time, sees nothing of it."""
    await set_password("olga@example.com", hash_password(PASSWORD))
    async with open_page(browser, service.port) as other:
        await open_portal(other, "olga", "/portal?whose=all")
        await follow_to_the_end(page, second_page, service, world)
        own = await service.client(world.olga.token).raise_ticket("Olga's printer")
        await expect(card_of(other, own["ref"])).to_be_visible()
        await expect(other.get_by_role("main").get_by_role("listitem")).to_have_count(1)
        await expect(other.get_by_role("button", name="show")).to_have_count(0)
        await expect(other.get_by_role("link", name="unread")).to_have_count(0)


async def follow_to_the_end(page: Page, second_page: Page, service: Service, world: World) -> None:
    await second_page.set_viewport_size(WIDE)
    await open_desk(second_page)
    await expect(second_page.get_by_text("No ticket is in this view")).to_be_visible()
    ref = await raise_in_portal(page)
    desk, portal = timeline_of(second_page), timeline_of(page)
    await row_of(second_page, ref).click()
    await second_page.get_by_role("button", name="Take").click()
    await expect(portal).to_contain_text("Ada takes care of it")
    await second_page.get_by_role("button", name="Note", exact=True).click()
    await second_page.get_by_role("textbox", name="Internal note").fill("A secret of the team")
    await second_page.get_by_role("button", name="Add internal note").click()
    await expect(desk).to_contain_text("A secret of the team")
    await second_page.get_by_role("button", name="Reply", exact=True).click()
    await send_and(second_page, "Which **model**?", "Send and wait")
    await expect(portal).to_contain_text("Which model?")
    await expect(page.get_by_text("We wait for your answer")).to_be_visible()
    await expect(page.locator("body")).not_to_contain_text("secret")
    await page.get_by_label("Your reply").fill("The LJ 4")
    await page.get_by_role("button", name="Send reply").click()
    await expect(desk).to_contain_text("The LJ 4")
    await expect(portal).to_contain_text("The LJ 4")

    await send_and(second_page, "A new toner", "Send and resolve")
    await page.get_by_role("button", name="I still need help").click()
    await page.get_by_label("What is still wrong?").fill("It is the wrong one")
    await page.get_by_role("button", name="Reopen the ticket").click()
    await expect(desk).to_contain_text("from Resolved to Open")
    await send_and(second_page, "The right toner", "Send and resolve")
    await expect(portal).to_contain_text("The right toner")
    await page.get_by_role("button", name="Yes, this is solved").click()
    await expect(page.get_by_role("main")).to_contain_text("New status: Closed")
    await expect(desk).to_contain_text("from Resolved to Closed")
    await page.get_by_role("radio", name="Very satisfied").check()
    await page.get_by_label("Comment (optional)").fill("Fast")
    await page.get_by_role("button", name="Send the rating").click()
    await expect(page.get_by_text("Very satisfied (5 of 5)")).to_be_visible()
    fields = "{ ticketByNumber(number: %d) { status satisfaction { score comment } } }"
    query = fields % int(ref.removeprefix("TKT-"))
    found = (await service.client(world.ada.token).run(query))["ticketByNumber"]
    assert found == {"status": "CLOSED", "satisfaction": {"score": 5, "comment": "Fast"}}


async def raise_in_portal(page: Page) -> str:
    """Raise a ticket as Cora, and stay on its page; return its ref."""
    await open_portal(page, path="/portal/new")
    await page.get_by_role("radio", name="Technical").check()
    await page.get_by_label("Subject").fill("Printer")
    await page.get_by_label("What has happened?").fill("It burns")
    await page.get_by_role("button", name="Send ticket").click()
    await expect(page).to_have_url(re.compile(r"/tickets/TKT-\d+$"))
    await expect(timeline_of(page)).to_contain_text("It burns")
    return page.url.rpartition("/")[2]


async def test_the_list_is_live_and_has_only_the_customers_own_tickets(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    other = await service.client(world.carl.token).raise_ticket("Carl's printer")
    foreign = await service.client(world.olga.token).raise_ticket("Olga's printer")
    await open_portal(page)
    await expect(page.get_by_text("You have no open tickets")).to_be_visible()
    ticket = await cora.raise_ticket("Printer")
    await expect(card_of(page, ticket["ref"])).to_contain_text("We have received it")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which one?", then="AWAIT_CUSTOMER")
    await expect(card_of(page, ticket["ref"])).to_contain_text("We need your answer")
    await expect(card_of(page, ticket["ref"])).to_contain_text("Last reply: Ada")
    await expect(card_of(page, ticket["ref"]).get_by_text("New", exact=True)).to_be_visible()
    await expect(card_of(page, other["ref"])).to_have_count(0)
    await page.get_by_label("With tickets of colleagues").check()
    await expect(card_of(page, other["ref"])).to_contain_text("by Carl")
    await expect(card_of(page, foreign["ref"])).to_have_count(0)
    await card_of(page, ticket["ref"]).click()
    await expect(timeline_of(page)).to_contain_text("Which one?")
    await page.get_by_role("link", name="Your tickets").click()
    await expect(card_of(page, ticket["ref"]).get_by_text("New", exact=True)).to_have_count(0)
    await cora.do("closeTicket", ticketId=ticket["id"])
    await page.get_by_role("link", name="Closed").click()
    await expect(card_of(page, ticket["ref"])).to_contain_text("Closed")


async def test_a_ticket_stays_read_if_the_list_was_read_before_the_mark(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which one?")
    await open_portal(page)
    card = card_of(page, ticket["ref"])
    new = card.get_by_text("New", exact=True)
    await expect(new).to_be_visible()
    store_mark = await hold(page, "mutation PortalMarkRead")
    await card.click()
    await expect(timeline_of(page)).to_contain_text("Which one?")
    responded, deliver = await hold_response(page, "query PortalFirstTickets", "Printer", "Late")
    await page.get_by_role("link", name="Your tickets").click()
    await responded.wait()
    await expect(new).to_be_visible()
    store_mark()
    await expect(card).to_be_visible()
    await expect(new).to_have_count(0)
    deliver()
    await expect(card).to_contain_text("Late")
    await expect(new).to_have_count(0)


async def test_a_new_ticket_waits_behind_a_button(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    first = await cora.raise_ticket("Printer")
    await open_portal(page)
    await expect(card_of(page, first["ref"])).to_be_visible()
    second = await cora.raise_ticket("Scanner")
    show = page.get_by_role("button", name="1 new: show")
    await expect(show).to_be_visible()
    await expect(card_of(page, second["ref"])).to_have_count(0)
    await show.click()
    await expect(card_of(page, second["ref"])).to_be_visible()


async def test_a_ticket_of_another_customer_does_not_exist(
    page: Page, service: Service, world: World
) -> None:
    foreign = await service.client(world.olga.token).raise_ticket("Olga's printer")
    await open_portal(page, path=f"/tickets/{foreign['ref']}")
    await expect(page.get_by_role("alert")).to_contain_text("you may not see it")
    await expect(page.locator("body")).not_to_contain_text("Olga's printer")


async def test_a_reply_and_its_file_survive_a_reload_and_are_sent_once(
    page: Page, service: Service, world: World, tmp_path: Path
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket("Printer")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    path = tmp_path / "error.txt"
    path.write_text("E13")
    await page.get_by_label("Files to attach").set_input_files(path)
    await expect(page.get_by_role("list", name="Files")).to_contain_text("1 kB")  # it has arrived
    reply = page.get_by_label("Your reply")
    await reply.fill("See the file")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.reload()
    await expect(reply).to_have_value("See the file")
    await page.get_by_role("button", name="Send reply").click()
    await expect(timeline_of(page).get_by_role("button", name="error.txt")).to_be_visible()
    await expect(reply).to_have_value("")
    await expect(page.get_by_label("Unsent reply")).to_have_count(0)
    fields = "messages(first: 9) { nodes { body attachments { filename } } }"
    found = await cora.run(f"{{ ticketByNumber(number: {ticket['number']}) {{ {fields} }} }}")
    assert found["ticketByNumber"]["messages"]["nodes"] == [
        {"body": "See the file", "attachments": [{"filename": "error.txt"}]}
    ]


async def test_a_reply_that_is_refused_can_be_edited(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket("Printer")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_label("Your reply").fill("x" * 65_537)
    await page.get_by_role("button", name="Send reply").click()
    unsent = page.get_by_label("Unsent reply")
    await expect(unsent.get_by_role("alert")).to_contain_text("Not sent")
    await unsent.get_by_role("button", name="Edit").click()
    await expect(page.get_by_label("Your reply")).to_have_value("x" * 65_537)
    await expect(unsent).to_have_count(0)


async def test_a_refused_reply_to_a_merged_ticket_keeps_its_text(
    browser: Browser, service: Service, world: World
) -> None:
    """The page has no reply box into which the text could go back."""
    await set_password("cora@example.com", hash_password(PASSWORD))
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = await cora.raise_ticket("Printer"), await cora.raise_ticket("Scanner")
    async with open_page(browser, service.port, *NETWORK_ERRORS) as page:
        await open_portal(page, path=f"/tickets/{ticket['ref']}")
        await page.get_by_label("Your reply").fill("It has worked for a year")
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Send reply").click()
        unsent = page.get_by_label("Unsent reply")
        await expect(unsent).to_contain_text("It has worked for a year")
        await agent.do("mergeTickets", ticketId=ticket["id"], intoId=other["id"])
        await page.context.set_offline(False)
        await expect(unsent.get_by_role("alert")).to_contain_text("Not sent")
        await expect(page.get_by_label("Your reply")).to_have_count(0)
        await expect(unsent.get_by_role("button")).to_have_text(["Discard"])
        await page.reload()
        await expect(unsent).to_contain_text("It has worked for a year")


async def test_a_customer_reopens_and_withdraws_a_ticket(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new toner")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_role("button", name="I still need help").click()
    await page.get_by_label("What is still wrong?").fill("It is the wrong one")
    await page.get_by_role("button", name="Reopen the ticket").click()
    await expect(timeline_of(page)).to_contain_text("It is the wrong one")
    await expect(page.get_by_text("We are working on it", exact=False).first).to_be_visible()
    await page.get_by_role("button", name="I no longer need help").click()
    dialog = page.get_by_role("dialog", name="Close this ticket?")
    await dialog.get_by_role("button", name="I no longer need help").click()
    await expect(page.get_by_role("region", name="What you can do")).to_be_focused()
    await expect(timeline_of(page)).to_contain_text("New status: Closed")
    await expect(page.get_by_text(re.compile("^Possible until"))).to_be_visible()
    fields = "{ ticketByNumber(number: %d) { status closeReason } }"
    found = (await agent.run(fields % ticket["number"]))["ticketByNumber"]
    assert found == {"status": "CLOSED", "closeReason": "WITHDRAWN"}


async def test_what_was_promised_is_shown_in_words(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    promises = page.get_by_role("list", name="What we promise")
    await expect(promises).to_contain_text("First answer by")
    await expect(promises).to_contain_text("Solution by")
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which one?")
    await expect(promises).to_contain_text("First answer given in time")
