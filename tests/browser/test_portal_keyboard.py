"""The portal without a pointer. The focus is always visible, and never falls back to the page."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.desk_page import timeline_of
from support.portal_page import open_portal

MAX_STEPS = 60
FOCUS = """() => {
  const { activeElement: element, body } = document;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const isShown = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  return { isLost: element === body, isShown, html: element.outerHTML.slice(0, 120) };
}"""


async def move_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press a key until a control has the focus. Each control on the way must show it."""
    await expect(target).to_be_visible()
    for _ in range(MAX_STEPS):
        await page.keyboard.press(key)
        focus = await page.evaluate(FOCUS)
        assert not focus["isLost"], focus
        assert focus["isShown"], focus
        if await target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"{target} is not reached by {key}")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


async def test_a_ticket_is_raised_answered_confirmed_and_rated_by_keys_alone(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    press, write = page.keyboard.press, page.keyboard.type
    await open_portal(page)
    await move_to(page, page.get_by_role("link", name="New ticket"))
    await press("Enter")
    await expect(page.get_by_role("heading", name="New ticket")).to_be_visible()
    await expect(page.get_by_role("main")).to_be_focused()
    await move_to(page, page.get_by_role("radio").first)
    await press("Space")
    await move_to(page, page.get_by_label("Subject"))
    await write("Printer")
    await move_to(page, page.get_by_label("What has happened?"))
    await write("It burns")
    await move_to(page, button(page, "Send ticket"))
    await press("Enter")
    await expect(page).to_have_url(re.compile(r"/tickets/TKT-\d+$"))
    await expect(timeline_of(page)).to_contain_text("It burns")
    await expect(page.get_by_role("main")).to_be_focused()

    ticket = (await cora.run("{ tickets(first: 1) { nodes { id number } } }"))["tickets"]["nodes"][
        0
    ]
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which?", then="AWAIT_CUSTOMER")
    await move_to(page, button(page, "Answer"))
    await press("Enter")
    reply = page.get_by_label("Your reply")
    await expect(reply).to_be_focused()
    await write("The LJ 4")
    await move_to(page, button(page, "Send reply"))
    await press("Enter")
    await expect(timeline_of(page)).to_contain_text("The LJ 4")
    await expect(reply).to_be_focused()

    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new toner")
    await move_to(page, button(page, "Yes, this is solved"), "Shift+Tab")
    await press("Enter")
    await expect(timeline_of(page)).to_contain_text("New status: Closed")
    await expect(page.get_by_role("region", name="What you can do")).to_be_focused()

    await move_to(page, page.get_by_role("radio", name="Very dissatisfied"))
    await press("ArrowUp")  # from the first to the last
    await expect(page.get_by_role("radio", name="Very satisfied")).to_be_checked()
    await move_to(page, page.get_by_label("Comment (optional)"))
    await write("Fast")
    await move_to(page, button(page, "Send the rating"))
    await press("Enter")
    rating = page.get_by_role("region", name="Your rating")
    await expect(rating).to_contain_text("Very satisfied (5 of 5)")
    await expect(rating).to_be_focused()
    fields = "{ ticketByNumber(number: %d) { status satisfaction { score comment } } }"
    stored = (await agent.run(fields % ticket["number"]))["ticketByNumber"]
    assert stored == {"status": "CLOSED", "satisfaction": {"score": 5, "comment": "Fast"}}


async def test_the_focus_stays_near_a_control_that_goes_away(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket("Printer")
    await service.client(world.carl.token).raise_ticket("Scanner")
    await cora.do("closeTicket", ticketId=ticket["id"])
    await cora.do("rateTicket", ticketId=ticket["id"], score=4)
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    rating = page.get_by_role("region", name="Your rating")
    for name in ("Change the rating", "Cancel"):
        await rating.get_by_role("button", name=name).focus()
        await page.keyboard.press("Enter")
        await expect(rating).to_be_focused()
    await page.get_by_text("Add a colleague").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Colleague").select_option("Carl")
    await button(page, "Add").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("list", name="Also notified")).to_contain_text("Carl")
    await expect(page.get_by_role("region", name="Also notified")).to_be_focused()


async def test_the_focus_stays_in_the_form_when_a_part_of_it_goes_away(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_portal(page, path=f"/portal/new?follow={ticket['ref']}")
    await page.get_by_text(f"It follows {ticket['ref']}").get_by_role("button").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Subject")).to_be_focused()
    add = page.get_by_role("button", name="Add a server, an invoice")
    await add.focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Name or number").fill("P-7")
    await button(page, "Remove P-7").focus()
    await page.keyboard.press("Enter")
    await expect(add).to_be_focused()
