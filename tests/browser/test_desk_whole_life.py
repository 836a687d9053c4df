"""A customer raises a ticket by the API, and an agent on the desk handles it until it is closed."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import WIDE, open_desk, row_of, send_and, timeline_of

pytestmark = pytest.mark.both_databases

READ = """query($id: ID!) { ticket(id: $id) { status resolution assignee { displayName }
  satisfaction { score } messages(first: 9) { nodes { __typename body } } } }"""


async def test_an_agent_handles_a_ticket_of_the_api_until_it_is_closed(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    await page.set_viewport_size(WIDE)
    await open_desk(page)
    await expect(page.get_by_text("No ticket is in this view")).to_be_visible()
    ticket = await customer.raise_ticket("Printer")
    row, timeline, main = row_of(page, ticket["ref"]), timeline_of(page), page.get_by_role("main")
    await row.click()
    await page.get_by_role("button", name="Take").click()
    await expect(main).to_contain_text("Assignee: Ada")
    await send_and(page, "Which model is it?", "Send and wait")
    await expect(row).to_contain_text("Waiting")

    await customer.do("replyToTicket", ticketId=ticket["id"], body="An LJ 4")
    await expect(timeline).to_contain_text("An LJ 4")
    await expect(row).to_contain_text("Open")
    await page.get_by_role("button", name="Note", exact=True).click()
    note = page.get_by_role("textbox", name="Internal note")
    await note.fill("It is 30 years old")
    await note.press("Control+Enter")
    await expect(timeline).to_contain_text("It is 30 years old")
    await page.get_by_role("button", name="Reply", exact=True).click()
    await send_and(page, "We send a new one", "Send and resolve")
    await expect(timeline).to_contain_text("to Resolved")

    await customer.do("reopenTicket", ticketId=ticket["id"], reason="It has no paper")
    await expect(timeline).to_contain_text("from Resolved to Open")
    await page.get_by_role("button", name="Resolve", exact=True).click()
    await page.get_by_label("How was it resolved?").fill("Sent paper, too")
    await page.keyboard.press("Control+Enter")
    await expect(timeline.get_by_text("to Resolved")).to_have_count(2)
    await customer.do("closeTicket", ticketId=ticket["id"])
    await expect(timeline).to_contain_text("from Resolved to Closed")
    await expect(row).to_contain_text("no longer here")

    agent = service.client(world.ada.token)
    found = (await agent.run(READ, id=ticket["id"]))["ticket"]
    assert found == {
        "status": "CLOSED",
        "resolution": "Sent paper, too",
        "assignee": {"displayName": "Ada"},
        "satisfaction": None,
        "messages": {
            "nodes": [
                {"__typename": "Reply", "body": "Which model is it?"},
                {"__typename": "Reply", "body": "An LJ 4"},
                {"__typename": "Note", "body": "It is 30 years old"},
                {"__typename": "Reply", "body": "We send a new one"},
            ]
        },
    }
