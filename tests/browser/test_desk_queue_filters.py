"""The list is filtered and ordered; filters are in the address and become views."""

from __future__ import annotations

import json
import re

from playwright.async_api import Locator, Page, WebSocketRoute, expect
from support import Service, World
from support.admin_mutations import run_mutation
from support.desk_page import open_desk, row_of


def links_of(page: Page) -> Locator:
    return page.get_by_label("Tickets").get_by_role("link")


def filter_of(page: Page) -> Locator:
    return page.get_by_role("search", name="Filter")


async def test_filters_are_in_the_address(page: Page, service: Service, world: World) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    printer = await customer.raise_ticket("Printer on fire")
    scanner = await customer.raise_ticket("Scanner")
    await agent.do("startTicket", ticketId=scanner["id"])
    await open_desk(page)
    await expect(links_of(page)).to_have_count(2)
    await page.keyboard.press("f")
    await page.keyboard.type("fire")
    await expect(row_of(page, scanner["ref"])).to_have_count(0)
    await expect(row_of(page, printer["ref"])).to_be_visible()
    await expect(page).to_have_url(re.compile("q=fire"))
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(links_of(page)).to_have_count(2)
    await filter_of(page).get_by_role("button", name="Status").click()
    await page.keyboard.type("open")
    await page.keyboard.press("Enter")
    await expect(row_of(page, printer["ref"])).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.reload()
    await expect(filter_of(page).get_by_role("button", name="Status: Open")).to_be_visible()
    await expect(links_of(page)).to_have_count(1)
    await page.go_back()
    await expect(links_of(page)).to_have_count(2)


