"""A customer raises a ticket in the portal: its form, its draft, and sending it exactly once."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import timeline_of
from support.portal_page import open_portal

FIELD = """mutation($input: CreateCustomFieldInput!) {
  createCustomField(input: $input) { customField { id } userErrors { message } }
}"""
TICKET = """{ tickets(first: 5) { totalCount nodes {
  subject description priority category { slug }
  customFields { field { key } text options { key } }
  resources { kind externalId } attachments { filename } links { kind ticket { ref } } } } }"""


async def add_field(service: Service, world: World, key: str, **more: object) -> None:
    admin = service.client(world.root.token)
    values = {"key": key, "label": key.title(), "type": "TEXT", **more}
    payload = (await admin.run(FIELD, input=values))["createCustomField"]
    assert payload["userErrors"] == [], payload


async def test_a_ticket_has_all_that_the_form_has(
    page: Page, service: Service, world: World, tmp_path: Path
) -> None:
    options = [{"key": "eu", "label": "Europe"}, {"key": "us", "label": "America"}]
    await add_field(
        service, world, "region", type="SELECT", options=options,
        customerAccess="EDITABLE", categories=["technical"], requiredAt="CREATION",
    )  # fmt: skip
    await add_field(service, world, "secret", customerAccess="HIDDEN")
    await add_field(service, world, "model", customerAccess="EDITABLE")
    await open_portal(page)
    await page.get_by_role("link", name="Create a ticket").click()
    await page.get_by_role("radio", name="Technical").check()
    await page.get_by_label("Subject").fill("The printer is on fire")
    await page.get_by_label("What has happened?").fill("It **burns**")
    await page.get_by_label("Region").select_option("Europe")
    await page.get_by_label("Model").fill("LJ 4")
    await expect(page.get_by_label("Secret")).to_have_count(0)
    await page.get_by_label("Priority").select_option("High")
    await page.get_by_role("button", name="Add a server, an invoice").click()
    await page.get_by_label("Kind, such as server").fill("printer")
    await page.get_by_label("Name or number").fill("P-7")
    path = tmp_path / "fire.txt"
    path.write_text("hot")
    await page.get_by_label("Files to attach").set_input_files(path)
    files = page.get_by_role("list", name="Files")
    await expect(files).to_contain_text("1 kB")  # it has arrived
    await page.get_by_role("button", name="Send ticket").click()
    await expect(page).to_have_url(re.compile(r"/tickets/TKT-\d+$"))
    await expect(timeline_of(page)).to_contain_text("It burns")
    found = (await service.client(world.cora.token).run(TICKET))["tickets"]
    assert found["totalCount"] == 1
    assert found["nodes"][0] == {
        "subject": "The printer is on fire",
        "description": "It **burns**",
        "priority": "HIGH",
        "category": {"slug": "technical"},
        "customFields": [
            {"field": {"key": "region"}, "text": None, "options": [{"key": "eu"}]},
            {"field": {"key": "model"}, "text": "LJ 4", "options": []},
        ],
        "resources": [{"kind": "printer", "externalId": "P-7"}],
        "attachments": [{"filename": "fire.txt"}],
        "links": [],
    }


async def test_the_draft_of_a_ticket_survives_a_reload(
    page: Page, service: Service, world: World
) -> None:
    await open_portal(page, path="/portal/new")
    await page.get_by_role("radio", name="Billing").check()
    await page.get_by_label("Subject").fill("Invoice")
    await page.get_by_label("What has happened?").fill("It is wrong")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Subject")).to_have_value("Invoice")
    await expect(page.get_by_label("What has happened?")).to_have_value("It is wrong")
    await expect(page.get_by_role("radio", name="Billing")).to_be_checked()


async def test_similar_own_tickets_are_shown_while_typing(
    page: Page, service: Service, world: World
) -> None:
    own = await service.client(world.cora.token).raise_ticket("The printer prints nothing")
    other = await service.client(world.carl.token).raise_ticket("Carl's printer")
    await open_portal(page, path="/portal/new")
    await page.get_by_label("Subject").fill("My printer is slow")
    similar = page.get_by_role("region", name="Your tickets that may be about the same")
    await expect(similar.get_by_role("link", name=own["ref"])).to_be_visible()
    await expect(similar).not_to_contain_text(other["ref"])
    await page.get_by_label("Subject").fill("Invoice")
    await expect(similar).to_have_count(0)


async def test_a_ticket_that_is_sent_offline_is_stored_once(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("cora@example.com", hash_password(PASSWORD))
    async with open_page(browser, service.port, *NETWORK_ERRORS) as page:
        await send_offline(page, service, world)


async def send_offline(page: Page, service: Service, world: World) -> None:
    await open_portal(page, path="/portal/new")
    await page.get_by_role("radio", name="Sales").check()
    await page.get_by_label("Subject").fill("More printers")
    await page.get_by_label("What has happened?").fill("We need ten")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Send ticket").click()
    unsent = page.get_by_label("Unsent ticket")
    await expect(unsent).to_contain_text("More printers")
    await page.context.set_offline(False)
    await expect(page).to_have_url(re.compile(r"/tickets/TKT-\d+$"))
    await expect(timeline_of(page)).to_contain_text("We need ten")
    found = (await service.client(world.cora.token).run(TICKET))["tickets"]
    assert found["totalCount"] == 1


async def test_a_refused_ticket_can_be_edited_and_loses_nothing(
    page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    earlier = await cora.raise_ticket("Printer")
    await open_portal(page, path=f"/portal/new?follow={earlier['ref']}")
    await expect(page.get_by_text(f"It follows {earlier['ref']}")).to_be_visible()
    await page.get_by_role("radio", name="Sales").check()
    await page.get_by_label("Subject").fill("More printers")
    await page.get_by_label("What has happened?").fill("We need ten")
    await page.get_by_role("button", name="Add a server, an invoice").click()
    await page.get_by_label("Kind, such as server").fill("printer")
    await page.get_by_label("Name or number").fill("P-7")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await service.client(world.root.token).run(
        'mutation { archiveCategory(input: {category: "sales"}) { userErrors { message } } }'
    )
    await page.get_by_role("button", name="Send ticket").click()
    unsent = page.get_by_label("Unsent ticket")
    await expect(unsent.get_by_role("alert")).to_contain_text("Not sent")
    await unsent.get_by_role("button", name="Edit").click()
    await expect(page.get_by_label("What has happened?")).to_have_value("We need ten")
    await expect(page.get_by_label("Name or number")).to_have_value("P-7")
    await expect(page.get_by_text(f"It follows {earlier['ref']}")).to_be_visible()
    await page.get_by_role("radio", name="Billing").check()
    await page.get_by_role("button", name="Send ticket").click()
    await expect(page).to_have_url(re.compile(r"/tickets/TKT-\d+$"))
    newest = (await cora.run(TICKET))["tickets"]["nodes"][0]
    assert newest["links"] == [{"kind": "FOLLOW_UP_OF", "ticket": {"ref": earlier["ref"]}}]
