"""Colleagues of a ticket, notifications, preferences and the language in the portal."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.live import until
from support.portal_page import open_portal

from models.people.user import Organization, User

WATCHERS = "{ ticketByNumber(number: %d) { watchers { displayName } } }"


async def test_a_customer_adds_and_removes_a_colleague(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket("Printer")
    await service.client(world.carl.token).raise_ticket("Scanner")
    await service.client(world.olga.token).raise_ticket("Of another organization")
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await page.get_by_text("Add a colleague").click()
    choice = page.get_by_label("Colleague")
    await expect(choice.get_by_role("option", name="Carl")).to_be_attached()
    await expect(choice.get_by_role("option", name="Olga")).to_have_count(0)
    await choice.select_option("Carl")
    await page.get_by_role("button", name="Add", exact=True).click()
    people = page.get_by_role("list", name="Also notified")
    await expect(people).to_contain_text("Carl")
    found = (await cora.run(WATCHERS % ticket["number"]))["ticketByNumber"]
    assert "Carl" in [each["displayName"] for each in found["watchers"]]
    await people.get_by_role("button", name="Remove Carl").click()
    await expect(people).not_to_contain_text("Carl")
    found = (await cora.run(WATCHERS % ticket["number"]))["ticketByNumber"]
    assert "Carl" not in [each["displayName"] for each in found["watchers"]]


async def test_the_portal_says_if_everyone_in_the_organization_sees_a_ticket(
    page: Page, service: Service, world: World
) -> None:
    await set_password("olga@example.com", hash_password(PASSWORD))
    for name, count in (("cora", 1), ("olga", 0)):
        person = {"cora": world.cora, "olga": world.olga}[name]
        ticket = await service.client(person.token).raise_ticket("Printer")
        notice = page.get_by_text("Everyone at Acme can see this ticket")
        await open_portal(page, name, "/portal/new")
        await expect(page.get_by_role("button", name="Send ticket")).to_be_visible()
        await expect(notice).to_have_count(count)
        await page.goto(f"/tickets/{ticket['ref']}")
        people = page.get_by_role("region", name="Also notified")
        await expect(people).to_be_visible()
        await expect(people.get_by_text("Acme can see this ticket")).to_have_count(count)


async def test_a_customer_shares_one_ticket_with_the_organization(
    page: Page, service: Service, world: World
) -> None:
    for name in ("olga", "otto"):
        await set_password(f"{name}@example.com", hash_password(PASSWORD))
    ticket = await service.client(world.olga.token).raise_ticket("Printer")
    otto = service.client(world.otto.token)

    async def is_seen() -> bool:
        return (await otto.run(WATCHERS % ticket["number"]))["ticketByNumber"] is not None

    async def is_hidden() -> bool:
        return not await is_seen()

    await open_portal(page, "olga", f"/tickets/{ticket['ref']}")
    choice = page.get_by_role("checkbox", name="Everyone at Other can see this ticket and reply")
    await expect(choice).not_to_be_checked()
    await choice.check()
    await until(is_seen)
    await expect(choice).to_be_enabled()
    await expect(choice).to_be_checked()

    await open_portal(page, "otto", "/portal?whose=all")
    await page.get_by_role("link", name="Printer").click()
    people = page.get_by_role("region", name="Also notified")
    await expect(people.get_by_text("Everyone at Other can see this ticket")).to_be_visible()
    await expect(people.get_by_role("checkbox")).to_have_count(0)
    await expect(page.get_by_text("Only Olga can")).to_be_visible()
    await people.get_by_role("button", name="Notify me about this ticket").click()
    await people.get_by_role("button", name="Remove Otto").click()
    await expect(people.get_by_role("button", name="Notify me about this ticket")).to_be_enabled()
    await expect(people.get_by_role("alert")).to_have_count(0)
    await expect(people.get_by_role("button", name="Remove Otto")).to_have_count(0)

    await open_portal(page, "olga", f"/tickets/{ticket['ref']}")
    await choice.uncheck()
    await until(is_hidden)

    # Who has left the organization does not share a ticket with it.
    acme = await Organization.get(name="Acme")
    await User.filter(id=world.olga.id).update(organization_id=acme.id)
    await page.goto(f"/tickets/{ticket['ref']}")
    await expect(page.get_by_role("region", name="Also notified")).to_be_visible()
    await expect(choice).to_have_count(0)


async def test_a_colleague_in_a_shared_organization_reads_why_a_closed_ticket_stays_closed(
    page: Page, service: Service, world: World
) -> None:
    carl = service.client(world.carl.token)
    ticket = await carl.raise_ticket("Printer")
    await carl.do("updateTicket", ticketId=ticket["id"], sharedWithOrganization=True)
    await carl.do("closeTicket", ticketId=ticket["id"])
    service.clock.advance(days=60)
    await open_portal(page, path=f"/tickets/{ticket['ref']}")
    await expect(page.get_by_role("link", name="New ticket about the same")).to_be_visible()
    await expect(page.get_by_text(re.compile("It could be reopened until"))).to_be_visible()


async def test_notifications_are_live_and_can_be_marked_as_read(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer")
    await open_portal(page, path="/portal/account")
    await expect(page.get_by_text("There are no notifications")).to_be_visible()
    await expect(page.get_by_role("heading", name="Notifications")).not_to_be_focused()
    await agent.do("replyToTicket", ticketId=ticket["id"], body="Which one?")
    notifications = page.get_by_role("list", name="Notifications")
    await expect(notifications).to_contain_text("Ada replied")
    await expect(page.get_by_role("link", name="settings, 1 unread")).to_be_visible()
    await notifications.get_by_role("button", name="Mark as read").click()
    await expect(page.get_by_role("link", name="settings, 1 unread")).to_have_count(0)
    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new one")
    await expect(notifications).to_contain_text("We think this is solved")
    await expect(page.get_by_role("link", name="settings, 1 unread")).to_be_visible()
    await page.get_by_role("button", name="Mark all as read").click()
    await expect(page.get_by_role("link", name="Notifications and settings")).to_be_visible()
    await expect(page.get_by_role("link", name="unread")).to_have_count(0)
    await expect(page.get_by_role("button", name="Mark all as read")).to_be_disabled()
    found = await cora.run("{ viewer { unreadNotifications } }")
    assert found["viewer"]["unreadNotifications"] == 0


async def test_a_ticket_that_is_open_takes_its_notifications_along(
    page: Page, service: Service, world: World
) -> None:
    cora, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = await cora.raise_ticket("Printer"), await cora.raise_ticket("Scanner")
    for each in (ticket, other):
        await agent.do("replyToTicket", ticketId=each["id"], body="Which one?")
    await open_portal(page)
    await expect(page.get_by_role("link", name="settings, 2 unread")).to_be_visible()
    await page.get_by_role("link", name="Printer").click()
    await expect(page.get_by_role("link", name="settings, 1 unread")).to_be_visible()
    await agent.do("resolveTicket", ticketId=ticket["id"], resolution="A new one")
    await expect(page.get_by_role("main")).to_contain_text("A new one")

    async def is_read() -> bool:
        query = "{ viewer { unreadNotifications } notifications { totalCount } }"
        found = await cora.run(query)
        is_notified = found["notifications"]["totalCount"] == 3
        return is_notified and found["viewer"]["unreadNotifications"] == 1

    await until(is_read)
    await expect(page.get_by_role("link", name="settings, 1 unread")).to_be_visible()


async def test_preferences_and_the_language_are_kept(
    page: Page, service: Service, world: World
) -> None:
    await open_portal(page, path="/portal/account")
    replies = page.get_by_role("group", name="Replies")
    await replies.get_by_label("By email").uncheck()
    await expect(replies.get_by_label("By email")).to_be_enabled()
    await page.reload()
    await expect(replies.get_by_label("Here")).to_be_checked()
    await expect(replies.get_by_label("By email")).not_to_be_checked()
    await page.get_by_label("Language").select_option("Deutsch")
    await expect(page.get_by_role("heading", name="Benachrichtigungen")).to_be_visible()
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page).to_have_url(re.compile("/sign-in$"))
