"""Forms of the administration with several parts store what the person has entered."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accounts import set_passwords
from support.admin_page import Pointer, open_admin
from support.browser_page import open_page

from models.people.user import User

STORED = """{
  escalationPaths { name position trigger metric
    steps { after action team { slug } user { displayName } } }
  customFields(first: 100) { nodes { key type options { key label active } } }
  macros(first: 100) { nodes { name statusAction closeReason assignment
    assignee { displayName } addTags priority text } }
  savedViews(allTeams: true, first: 100) { nodes { name audience team { slug } } }
}"""


async def create_path(page: Page, hand: Pointer) -> None:
    await hand.open_section("Escalation paths")
    await hand.start_new("New escalation path")
    await hand.fill("Name", "Night watch")
    await hand.fill("Position", "-5")
    await hand.choose("Starts when", "An SLA target is at risk")
    await hand.choose("SLA target", "First response")
    await hand.fill("Step 1: After the event", "30")
    await hand.choose("Step 1: What happens", "Transfer to a team")
    await hand.choose("Step 1: Team", "Billing")
    await page.get_by_role("button", name="Add a step").click()
    await expect(page.get_by_label("Step 2: After the event", exact=True)).to_be_focused()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("2")
    await hand.choose("Unit of Step 2: After the event", "days")
    await hand.choose("Step 2: What happens", "Assign to somebody else")
    await page.get_by_label("Step 2: New assignee").fill("bil")
    await page.get_by_role("option", name="bill@example.com").click()
    await page.get_by_role("button", name="Add a step").click()
    await page.get_by_role("button", name="Remove Step 3").click()
    await expect(page.get_by_role("button", name="Add a step")).to_be_focused()
    await hand.save()
    await expect(page.get_by_role("link", name="Night watch")).to_be_visible()


async def create_field(page: Page, hand: Pointer) -> None:
    await hand.open_section("Custom fields")
    await hand.start_new("New custom field")
    await hand.fill("Label", "Data center")
    await hand.choose("Type", "One of a list")
    for label in ("North", "South"):
        await page.get_by_role("button", name="Add an option").click()
        await page.keyboard.type(label)
    await hand.save()
    await page.get_by_role("link", name="Data center").click()
    await expect(page.get_by_label("Key", exact=True)).to_be_disabled()
    await page.get_by_label("can be chosen").first.uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()


async def create_macro(page: Page, hand: Pointer) -> None:
    await hand.open_section("Macros")
    await hand.start_new("New macro")
    await hand.fill("Name", "Not for us")
    await hand.choose("Status", "Close")
    await hand.choose("Reason of the closure", "Spam")
    await hand.choose("New assignee", "A certain person")
    await page.get_by_label("A certain person").fill("ad")
    await expect(page.get_by_role("option", name="ada@example.com")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("A certain person")).to_have_value("Ada")
    await hand.fill("Tags to add", "spam\n\n closed ")
    await hand.choose("Priority", "Low")
    await hand.save()
    await page.get_by_role("link", name="Not for us").click()
    await hand.choose("New assignee", "Nobody")
    await hand.choose("Status", "Start work")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()


async def change_views(page: Page, hand: Pointer) -> None:
    await hand.open_section("Shared views")
    await hand.start_new("New view of all tickets")
    await hand.fill("Name", "Everything")
    await hand.choose("Who sees it", "A team")
    await hand.choose("Team", "Support")
    await hand.save()
    # The list first shows what it had before. Its rows move when the new one arrives.
    await expect(page.get_by_role("link", name="Everything")).to_be_visible()
    await page.get_by_role("link", name="At risk or breached").click()
    await page.get_by_role("button", name="Delete …").click()
    dialog = page.get_by_role("dialog", name="Delete “At risk or breached”?")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("link", name="Everything")).to_be_visible()
    await expect(page.get_by_role("link", name="At risk or breached")).to_have_count(0)


async def test_forms_of_several_parts(browser: Browser, service: Service, world: World) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        hand = Pointer(page)
        await open_admin(page)
        await create_path(page, hand)
        await create_field(page, hand)
        await create_macro(page, hand)
        await change_views(page, hand)
    found = await service.client(world.root.token).run(STORED)
    path = next(each for each in found["escalationPaths"] if each["name"] == "Night watch")
    assert (path["trigger"], path["metric"]) == ("SLA_AT_RISK", "FIRST_RESPONSE")
    assert path["position"] == -5
    assert [list(each.values()) for each in path["steps"]] == [
        ["PT30M", "TRANSFER", {"slug": "billing"}, None],
        ["P2D", "REASSIGN", None, {"displayName": "Bill"}],
    ]
    field = next(each for each in found["customFields"]["nodes"] if each["key"] == "data_center")
    assert field["type"] == "SELECT"
    assert [list(each.values()) for each in field["options"]] == [
        ["north", "North", False],
        ["south", "South", True],
    ]
    macro = next(each for each in found["macros"]["nodes"] if each["name"] == "Not for us")
    assert macro["addTags"] == ["spam", "closed"]
    assert {name: macro[name] for name in ("statusAction", "closeReason", "text")} == {
        "statusAction": "START",
        "closeReason": None,
        "text": None,
    }
    assert (macro["assignment"], macro["assignee"], macro["priority"]) == ("NOBODY", None, "LOW")
    views = {each["name"]: each for each in found["savedViews"]["nodes"]}
    assert views["Everything"]["team"] == {"slug": "support"}
    assert "At risk or breached" not in views


async def test_the_language_and_the_availability_of_a_person(
    browser: Browser, service: Service, world: World
) -> None:
    await set_passwords("root")
    async with open_page(browser, service.port) as page:
        await open_admin(page, "/admin/people")
        await page.get_by_role("link", name="ada@example.com").click()
        language = page.get_by_label("Language", exact=True)
        await language.fill("no language!")
        await page.get_by_role("button", name="Save").click()
        await expect(language).to_be_focused()
        await expect(page.locator("[data-field=locale] .error")).not_to_be_empty()
        await language.fill("de-CH")
        await page.get_by_label("Time zone", exact=True).fill("Europe/Zurich")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Stop assigning tickets automatically").click()
        again = page.get_by_role("button", name="Assign tickets automatically again")
        await expect(again).to_be_visible()
        ada = await User.get(email="ada@example.com")
        assert (ada.locale, ada.time_zone, ada.present) == ("de-CH", "Europe/Zurich", False)
        await again.click()
        await expect(
            page.get_by_role("button", name="Stop assigning tickets automatically")
        ).to_be_visible()
        await language.fill("")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        ada = await User.get(email="ada@example.com")
        assert (ada.locale, ada.present) == (None, True)
        await page.goto("/admin/people")
        await page.get_by_role("link", name="cora@example.com").click()
        await expect(page.get_by_role("button", name="Deactivate …")).to_be_visible()
        await expect(page.get_by_role("button", name="automatically")).to_have_count(0)
