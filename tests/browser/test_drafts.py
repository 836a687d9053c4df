"""What a person writes never gets lost, and is never sent twice."""

from __future__ import annotations

import re

from playwright.async_api import APIResponse, Page, Route, expect
from support import Service, World
from support.desk_page import WIDE, open_desk, timeline_of
from support.live import until
from support.refused_replies import refuse_the_first_reply

from models.tickets.message import Message

WITHOUT_TIMER = """
  const schedule = window.setTimeout;
  window.setTimeout = (run, delay, ...values) =>
    delay === 300 ? 0 : schedule(run, delay, ...values);
"""
"""Drafts are not saved by themselves, so that two tabs have different ones."""
HELD_DRAFTS = """
  window.heldReads = [];
  const get = IDBObjectStore.prototype.get;
  IDBObjectStore.prototype.get = function (key) {
    const request = get.call(this, key);
    if (this.name === "drafts" && sessionStorage.holdsDrafts)
      Object.defineProperty(request, "onsuccess", {
        set: (succeed) => window.heldReads.push(succeed),
      });
    return request;
  };
"""
"""What the browser has stored is read late."""
RELEASE = """() => {
  delete sessionStorage.holdsDrafts;
  for (const succeed of window.heldReads) succeed();
}"""


async def test_two_tabs_with_different_texts_lose_none_of_them(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket, other = await customer.raise_ticket("Printer"), await customer.raise_ticket("Scanner")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    second = await page.context.new_page()
    await second.add_init_script(WITHOUT_TIMER)
    await second.goto(f"/tickets/{ticket['ref']}")
    text, second_text = (each.get_by_label("Reply to the customer") for each in (page, second))
    await second_text.fill("from the second tab")
    await text.fill("from the first tab")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await second.get_by_label("Tickets").get_by_role("link", name=other["ref"]).click()
    await expect(text).to_have_value("from the first tab\n\nfrom the second tab")


async def test_a_text_that_is_written_without_a_pause_is_stored(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.add_init_script(WITHOUT_TIMER)  # as if no pause lasted for a third of a second
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    text = page.get_by_label("Reply to the customer")
    await text.focus()

    async def write_on() -> bool:
        await page.keyboard.type("x")
        return await page.get_by_text("Draft saved").is_visible()

    await until(write_on)
    await page.reload()
    await expect(text).to_have_value(re.compile("^x+$"))


async def test_a_text_that_is_being_sent_cannot_be_changed(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.add_init_script("""
      const put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = function (value, key) {
        const box = document.querySelector("textarea");
        if (this.name === "outbox") window.wasReadonly ??= box.readOnly;
        return put.call(this, value, key);
      };
    """)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("We send a new one")
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("We send a new one")
    assert await page.evaluate("window.wasReadonly") is True
    await expect(reply).to_be_editable()


async def test_a_draft_that_cannot_be_read_is_reported(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.add_init_script("""
      const get = IDBObjectStore.prototype.get;
      IDBObjectStore.prototype.get = function (key) {
        if (this.name === "drafts") throw new Error("the disk is damaged");
        return get.call(this, key);
      };
    """)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    alert = page.get_by_label("Message", exact=True).get_by_role("alert")
    await expect(alert).to_contain_text("can't be read: the disk is damaged")


async def test_a_double_click_on_send_anyway_sends_once(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await refuse_the_first_reply(page, service, world, ticket["id"])
    again = page.get_by_role("button", name="Send anyway")
    await again.evaluate("(button) => { button.click(); button.click(); }")
    await expect(page.get_by_label("Unsent message")).to_have_count(0)
    await expect(timeline_of(page)).to_contain_text("We send a new one")
    bodies = await Message.filter(body="We send a new one").count()
    assert bodies == 1


async def test_a_refused_reply_is_edited_as_a_draft(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    await refuse_the_first_reply(page, service, world, ticket["id"])
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("By the way")
    await page.get_by_role("button", name="Edit").click()
    await expect(page.get_by_label("Unsent message")).to_have_count(0)
    await page.reload()
    await expect(reply).to_have_value("By the way\n\nWe send a new one")


async def test_a_sent_message_that_the_page_does_not_show_is_asked_for_once(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    ticket = await customer.raise_ticket("Printer")
    first: list[APIResponse] = []
    requests = 0

    async def answer_as_at_first(route: Route) -> None:
        nonlocal requests
        if "query Ticket(" not in (route.request.post_data or ""):
            await route.continue_()
            return
        requests += 1
        first.append(first[0] if first else await route.fetch())
        await route.fulfill(response=first[0])

    await page.route("**/graphql", answer_as_at_first)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = page.get_by_label("Reply to the customer")
    for text in ("First", "Second", "Third"):
        await reply.fill(text)
        await reply.press("Control+Enter")
        await expect(page.get_by_label("Unsent message").filter(has_text=text)).to_be_visible()
        await until(Message.filter(body=text).exists)
    messages = 3
    at_most_for_each = 2  # for the message, and for its event
    await expect(page.get_by_label("Unsent message")).to_have_count(messages)
    assert requests <= 1 + at_most_for_each * messages


async def test_a_person_who_signs_out_can_delete_what_the_computer_has_kept(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    path = f"/tickets/{ticket['ref']}"
    await page.set_viewport_size(WIDE)
    await open_desk(page, path=path)
    reply = page.get_by_label("Reply to the customer")
    for button, text in (("Keep and sign out", "We are on it"), ("Delete and sign out", "")):
        await reply.fill("We are on it")
        await expect(page.get_by_text("Draft saved")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("1 draft of yours")
        await dialog.get_by_role("button", name=button).click()
        await expect(page).to_have_url(re.compile("/sign-in$"))
        await open_desk(page, path=path)
        await expect(reply).to_have_value(text)


async def test_what_is_typed_before_the_draft_was_read_continues_it(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await page.add_init_script(HELD_DRAFTS)
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("Written earlier.")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.evaluate("sessionStorage.holdsDrafts = true")
    await page.reload()
    await reply.press_sequentially("Typed at once.")
    await expect(reply).to_have_value("Typed at once.")
    await reply.press("Control+Enter")
    await page.evaluate(RELEASE)
    await expect(reply).to_have_value("Written earlier.\n\nTyped at once.")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    assert not await Message.filter(body__contains="Typed").exists(), "sent before it was seen"
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("Typed at once.")
    await expect(reply).to_have_value("")