async def test_unread_is_a_filter_that_reading_does_not_clear(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    first = await customer.raise_ticket("Printer")
    second = await customer.raise_ticket("Scanner")
    await open_desk(page)
    await row_of(page, second["ref"]).click()
    await expect(row_of(page, second["ref"])).not_to_contain_text("(unread)")
    await filter_of(page).get_by_role("button", name="Unread").click()
    await expect(row_of(page, second["ref"])).to_have_count(0)
    await row_of(page, first["ref"]).click()
    await expect(row_of(page, first["ref"])).not_to_contain_text("(unread)")
    await expect(row_of(page, first["ref"])).to_be_visible()
    await page.get_by_role("button", name="1 gone: show").click()
    await expect(page.get_by_text("No ticket matches the filter.")).to_be_visible()


async def test_the_order_is_chosen_and_a_new_one_waits(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(3)]
    await agent.do("updateTicket", ticketId=tickets[1]["id"], priority="URGENT")
    await open_desk(page)
    await page.get_by_role("button", name="Order: SLA target ↑").click()
    await page.get_by_role("option", name="Priority").click()
    await expect(links_of(page).first).to_contain_text(tickets[1]["ref"])
    await expect(page).to_have_url(re.compile("order=PRIORITY.DESC"))
    await expect(links_of(page)).to_have_count(3)
    refs = [tickets[number]["ref"] for number in (1, 2, 0)]
    for position, ref in enumerate(refs):
        await expect(links_of(page).nth(position)).to_contain_text(ref)
    await agent.do("updateTicket", ticketId=tickets[0]["id"], priority="HIGH")
    button = page.get_by_role("button", name="new order: show")
    await expect(button).to_be_visible()
    await expect(links_of(page).nth(2)).to_contain_text(tickets[0]["ref"])
    await button.click()
    await expect(links_of(page).nth(1)).to_contain_text(tickets[0]["ref"])
    await expect(button).to_be_hidden()


async def test_a_view_is_created_changed_moved_and_deleted(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await customer.raise_ticket("Printer")
    await customer.raise_ticket("Scanner")
    await agent.do("updateTicket", ticketId=ticket["id"], addTags=["vpn"])
    views = page.get_by_role("navigation", name="Views").get_by_role("link")
    dialog = page.get_by_role("dialog")
    await open_desk(page, path="/desk?tag=vpn")
    for name in ("VPN", "Other"):
        await page.get_by_role("button", name="Save as view").click()
        await dialog.get_by_label("Name").fill(name)
        await dialog.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
        await expect(links_of(page)).to_have_count(1)
        await filter_of(page).get_by_role("button", name="Unread").click()
    await page.get_by_role("button", name="Update view").click()
    await expect(page).to_have_url(re.compile(r"/desk\?view=svw_[^&]*$"))
    await page.get_by_role("button", name="Change the view").click()
    await page.get_by_role("button", name="Move up").click()
    await expect(views.nth(1)).to_contain_text("Other")
    await page.get_by_role("button", name="Change the view").click()
    await page.get_by_role("button", name="Rename the view").click()
    await dialog.get_by_label("Name").fill("Unread VPN")
    await dialog.get_by_role("button", name="Save").click()
    await expect(views.nth(1)).to_contain_text("Unread VPN")
    query = "{ savedViews(first: 9) { nodes { name filter audience } } }"
    found = (await agent.run(query))["savedViews"]["nodes"]
    assert [each["name"] for each in found if each["audience"] == "PERSONAL"] == [
        "Unread VPN",
        "VPN",
    ]
    assert found[0]["filter"]["unread"] is True
    assert found[1]["filter"]["tags"] == {"some": ["vpn"]}
    await page.get_by_role("button", name="Change the view").click()
    await page.get_by_role("button", name="Delete “Unread VPN”").click()
    await expect(page.get_by_role("heading", name="Open tickets")).to_be_visible()
    await expect(views.nth(1)).to_contain_text("VPN")


async def test_a_change_of_a_view_by_another_person_applies_to_the_open_list(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(2)]
    order = [{"field": "NUMBER", "direction": "ASC"}]
    view_id = (await run_mutation(agent, "createSavedView", name="Mine", orderBy=order))["id"]
    await open_desk(page, path=f"/desk?view={view_id}")
    await expect(links_of(page).first).to_contain_text(tickets[0]["ref"])
    order = [{"field": "NUMBER", "direction": "DESC"}]
    await run_mutation(agent, "updateSavedView", viewId=view_id, name="Ours", orderBy=order)
    await expect(links_of(page).first).to_contain_text(tickets[1]["ref"])
    await expect(page.get_by_role("heading", name="Ours")).to_be_visible()


async def test_a_view_of_a_team_is_deleted_only_after_a_question(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    people = {"audience": "TEAM", "team": "support"}
    await run_mutation(agent, "createSavedView", name="Printers", filter={}, **people)
    await open_desk(page)
    view = page.get_by_role("navigation", name="Views").get_by_role("link", name="Printers")
    await view.click()
    dialog = page.get_by_role("dialog", name="Delete “Printers”")
    for answer in ("Cancel", "Delete the view"):
        await page.get_by_role("button", name="Change the view").click()
        await page.get_by_role("button", name="Delete “Printers”").click()
        await expect(dialog).to_contain_text("Others use this view too.")
        await expect(view).to_be_visible()
        await dialog.get_by_role("button", name=answer).click()
        await expect(dialog).to_be_hidden()
    await expect(view).to_have_count(0)


async def test_views_stay_usable_if_their_counts_fail(
    page: Page, service: Service, world: World
) -> None:
    await service.client(world.cora.token).raise_ticket("Printer")

    def refuse_counts(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            content = json.loads(message)
            if "savedViewCounts" not in json.dumps(content):
                server.send(message)
                return
            error = {"message": "Too many views.", "extensions": {"code": "QUERY_TOO_EXPENSIVE"}}
            socket.send(json.dumps({"id": content["id"], "type": "error", "payload": [error]}))

        socket.on_message(pass_on)

    await page.route_web_socket("**/graphql", refuse_counts)
    await open_desk(page)
    views = page.get_by_role("navigation", name="Views")
    await expect(views.get_by_role("alert")).to_contain_text("Too many views.")
    await views.get_by_role("link", name="Unassigned in my teams").click()
    await expect(page.get_by_role("heading", name="Unassigned in my teams")).to_be_visible()
    await expect(links_of(page)).to_have_count(1)
