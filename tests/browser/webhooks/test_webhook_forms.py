"""The form of a webhook while somebody leaves it, and lists and states that change meanwhile."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from support import Client
from support.desk_page import open_desk
from support.held_requests import hold
from support.webhooks import Receiver, create_webhook, deliver, read_webhook

from workers.webhooks.deliverer import WebhookDeliverer

LIST = "/desk/webhooks"
QUESTION = "Discard your changes?"
PAGE_SIZE = 25


def deliveries_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Deliveries").get_by_role("listitem")


async def discard(page: Page) -> None:
    question = page.get_by_role("dialog", name=QUESTION)
    await question.get_by_role("button", name="Discard the changes").click()


async def test_a_late_response_to_a_form_that_was_left_moves_nobody(
    page: Page, admin: Client, receiver: Receiver
) -> None:
    await open_desk(page, "root", f"{LIST}/new")
    await page.get_by_label("URL of the receiver").fill(receiver.url)
    release = await hold(page, "mutation")
    await page.get_by_role("button", name="Create webhook").click()
    await page.get_by_role("button", name="Cancel").click()
    await discard(page)
    await expect(page).to_have_url(re.compile(f"{LIST}$"))
    release()
    link = page.get_by_role("main").get_by_role("link", name=receiver.url)
    await expect(link).to_be_visible()  # the list shows that it was created
    await expect(page).to_have_url(re.compile(f"{LIST}$"))
    await expect(page.get_by_role("group", name="Secret")).to_have_count(0)


async def test_a_late_response_does_not_close_the_form_that_was_opened_again(
    page: Page, admin: Client, receiver: Receiver
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await open_desk(page, "root", f"{LIST}/{webhook['id']}")
    edit = page.get_by_role("button", name="Edit webhook")
    await edit.click()
    await page.get_by_role("checkbox", name="RATED").check()
    release = await hold(page, "mutation")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Cancel").click()
    await edit.click()
    await page.get_by_role("checkbox", name="MERGED", exact=True).check()
    async with page.expect_response(lambda each: "updateWebhook" in (each.request.post_data or "")):
        release()
    # The page reads the webhook again, and so shows that the first form was saved.
    async with page.expect_response(lambda each: "mutation" not in (each.request.post_data or "")):
        pass
    await expect(page.get_by_role("checkbox", name="MERGED", exact=True)).to_be_checked()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("version")
    stored = await admin.run("query($id: ID!) { webhook(id: $id) { types } }", id=webhook["id"])
    assert sorted(stored["webhook"]["types"]) == ["RATED", "TICKET_CREATED"]


async def test_escape_leaves_a_form_only_after_a_question_and_never_from_a_text(
    page: Page, receiver: Receiver
) -> None:
    await open_desk(page, "root", f"{LIST}/new")
    url = page.get_by_label("URL of the receiver")
    await url.fill(receiver.url)
    await url.press("Escape")
    await page.get_by_role("radio", name="A message for Slack").focus()
    question = page.get_by_role("dialog", name=QUESTION)
    await expect(question).to_have_count(0)
    choice = page.get_by_role("checkbox", name="RATED")
    await choice.check()
    await choice.press("Escape")
    await question.get_by_role("button", name="Keep editing").click()
    await expect(url).to_have_value(receiver.url)
    await expect(choice).to_be_checked()
    await choice.press("Escape")
    await discard(page)
    await expect(page).to_have_url(re.compile(f"{LIST}$"))
    await page.get_by_role("link", name="New webhook").click()
    await expect(page.get_by_label("URL of the receiver")).to_have_value("https://")


async def test_a_pause_and_its_end_are_visible_and_what_waited_is_sent(
    page: Page, admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await open_desk(page, "root", f"{LIST}/{webhook['id']}")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Somebody paused it.")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    await cora.raise_ticket()
    await deliver(worker)
    assert receiver.received == []
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page.get_by_text("Somebody paused it.")).to_have_count(0)
    assert (await read_webhook(admin, webhook))["state"] == "ACTIVE"
    await deliver(worker)
    assert len(receiver.acknowledged) == 1
    await expect(deliveries_of(page)).to_have_count(1)


async def test_more_new_deliveries_than_a_page_has_are_all_reached(
    page: Page, admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    """The newest page replaces the list, and "Show more" leads to those between."""
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket("The first one")
    await deliver(worker)
    await open_desk(page, "root", f"{LIST}/{webhook['id']}")
    rows = deliveries_of(page)
    await expect(rows).to_have_count(1)
    for _ in range(PAGE_SIZE + 5):
        await cora.raise_ticket()
    await deliver(worker)
    show = page.get_by_role("button", name=re.compile(r"^\d+ new: show$"))
    await expect(show).to_be_visible()
    await expect(rows).to_have_count(1)
    await show.click()
    await expect(rows).to_have_count(PAGE_SIZE)
    await expect(show).to_have_count(0)
    more = page.get_by_role("button", name="Show more")
    await more.click()
    await expect(rows).to_have_count(PAGE_SIZE + 6)
    await expect(more).to_have_count(0)
    newest = (await read_webhook(admin, webhook))["deliveries"]["nodes"]
    assert len(newest) == PAGE_SIZE + 6
