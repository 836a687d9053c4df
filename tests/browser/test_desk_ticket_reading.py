"""When a ticket counts as read, and what survives a reload besides messages."""

from __future__ import annotations

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import open_desk, row_of, timeline_of

HELD_TIMERS = """
  const [schedule, clear] = [window.setTimeout, window.clearTimeout];
  const held = new Map();
  window.setTimeout = (run, delay, ...values) => {
    if (delay !== 2000) return schedule(run, delay, ...values);
    const id = schedule(() => 0, 1e9);
    held.set(id, run);
    return id;
  };
  window.clearTimeout = (id) => {
    held.delete(id);
    clear(id);
  };
  window.passTime = () => held.forEach((run) => run());
"""
"""The two seconds after which a ticket counts as seen end when `passTime` is called."""


async def test_a_ticket_that_is_only_passed_stays_unread(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    passed, watched, taken = [await customer.raise_ticket(each) for each in ("One", "Two", "Three")]
    heading = page.get_by_role("main").get_by_role("heading", level=1)
    await page.add_init_script(HELD_TIMERS)
    await open_desk(page)
    for ticket in (passed, watched):
        await row_of(page, ticket["ref"]).click()
        await expect(heading).to_have_text(ticket["subject"])
    await page.evaluate("window.passTime()")
    await expect(row_of(page, watched["ref"])).not_to_contain_text("(unread)")
    await row_of(page, taken["ref"]).click()
    await page.get_by_role("button", name="Take").click()
    await expect(row_of(page, taken["ref"])).not_to_contain_text("(unread)")
    await expect(row_of(page, passed["ref"])).to_contain_text("(unread)")
    await customer.do("replyToTicket", ticketId=taken["id"], body="One more thing")
    await expect(timeline_of(page)).to_contain_text("One more thing")
    await expect(row_of(page, taken["ref"])).not_to_contain_text("(unread)")


async def test_reasons_that_were_not_sent_survive_a_reload(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")

    async def escalate() -> None:
        await page.get_by_role("button", name="More actions").click()
        await page.get_by_role("option", name="Escalate").click()

    async def reopen() -> None:
        await page.keyboard.press("s")
        await page.get_by_role("option", name="Reopen").click()

    resolved = timeline_of(page).get_by_role("listitem").filter(has_text="to Resolved")
    for count, (start, label, button, result) in enumerate(
        (
            (escalate, "Reason", "Escalate", "escalated it to level 1"),
            (reopen, "Reason for reopening", "Reopen", "from Resolved to Open"),
        )
    ):
        await start()
        field = page.get_by_role("textbox", name=label)
        await expect(field).to_be_focused()
        await field.fill("The boss needs it")
        await page.keyboard.press("Escape")
        await expect(field).to_have_count(0)
        await start()
        await expect(field).to_have_value("The boss needs it")  # the browser has stored it
        await page.keyboard.press("Escape")
        await page.reload()
        await expect(page.get_by_role("article", name=ticket["ref"])).to_contain_text("Printer")
        await start()
        await expect(field).to_have_value("The boss needs it")
        await page.get_by_role("dialog").get_by_role("button", name=button).click()
        await expect(timeline_of(page)).to_contain_text(result)
        await expect(timeline_of(page)).to_contain_text("The boss needs it")
        await agent.do("resolveTicket", ticketId=ticket["id"], resolution="It works")
        await expect(resolved).to_have_count(count + 1)
    await reopen()
    await expect(page.get_by_role("textbox", name="Reason for reopening")).to_have_value("")


async def test_without_storage_the_desk_does_not_say_that_a_draft_is_saved(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.add_init_script("delete window.indexedDB")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_label("Reply to the customer").fill("We send a new one")
    await expect(page.get_by_text("Draft kept only while this page is open")).to_be_visible()
    await expect(page.get_by_text("Draft saved")).to_have_count(0)
