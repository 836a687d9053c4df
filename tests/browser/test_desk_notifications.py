"""The bell of the desk: unread notifications, what they say, and the topics that a person wants."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.accessibility import assert_accessible
from support.desk_page import open_desk, timeline_of
from support.drafts import propose_draft
from support.live import until

MARK_ALL = "mutation { markNotificationsRead(input: {}) { unread } }"
PREFERENCES = "{ viewer { unreadNotifications notificationPreferences { topic channel enabled } } }"


def bell_of(page: Page, name: str) -> Locator:
    return page.get_by_role("banner").get_by_role("button", name=name, exact=True)


async def test_the_bell_counts_and_lists_what_concerns_the_agent(
    page: Page, service: Service, world: World
) -> None:
    bill = service.client(world.bill.token)
    await open_desk(page)
    await page.keyboard.press("g")
    await page.keyboard.press("n")
    panel = page.get_by_role("dialog", name="Notifications")
    await expect(panel.get_by_role("heading", name="Notifications")).to_be_focused()
    await expect(panel.get_by_role("list")).to_contain_text("mentions, assignments")
    await assert_accessible(page, "no notification")
    ticket = await service.client(world.cora.token).raise_ticket("Printer العربية")
    await bill.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
    await bill.do("addNote", ticketId=ticket["id"], body="@ada@example.com has the key")
    items = panel.get_by_role("listitem")
    await expect(items).to_have_count(3)
    await expect(items.nth(0)).to_contain_text("Bill mentioned you")
    await expect(items.nth(1)).to_contain_text("Bill assigned it to you")
    await expect(items.nth(2)).to_contain_text("New ticket from Cora")
    await expect(page.get_by_role("status").filter(has_text="3 unread")).to_have_count(1)
    await assert_accessible(page, "notifications")
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await bell_of(page, "Notifications, 3 unread").click()
    await items.nth(0).get_by_role("button").click()
    await expect(bell_of(page, "Notifications, 2 unread")).to_be_visible()
    await panel.get_by_role("button", name="Mark all as read").click()
    await expect(panel.get_by_role("button", name="Mark all as read")).to_be_disabled()
    await expect(panel.get_by_role("button", name="Mark all as read")).to_be_focused()
    await expect(bell_of(page, "Notifications")).to_be_visible()
    found = await service.client(world.ada.token).run(PREFERENCES)
    assert found["viewer"]["unreadNotifications"] == 0
    await bill.do("addNote", ticketId=ticket["id"], body="@ada@example.com has the key again")
    await expect(bell_of(page, "Notifications, 1 unread")).to_be_visible()
    await service.client(world.ada.token).run(MARK_ALL)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(bell_of(page, "Notifications")).to_be_visible()


async def test_a_ticket_that_is_read_takes_its_notifications_along_in_each_tab(
    page: Page, service: Service, world: World
) -> None:
    cora, bill = service.client(world.cora.token), service.client(world.bill.token)
    ticket, other = await cora.raise_ticket("Printer"), await cora.raise_ticket("Scanner")
    await open_desk(page)
    await bill.do("addNote", ticketId=ticket["id"], body="@ada@example.com has the key")
    await expect(bell_of(page, "Notifications, 3 unread")).to_be_visible()
    tab = await page.context.new_page()
    await tab.goto("/desk")
    await bell_of(tab, "Notifications, 3 unread").click()
    panel = tab.get_by_role("dialog", name="Notifications")
    await expect(panel.get_by_role("listitem")).to_have_count(3)

    await bell_of(page, "Notifications, 3 unread").click()
    items = page.get_by_role("dialog", name="Notifications").get_by_role("listitem")
    await items.nth(0).get_by_role("link").click()
    await expect(page).to_have_url(re.compile(f"/tickets/{ticket['ref']}$"))
    await expect(items).to_have_count(0)
    await expect(bell_of(page, "Notifications, 1 unread")).to_be_visible()
    unread = panel.get_by_role("button", name="Mark as read")
    await expect(unread).to_have_count(1)
    await expect(unread).to_have_accessible_name(f"Mark as read: {other['ref']}")

    # one that arrives while the ticket is open and in view
    await bill.do("addNote", ticketId=ticket["id"], body="@ada@example.com has it again")
    await expect(timeline_of(page)).to_contain_text("has it again")
    await until(lambda: has_counts(service, world, total=4, unread=1))
    # one that makes the ticket not unread
    proposal = {"userId": world.ada.gid, "body": "It is in the safe."}
    await propose_draft(service.client(world.api_client_token), ticket["id"], **proposal)
    await until(lambda: has_counts(service, world, total=5, unread=1))
    await expect(bell_of(page, "Notifications, 1 unread")).to_be_visible()
    await page.goto(f"/tickets/{other['ref']}")
    await expect(bell_of(page, "Notifications")).to_be_visible()
    await expect(bell_of(tab, "Notifications")).to_be_visible()


async def has_counts(service: Service, world: World, *, total: int, unread: int) -> bool:
    query = "{ viewer { unreadNotifications } notifications { totalCount } }"
    found = await service.client(world.ada.token).run(query)
    return (found["notifications"]["totalCount"], found["viewer"]["unreadNotifications"]) == (
        total,
        unread,
    )


async def test_the_agent_chooses_the_topics_and_channels(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    await bell_of(page, "Notifications").click()
    panel = page.get_by_role("dialog", name="Notifications")
    await panel.locator("summary").click()
    topic = panel.get_by_role("group", name="SLA targets at risk or overdue")
    await topic.get_by_label("By email").uncheck()
    await expect(topic.get_by_label("By email")).to_be_enabled()
    await assert_accessible(page, "preferences")
    found = await service.client(world.ada.token).run(PREFERENCES)
    wanted = found["viewer"]["notificationPreferences"]
    assert [each["channel"] for each in wanted if each["topic"] == "SLA" and each["enabled"]] == [
        "IN_APP"
    ]
