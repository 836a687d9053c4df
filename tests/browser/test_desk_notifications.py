"""The bell of the desk: unread notifications, what they say, and the topics that a person wants."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.accessibility import assert_accessible
from support.desk_page import open_desk

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
    await items.nth(0).get_by_role("link").click()
    await expect(page).to_have_url(re.compile(f"/tickets/{ticket['ref']}$"))
    await expect(panel).to_be_hidden()
    await bell_of(page, "Notifications, 2 unread").click()
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
