"""No page of the administration breaks a rule of axe-core, also at 400 % and in other languages."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Page, ViewportSize, expect
from support import Service, World
from support.accessibility import OVERFLOW, PHONE, ZOOM_400, assert_accessible
from support.accounts import set_passwords
from support.admin_page import open_admin
from support.admin_records import create_records
from support.browser_page import open_page

WIDE: ViewportSize = {"width": 1280, "height": 900}
SECTIONS = {
    "people": "People",
    "teams": "Teams",
    "organizations": "Organizations",
    "categories": "Categories",
    "fields": "Custom fields",
    "macros": "Macros",
    "views": "Shared views",
    "retention": "Retention policies",
    "calendars": "SLA calendars",
    "sla": "SLA policies",
    "escalation": "Escalation paths",
    "clients": "API clients",
}
CUT_OFF = """() => [...document.querySelectorAll("main :is(button, input, select, textarea, h1)")]
  .filter((each) => { const box = each.getBoundingClientRect(); return box.right > innerWidth; })
  .map((each) => each.outerHTML.slice(0, 120))"""


async def assert_usable(page: Page, state: str) -> None:
    await assert_accessible(page, state)
    assert await page.evaluate(OVERFLOW) <= 0, state
    assert await page.evaluate(CUT_OFF) == [], state


async def assert_record_usable(page: Page, state: str) -> None:
    """Check the page of a record: as it is stored at 400 % and wide, and with a change."""
    name = page.get_by_label(re.compile("^(Name|Label)$"))
    await expect(name).not_to_have_value("")
    await assert_usable(page, state)
    await page.set_viewport_size(WIDE)
    await name.fill("Changed")
    await expect(page.get_by_role("button", name="Discard the changes")).to_be_visible()
    await assert_usable(page, f"{state}, changed, wide")
    await page.get_by_role("button", name="Discard the changes").click()
    await page.set_viewport_size(ZOOM_400)


async def test_every_page_at_400_percent(browser: Browser, service: Service, world: World) -> None:
    await set_passwords("root")
    records = await create_records(service.client(world.root.token), world)
    async with open_page(browser, service.port) as page:
        await open_admin(page)
        await assert_usable(page, "overview")
        await page.set_viewport_size(ZOOM_400)
        await assert_usable(page, "overview at 400 %")
        for section, title in SECTIONS.items():
            await page.goto(f"/admin/{section}")
            rows = page.get_by_role("list", name=title, exact=True)
            await expect(rows.or_(page.get_by_text("There is nothing here yet."))).to_be_visible()
            await assert_usable(page, f"list of {section}")
            await page.goto(f"/admin/{section}/new")
            await expect(page.get_by_role("button", name="Create")).to_be_visible()
            await assert_usable(page, f"new record of {section}")
            if section in records:
                await page.goto(f"/admin/{section}/{records[section]}")
                await assert_record_usable(page, f"record of {section}")
        for section in ("tokens", "audit"):
            await page.goto(f"/admin/{section}")
            await expect(
                page.get_by_text("There are no valid tokens.").or_(page.locator("summary")).first
            ).to_be_visible()
            await assert_usable(page, section)
        await page.get_by_text("updateSlaPolicy").first.click()
        opened = page.locator("details[open]")
        await expect(opened.get_by_role("link", name="Show the record")).to_be_visible()
        await assert_usable(page, "a change of a policy")


async def test_records_dialogs_and_lists_to_choose_from(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    names = {"slug": "long", "name": "Donaudampfschifffahrtsgesellschaft" * 5}
    await service.client(world.root.token).run(
        "mutation($input: CreateTeamInput!) { createTeam(input: $input) { team { id } } }",
        input=names,
    )
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/teams")
        await page.set_viewport_size(PHONE)
        await page.get_by_role("link", name="Donau").click()
        await page.get_by_label("Add a member").fill("a")
        await expect(page.get_by_role("option").first).to_be_visible()
        await assert_usable(page, "a team with a very long name, and people to choose from")
        await page.get_by_role("button", name="Archive …").click()
        await assert_usable(page, "question")
        await page.goto("/admin/people")
        await page.get_by_role("link", name="ada@example.com").click()
        await expect(page.get_by_role("list", name="Sessions")).to_be_visible()
        await assert_usable(page, "a person")
        await page.set_viewport_size(WIDE)
        await assert_usable(page, "a person, wide")
        await page.get_by_label("Name", exact=True).fill("")
        await page.get_by_role("link", name="← People").click()
        await expect(page.get_by_role("dialog", name="Discard your changes?")).to_be_visible()
        await assert_usable(page, "changes that are not saved")


async def test_other_languages(browser: Browser, service: Service, world: World) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/sla/new")
        await page.set_viewport_size(PHONE)
        for language in ("de", "hi"):
            await page.evaluate(f"localStorage.setItem('ticketwire-language', '{language}')")
            await page.reload()
            await expect(page.locator("html")).to_have_attribute("lang", language)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await assert_usable(page, language)
