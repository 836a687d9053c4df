"""The administration: refusals, conflicts, changes that are not saved, secrets, permission."""

from __future__ import annotations

import contextlib
import re

from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accounts import set_passwords, succeed
from support.admin_page import open_admin
from support.browser_page import open_page

from models.people.user import Role, User

RENAME = """mutation($input: UpdateTeamInput!) {
  updateTeam(input: $input) { team { version } userErrors { code } } }"""
RENAME_ANY = """mutation($calendar: UpdateSlaCalendarInput!, $policy: UpdateSlaPolicyInput!,
    $path: UpdateEscalationPathInput!) {
  updateSlaCalendar(input: $calendar) { userErrors { code } }
  updateSlaPolicy(input: $policy) { userErrors { code } }
  updateEscalationPath(input: $path) { userErrors { code } } }"""
AUDITED = """query { auditLog(first: 100) { nodes { action } } }"""


async def test_a_refusal_stands_at_its_field_and_nothing_is_lost(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/teams/new")
        name, slug = page.get_by_label("Name", exact=True), page.get_by_label("Slug")
        await name.fill("Support " + "ä" * 150)
        await slug.fill("support")
        await page.get_by_role("button", name="Create").click()
        await expect(slug).to_be_focused()
        await expect(slug).to_have_attribute("aria-invalid", "true")
        described = await slug.get_attribute("aria-describedby")
        assert described is not None
        reason = page.locator(f"[id='{described.split()[-1]}']")
        await expect(reason).to_have_text("Another team has this slug.")
        await expect(name).to_have_value("Support " + "ä" * 150)
        await slug.fill("support-2")
        await expect(slug).not_to_have_attribute("aria-invalid", "true")
        await page.get_by_role("button", name="Create").click()
        await expect(page).to_have_url(re.compile("/admin/teams/(?!new)"))
        await page.get_by_label("Add a member").fill("ada")
        await page.get_by_role("option", name="Ada").click()
        members = page.get_by_role("list", name="Members")
        await expect(members).to_contain_text("ada@example.com")
        await members.get_by_role("button", name="Remove Ada").click()
        dialog = page.get_by_role("dialog", name="Remove “Ada” from the team?")
        await dialog.get_by_role("button", name="Remove").click()
        await expect(members).to_contain_text("no members")
        await expect(page.get_by_role("heading", name="Members")).to_be_focused()
        await name.fill("Renamed")
        await page.get_by_role("link", name="← Teams").click()
        question = page.get_by_role("dialog", name="Discard your changes?")
        await question.get_by_role("button", name="Keep editing").click()
        await page.get_by_role("button", name="Discard the changes").click()
        await page.get_by_role("button", name="Archive …").click()
        await page.get_by_role("dialog").get_by_role("button", name="Archive").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("inactive")
        await page.get_by_role("link", name="← Teams").click()
        teams = page.get_by_role("list", name="Teams", exact=True)
        await expect(teams.get_by_role("link").first).to_be_visible()
        await expect(teams.get_by_role("link", name="support-2")).to_have_count(0)
        await page.get_by_label("Show inactive").check()
        await expect(teams.get_by_role("link", name="support-2")).to_be_visible()
        await page.get_by_role("searchbox").fill("zzzz")
        await expect(page.get_by_text("Nothing found")).to_be_visible()
        await page.get_by_role("button", name="Clear the search").click()
        await expect(teams.get_by_role("link", name="support-2")).to_be_visible()


async def test_values_of_a_wrong_type_are_refused_at_their_field(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/calendars/new")
        await page.get_by_label("Name", exact=True).fill("Nights")
        holidays = page.get_by_label("Holidays")
        await holidays.fill("2026-12-25\n2026-13-45")
        await page.get_by_role("button", name="Create").click()
        await expect(holidays).to_be_focused()
        await expect(page.locator("[data-field=holidays] .error")).to_contain_text("calendar date")
        await expect(holidays).to_have_value("2026-12-25\n2026-13-45")
        await page.goto("/admin/sla")
        await page.get_by_role("link").filter(has_text="Urgent").first.click()
        await page.get_by_label("Resolution", exact=True).fill("999999999")
        await page.get_by_role("button", name="Save").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("The clocks of open tickets are computed again.")
        await dialog.get_by_role("button", name="Save").click()
        await expect(page.get_by_label("Resolution", exact=True)).to_be_focused()
        await expect(page.locator("[data-field=resolution] .error")).not_to_be_empty()


async def test_changes_are_not_lost_and_those_of_others_are_not_overwritten(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/teams")
        await page.get_by_role("link", name="support").click()
        name = page.get_by_label("Name", exact=True)
        await name.fill("Help")
        question = page.get_by_role("dialog", name="Discard your changes?")
        await page.get_by_role("navigation").get_by_role("link", name="Macros").click()
        await question.get_by_role("button", name="Keep editing").click()
        await expect(name).to_have_value("Help")
        await page.go_back()
        await expect(question).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(name).to_have_value("Help")
        await expect(page).to_have_url(re.compile("/admin/teams/.+"))
        admin = service.client(world.root.token)
        await admin.run(RENAME, input={"team": "support", "name": "First level"})
        await page.get_by_role("button", name="Save").click()
        notice = page.get_by_role("alert").filter(has_text="Somebody else has changed this")
        await expect(notice).to_be_focused()
        await expect(name).to_have_value("Help")
        await notice.get_by_role("button").click()
        await expect(name).to_have_value("First level")
        await expect(page.locator("form[tabindex]")).to_be_focused()
        await name.fill("Second level")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        await expect(page.get_by_role("heading", level=1, name="Second level")).to_be_visible()
        await name.fill("Third level")
        await page.get_by_role("link", name="← Teams").click()
        await question.get_by_role("button", name="Discard the changes").click()
        row = page.get_by_role("link", name="Second level")
        await expect(row).to_be_focused()


async def test_changes_of_sla_records_by_others_are_not_overwritten(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    admin = service.client(world.root.token)
    sections = {"calendars": "calendar", "sla": "policy", "escalation": "path"}
    inputs: dict[str, dict[str, str]] = {}
    async with contextlib.AsyncExitStack() as pages:
        open_forms: list[Page] = []
        for section, name in sections.items():
            page = await pages.enter_async_context(open_page(browser, service.port))
            await open_admin(page, f"/admin/{section}")
            row = page.locator("main a[data-id]").first
            inputs[name] = {f"{name}Id": str(await row.get_attribute("data-id")), "name": "Theirs"}
            await row.click()
            await page.get_by_label("Name", exact=True).fill("Ours")
            open_forms.append(page)
        await admin.run(RENAME_ANY, **inputs)
        for page in open_forms:
            await page.get_by_role("button", name="Save").click()
            dialog = page.get_by_role("dialog").get_by_role("button", name="Save")
            notice = page.get_by_role("alert").filter(has_text="Somebody else has changed this")
            await expect(dialog.or_(notice).first).to_be_visible()
            if await dialog.is_visible():
                await dialog.click()
            await expect(notice).to_be_visible()
            await expect(page.get_by_label("Name", exact=True)).to_have_value("Ours")
            await notice.get_by_role("button").click()
            await expect(page.get_by_label("Name", exact=True)).to_have_value("Theirs")


async def test_a_token_is_shown_once(browser: Browser, service: Service, world: World) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/clients/new")
        await page.get_by_label("Name", exact=True).fill("Billing sync")
        await page.get_by_role("button", name="Create").click()
        await page.get_by_role("button", name="New API token").click()
        await page.get_by_label("Name", exact=True).last.fill("nightly")
        await page.get_by_role("button", name="Create").click()
        await expect(page.get_by_role("alert")).to_have_text("Choose at least one scope.")
        await page.get_by_label("tickets:read", exact=True).check()
        await page.get_by_role("button", name="Create").click()
        box = page.get_by_role("group", name="The new API token")
        await expect(box).to_be_focused()
        token = await box.locator("code").inner_text()
        viewer = (await service.client(token).run("{ viewer { apiClient { displayName } } }"))[
            "viewer"
        ]
        assert viewer == {"apiClient": {"displayName": "Billing sync"}}
        await page.get_by_role("navigation").get_by_role("link", name="Macros").click()
        question = page.get_by_role("dialog", name="Discard your changes?")
        await question.get_by_role("button", name="Keep editing").click()
        await expect(box.locator("code")).to_have_text(token)
        await box.get_by_role("button", name="I have saved it").click()
        await expect(page.locator("body")).not_to_contain_text(token)
        await page.reload()
        tokens = page.get_by_role("list", name="API tokens")
        await expect(tokens).to_contain_text("nightly")
        await expect(page.locator("body")).not_to_contain_text(token)
        kept = "[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]"
        assert token not in str(await page.evaluate(kept))
        await tokens.get_by_role("button", name="Revoke: nightly").click()
        dialog = page.get_by_role("dialog", name="Revoke the token “nightly”?")
        await dialog.get_by_role("button", name="Revoke").click()
        await expect(tokens).to_contain_text("There are no valid tokens.")
        assert (await service.client(token).answer("{ viewer { role } }")).get("errors")


async def test_a_person_is_promoted_signed_out_and_deactivated(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    await succeed(service.client(world.root.token), "createApiClient", displayName="Nightly sync")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/people")
        await page.get_by_role("searchbox").fill("bill")
        await page.get_by_role("link", name="bill@example.com").click()
        await page.get_by_label("Role").select_option("ADMIN")
        await page.get_by_role("button", name="Save").click()
        dialog = page.get_by_role("dialog", name="Make “Bill” Admin?")
        await dialog.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        sessions = page.get_by_role("list", name="Sessions")
        await sessions.get_by_role("button").click()
        await page.get_by_role("dialog").get_by_role("button", name="End").click()
        await expect(sessions).to_contain_text("There are no sessions.")
        assert (await service.client(world.bill.token).answer("{ viewer { role } }")).get("errors")
        await page.get_by_role("button", name="Deactivate …").click()
        dialog = page.get_by_role("dialog", name="Deactivate “Bill”?")
        await dialog.get_by_label("Who takes over").fill("ada")
        await expect(dialog.get_by_role("option", name="Ada")).to_be_visible()
        await page.keyboard.press("Enter")
        await dialog.get_by_role("button", name="Deactivate").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("inactive")
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        found = await User.get(email="bill@example.com")
        assert (found.role, found.active) == (Role.ADMIN, False)
        await check_audit_log(page)


async def check_audit_log(page: Page) -> None:
    await page.get_by_role("navigation").get_by_role("link", name="Audit log").click()
    entries = page.get_by_role("list", name="Audit log").get_by_role("listitem")
    await expect(entries.first).to_contain_text("deactivateUser")
    await page.get_by_label("Kind of record").select_option("API_CLIENT")
    await expect(entries).to_have_count(1)
    await expect(entries).to_contain_text("Nightly sync")
    await entries.locator("summary").click()
    await entries.get_by_role("link", name="Show the record").click()
    await expect(page.get_by_role("heading", level=1, name="Nightly sync")).to_be_visible()


async def test_agents_learn_that_it_is_for_admins_and_failures_offer_a_retry(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root", "ada")
    async with open_page(browser, service.port, "net::ERR_FAILED") as page:
        await open_admin(page, name="ada")
        await expect(page.get_by_text("Only admins can open this page.")).to_be_visible()
        await expect(page.get_by_role("navigation")).to_have_count(0)
        await page.get_by_role("link", name="To the desk").click()
        await expect(page).to_have_url(re.compile("/desk"))
        await expect(page.get_by_role("link", name="Administration")).to_have_count(0)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(re.compile("/sign-in"))
        await open_admin(page)
        await page.route("**/graphql", lambda route: route.abort())
        await page.get_by_role("navigation").get_by_role("link", name="Categories").click()
        await expect(page.get_by_role("alert")).to_contain_text("can't be reached")
        await page.unroute("**/graphql")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("list", name="Categories")).to_be_visible()
        await page.goto("/admin/categories/nothing")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.goto("/desk")
        await page.get_by_role("link", name="Administration").click()
        await expect(page.get_by_role("heading", level=1, name="Administration")).to_be_visible()


async def test_what_was_typed_survives_an_action_and_an_invalid_address_shows_a_page(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/categories")
        await page.locator("main a[data-id]").first.click()
        name = page.get_by_label("Name", exact=True)
        await name.fill("Not saved yet")
        await page.get_by_role("button", name=re.compile("^Archive")).click()
        await page.get_by_role("dialog").get_by_role("button", name="Archive").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.get_by_role("button", name=re.compile("^Archive"))).to_have_count(0)
        await expect(name).to_have_value("Not saved yet")
        await page.goto("/admin/teams/%E0%A4%A")
        await expect(page.get_by_role("navigation", name="Administration")).to_be_visible()
