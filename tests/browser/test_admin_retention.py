"""Retention policies in the administration: what they would erase is shown before they do it."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, expect
from support import Service, World
from support.accessibility import assert_accessible
from support.accounts import set_passwords
from support.admin_page import Pointer, open_admin
from support.browser_page import open_page

from models.retention.policy import RetentionPolicy

STORED = """{ retentionPolicies { nodes { name filter ageDays active version } } }"""
CREATE = """mutation($input: CreateRetentionPolicyInput!) {
  createRetentionPolicy(input: $input) { userErrors { message } } }"""


async def read_policies(service: Service, world: World) -> list[dict[str, Any]]:
    found = await service.client(world.root.token).run(STORED)
    return list(found["retentionPolicies"]["nodes"])


async def test_a_policy_is_created_looked_at_activated_and_deleted(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    ticket = (await cora.raise_ticket("Old"))["id"]
    await ada.do("closeTicket", ticketId=ticket, reason="SPAM")
    service.clock.advance(days=50)
    async with open_page(browser, service.port) as page:
        hand = Pointer(page)
        await open_admin(page)
        await hand.open_section("Retention policies")
        await hand.start_new("New retention policy")
        await hand.fill("Name", "A month")
        await hand.fill("Days after the closure", "7")
        await hand.save()
        age = page.get_by_label("Days after the closure")
        await expect(age).to_be_focused()
        await expect(page.locator("[data-field=ageDays] .error")).to_contain_text("must be 30 to")
        await age.fill("30")
        await hand.save()
        effects = page.get_by_role("region", name="What it erases")
        await expect(effects).to_contain_text("would erase now: 1, with replies and notes: 0")
        await expect(effects).to_contain_text("It has erased nothing so far.")
        assert await read_policies(service, world) == [
            {"name": "A month", "filter": {}, "ageDays": 30, "active": False, "version": 1}
        ]
        await page.get_by_label("Add: Teams").select_option("Billing")
        await page.get_by_role("button", name="Save").click()
        await expect(effects).to_contain_text("would erase now: 0")
        await page.get_by_role("button", name="Activate …").click()
        dialog = page.get_by_role("dialog", name="Activate “A month”?")
        await expect(dialog).to_contain_text("They can’t be restored.")
        await dialog.get_by_role("button", name="Activate").click()
        await expect(page.get_by_role("button", name="Deactivate")).to_be_visible()
        await assert_accessible(page, "active retention policy")
        await age.fill("60")
        await page.get_by_role("button", name="Save").click()
        dialog = page.get_by_role("dialog", name="Change an active retention policy?")
        await dialog.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        (stored,) = await read_policies(service, world)
        assert stored["filter"] == {"team": {"in": ["billing"]}}
        assert (stored["ageDays"], stored["active"]) == (60, True)
        await page.get_by_role("button", name="Delete …").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_text("There is nothing here yet.")).to_be_visible()
    assert not await RetentionPolicy.exists()


async def test_a_filter_that_the_form_cannot_express_stays(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    filter = {"category": {"nin": ["billing"]}, "subject": {"contains": "ä"}}
    input = {"name": "By API", "filter": filter, "ageDays": 90}
    await service.client(world.root.token).run(CREATE, input=input)
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/retention")
        await page.get_by_role("link", name="By API").click()
        await expect(page.get_by_label("Tickets", exact=True)).to_be_disabled()
        await expect(page.get_by_role("group", name="Teams")).to_have_count(0)
        await page.get_by_label("Name", exact=True).fill("Renamed")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    (stored,) = await read_policies(service, world)
    assert (stored["name"], stored["filter"]) == ("Renamed", filter)
