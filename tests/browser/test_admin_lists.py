"""Lists of the administration: pages that were loaded stay, and what is new is announced."""

from __future__ import annotations

from playwright.async_api import Browser, ViewportSize, expect
from support import Service, World
from support.accounts import set_passwords
from support.actors import person
from support.admin_page import open_admin
from support.browser_page import open_page

from models.people.user import Organization, Role

PHONE: ViewportSize = {"width": 390, "height": 600}
IS_IN_VIEW = """(option) => {
  const [box, list] = [option, option.parentElement].map((each) => each.getBoundingClientRect());
  return box.top >= list.top && box.bottom <= list.bottom + 1;
}"""


async def test_a_list_that_is_read_again_keeps_the_pages_that_were_loaded(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    await Organization.bulk_create([Organization(name=f"Zebra {n:03}") for n in range(120)])
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/organizations")
        rows = page.get_by_role("list", name="Organizations", exact=True).get_by_role("link")
        count = await Organization.all().count()
        await expect(rows).to_have_count(50)
        for shown in (100, count):
            await page.get_by_role("button", name="Show more").click()
            await expect(rows).to_have_count(shown)
        await Organization.filter(name="Zebra 119").update(name="Zebra 119 renamed")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(rows.last).to_contain_text("renamed")
        await expect(rows).to_have_count(count)
        await page.get_by_role("searchbox").fill("Zebra")
        await expect(rows.first).to_contain_text("Zebra 000")
        await expect(rows).to_have_count(50)


async def test_the_keys_bring_the_chosen_option_into_view_and_the_audit_log_says_its_length(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    for number in range(10):
        await person(f"zora{number}", Role.AGENT)
    async with open_page(browser, service.port) as page:
        await page.set_viewport_size(PHONE)
        await open_admin(page, "/admin/teams")
        await page.get_by_role("link", name="support").click()
        text = page.get_by_label("Add a member")
        assert await page.evaluate("scrollY") == 0, "the bar is in view"
        await text.fill("zora")
        options = page.get_by_role("option")
        await expect(options).to_have_count(10)
        for _ in range(9):
            await text.press("ArrowDown")
        await expect(options.last).to_have_attribute("aria-selected", "true")
        assert await options.last.evaluate(IS_IN_VIEW)
        await page.goto("/admin/audit")
        entries = page.get_by_role("list", name="Audit log").get_by_role("listitem")
        await expect(entries.first).to_be_visible()
        shown = page.get_by_role("status").filter(has_text="shown")
        await expect(shown).to_have_text(f"{await entries.count()} shown")
