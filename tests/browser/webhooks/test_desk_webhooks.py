"""The pages of webhooks: an admin creates one, tests it, and finds and repairs what went wrong."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from support import Client, Service, World
from support.accessibility import assert_accessible
from support.accounts import PASSWORD, set_password
from support.browser_page import open_page
from support.desk_page import open_desk
from support.webhooks import Receiver, create_webhook, deliver, update

from models.people.password import hash_password
from workers.webhooks.deliverer import WebhookDeliverer

HOSTILE = "<script>window.isHacked = true</script><b>Oops</b> " + "x" * 300
OVERFLOW = "document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth"
PHONE = {"width": 360, "height": 740}
LIST = "/desk/webhooks"


def deliveries_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Deliveries").get_by_role("listitem")


async def test_an_admin_creates_a_webhook_tests_it_and_sends_a_failed_event_again(
    page: Page, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await cora.raise_ticket("An example for the dry run")
    await open_desk(page, "root")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("webhooks")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No webhooks yet.")).to_be_visible()
    await expect(page.get_by_role("main")).to_be_focused()
    await assert_accessible(page, "empty list")
    await page.get_by_role("link", name="New webhook").click()

    await page.get_by_label("URL of the receiver").fill("http://10.0.0.1/")
    await page.get_by_role("button", name="Show what is sent").click()
    body = page.get_by_role("group", name="Body of the request")
    await expect(body).to_contain_text('"subject": "An example for the dry run"')
    await expect(page.get_by_text("Nothing was sent. Cost for each event")).to_be_visible()
    await page.get_by_label("Fields (a GraphQL").fill("{ ticket { ref } }")
    await expect(body).to_have_count(0)
    await page.get_by_label("Tickets (a filter").fill("no JSON")
    create = page.get_by_role("button", name="Create webhook")
    await create.click()
    await expect(page.get_by_role("alert")).to_contain_text("This is no JSON object")
    await expect(page.get_by_label("Tickets (a filter")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Tickets (a filter").fill("")
    await create.click()
    await expect(page.get_by_role("alert")).to_contain_text(
        "no connections are permitted to this address"
    )
    await assert_accessible(page, "refused form")
    await page.get_by_label("URL of the receiver").fill(receiver.url)
    await create.click()

    secret = await page.get_by_role("group", name="Secret").locator("code").inner_text()
    assert secret.startswith("whsec_")
    await assert_accessible(page, "secret")
    await page.get_by_role("button", name="I have saved it").click()
    await expect(page.get_by_role("heading", name=receiver.url)).to_be_visible()
    assert secret not in await page.content()

    await page.get_by_role("button", name="Send a test").click()
    result = page.get_by_role("group", name="Result of the test")
    await expect(result).to_contain_text("The receiver accepted the test")
    announced = page.get_by_role("status").filter(has_text="accepted the test")
    await expect(announced).to_have_text("The receiver accepted the test")
    await expect(result).to_contain_text(re.compile(r"200.*ms"))
    await result.get_by_text("Request", exact=True).click()
    await expect(result.get_by_role("group", name="Request", exact=True)).to_contain_text(
        "webhook-id: ping_"
    )
    assert receiver.received[0].is_signed(secret)

    receiver.answer("500 Oops")
    receiver.text = HOSTILE
    ticket = await cora.raise_ticket("Printer")
    await deliver(worker)
    row = deliveries_of(page).first
    await expect(row).to_contain_text("Trying again")
    await expect(row).to_contain_text("HTTP 500")
    await row.get_by_role("button", expanded=False).click()
    attempts = row.get_by_role("group", name="Attempts")
    await expect(attempts).to_contain_text("the target responded with status 500")
    await expect(attempts.get_by_role("group", name="Response, as text")).to_have_text(HOSTILE)
    assert not await page.evaluate("window.isHacked === true")
    await attempts.get_by_text("Body of the request", exact=True).click()
    await expect(attempts.get_by_role("group", name="Body of the request")).to_contain_text(
        f'"ref": "{ticket["ref"]}"'
    )
    await attempts.get_by_text("Request", exact=True).click()
    request = attempts.get_by_role("group", name="Request", exact=True)
    await expect(request).to_contain_text(f"POST {receiver.url}")
    await expect(request).to_contain_text(f"webhook-id: {receiver.received[-1].id}")
    await expect(request).to_contain_text("webhook-signature: v1,…")
    for size in (PHONE, {"width": 1280, "height": 800}):
        await page.set_viewport_size(size)  # pyright: ignore[reportArgumentType]
        await assert_accessible(page, f"attempts at {size['width']} px")
        assert await page.evaluate(OVERFLOW) <= 0

    receiver.answer("200 OK")
    await row.get_by_role("button", name=f"Send again: TICKET_CREATED {ticket['ref']}").click()
    await expect(row).to_contain_text("Waiting")
    await deliver(worker)
    await expect(row).to_contain_text("Delivered")
    await expect(attempts.get_by_role("listitem")).to_have_count(2)
    assert receiver.acknowledged[-1].json["data"] == {"ticket": {"ref": ticket["ref"]}}


async def test_gaps_are_found_and_a_replay_says_before_how_many_events_it_sends(
    page: Page, admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    receiver.answer("500 Oops")
    for _ in range(3):
        await cora.raise_ticket("Printer")
        await deliver(worker)
    receiver.answer("200 OK")
    await open_desk(page, "root", f"{LIST}/{webhook['id']}")
    await expect(deliveries_of(page)).to_have_count(3)
    gaps = page.get_by_role("region", name="Gaps")
    await gaps.get_by_role("button", name="Find gaps").click()
    await expect(gaps.get_by_text("Events that are not acknowledged: 3")).to_be_visible()
    await expect(gaps.get_by_role("listitem")).to_have_count(3)
    await gaps.get_by_label("Start").select_option("After a cursor")
    cursor = await gaps.get_by_role("listitem").first.locator("code").last.inner_text()
    await gaps.get_by_role("textbox", name="Cursor").fill(cursor)
    await gaps.get_by_role("button", name="Find gaps").click()
    await expect(gaps.get_by_role("listitem")).to_have_count(2)
    await gaps.get_by_role("button", name="Replay events").click()
    dialog = page.get_by_role("dialog", name="Replay events")
    await expect(dialog.get_by_role("textbox", name="Cursor")).to_have_value(cursor)
    await dialog.get_by_role("textbox", name="Cursor").fill("wrong")
    await dialog.get_by_role("button", name="Count the events").click()
    await expect(dialog.get_by_role("alert")).not_to_be_empty()
    await dialog.get_by_role("textbox", name="Cursor").fill(cursor)
    await dialog.get_by_role("button", name="Count the events").click()
    await expect(dialog.get_by_text("Events that are sent again: 2")).to_be_visible()
    await assert_accessible(page, "confirmation")
    received = len(receiver.acknowledged)
    await dialog.get_by_role("button", name="Send again: 2").click()
    await expect(gaps.get_by_role("status")).to_contain_text("sent again now: 2")
    await deliver(worker)
    assert len(receiver.acknowledged) == received + 3, "the earlier one waited, and goes first"
    await gaps.get_by_label("Start").select_option("With the first event")
    await gaps.get_by_role("button", name="Find gaps").click()
    await expect(gaps.get_by_text("Everything is acknowledged.")).to_be_visible()
    await page.get_by_label("State of the deliveries").select_option("Waiting")
    await expect(deliveries_of(page)).to_have_count(0)


async def test_new_deliveries_wait_behind_a_button_and_a_pause_is_visible(
    page: Page, admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    long = {"url": f"{receiver.url}/{'long-' * 60}"}
    webhook, old_secret = await create_webhook(admin, receiver, **long)
    await cora.raise_ticket("Printer")
    await deliver(worker)
    await open_desk(page, "root", f"{LIST}/{webhook['id']}")
    await expect(deliveries_of(page)).to_have_count(1)
    await cora.raise_ticket("Scanner")
    await deliver(worker)
    button = page.get_by_role("button", name="1 new: show")
    await expect(button).to_be_visible()
    await expect(deliveries_of(page)).to_have_count(1)
    await button.press("Enter")
    await expect(deliveries_of(page)).to_have_count(2)
    await expect(page.get_by_role("region", name="Deliveries")).to_be_focused()

    await page.get_by_role("button", name="Replace secret").click()
    await page.get_by_role("dialog").get_by_role("button", name="Replace secret").click()
    group = page.get_by_role("group", name="Secret")
    await expect(group).to_contain_text("For 24 hours, each request has two signatures")
    secret = await group.locator("code").inner_text()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_role("group", name="Result of the test")).to_be_visible()
    assert receiver.received[-1].is_signed(secret)
    assert receiver.received[-1].is_signed(old_secret)
    await page.reload()
    await expect(page.get_by_text("The former secret signs, too, until")).to_be_visible()
    assert secret not in await page.content()

    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Somebody paused it.")).to_be_visible()
    await expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(f"{LIST}$"))
    item = page.get_by_role("main").get_by_role("listitem")
    await expect(item).to_contain_text("Paused")
    await expect(item).to_contain_text("Delivered")
    await page.set_viewport_size(PHONE)  # pyright: ignore[reportArgumentType]
    await assert_accessible(page, "list on a phone")
    assert await page.evaluate(OVERFLOW) <= 0
    await update(admin, webhook, state="ACTIVE")
    await expect(item).to_contain_text("Active")
    await page.get_by_role("combobox", name="View").select_option("Reports")
    await expect(page).to_have_url(re.compile("/desk/reports$"))


async def test_an_edit_is_saved_unless_another_change_came_before(
    page: Page, admin: Client, receiver: Receiver
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await open_desk(page, "root", f"{LIST}/{webhook['id']}")
    for is_late in (False, True):
        await page.get_by_role("button", name="Edit webhook").click()
        if is_late:
            await update(admin, webhook, state="PAUSED")
            await expect(page.get_by_text("Somebody paused it.")).to_be_visible()
        await page.get_by_role("checkbox", name="RATED").set_checked(not is_late)
        await page.get_by_role("button", name="Save").click()
        if is_late:
            await expect(page.get_by_role("alert")).to_contain_text("version")
            await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("definition").nth(2)).to_contain_text("RATED")


async def test_an_agent_reads_that_only_admins_see_webhooks(page: Page) -> None:
    await open_desk(page, "ada", LIST)
    await expect(page.get_by_role("main")).to_contain_text("Only administrators see webhooks.")
    await expect(page.get_by_role("link", name="Reports")).to_be_visible()
    await expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)
    await assert_accessible(page, "forbidden")


async def test_a_webhook_that_is_gone_and_a_failure_are_explained(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("root@example.com", hash_password(PASSWORD))
    async with open_page(browser, service.port, "net::ERR_") as page:
        await open_desk(page, "root", f"{LIST}/whk_nothing")
        await expect(page.get_by_text("There is no such webhook")).to_be_visible()
        await page.route("**/graphql", lambda route: route.abort())
        await page.get_by_role("main").get_by_role("link", name="Webhooks").click()
        await expect(page.get_by_text("The webhooks can’t be loaded")).to_be_visible()
        await assert_accessible(page, "failure")
        await page.unroute("**/graphql")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("No webhooks yet.")).to_be_visible()


@pytest.mark.parametrize(("language", "title"), [("de", "Zustellungen"), ("hi", "डिलीवरी")])
async def test_the_pages_speak_the_language_of_the_person(
    language: str, title: str, page: Page, admin: Client, receiver: Receiver
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    await open_desk(page, "root")
    await page.evaluate(f"localStorage.setItem('ticketwire-language', '{language}')")
    await page.set_viewport_size(PHONE)  # pyright: ignore[reportArgumentType]
    await page.goto(f"{LIST}/{webhook['id']}")
    await expect(page.get_by_role("heading", name=title)).to_be_visible()
    await assert_accessible(page, language)
    assert await page.evaluate(OVERFLOW) <= 0
    await page.goto("/desk/reports?days=90")
    await expect(page.get_by_role("definition")).to_have_count(7)
    await assert_accessible(page, f"reports in {language}")
    assert await page.evaluate(OVERFLOW) <= 0
