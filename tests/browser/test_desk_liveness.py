"""The desk says what is not current, and goes on without a reload."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import Browser, Page, Route, WebSocket, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import jobs_of, open_desk, row_of, timeline_of
from support.live import until
from support.refused_subscriptions import refuse_subscription

FAST_TIMEOUTS = """
const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (milliseconds) => timeout(milliseconds / 100);
"""


async def sign_in(page: Page, path: str) -> None:
    """Open the desk, although it does not become live."""
    await page.goto(path)
    await page.get_by_label("Email address").fill("ada@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_list_that_has_failed_is_opened_again(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    allow = await refuse_subscription(page, "TicketChanges")
    await sign_in(page, "/desk")
    tickets = page.get_by_label("Tickets", exact=True)
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await expect(tickets.get_by_role("alert")).to_contain_text("Too many lists.")
    allow()
    await page.evaluate("window.isSamePage = true")
    await tickets.get_by_role("button", name="Try again").click()
    await expect(page.locator("header .status")).to_have_text("Live")
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    assert await page.evaluate("window.isSamePage")


async def test_a_ticket_whose_events_fail_says_so_and_follows_them_again(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    allow = await refuse_subscription(page, "TicketEvents")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    alert = page.get_by_role("main").get_by_role("alert")
    await expect(alert).to_contain_text("This is not live: Too many lists.")
    await agent.do("addNote", ticketId=ticket["id"], body="The first note")
    allow()
    await alert.get_by_role("button", name="Try again").click()
    await expect(timeline_of(page)).to_contain_text("The first note")
    await expect(alert).to_have_count(0)
    await agent.do("addNote", ticketId=ticket["id"], body="The second note")
    await expect(timeline_of(page)).to_contain_text("The second note")


async def test_a_finished_bulk_change_is_not_followed_any_more(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    followed, ended = set[str](), set[str]()

    def note(message: str | bytes) -> None:
        content: dict[str, Any] = json.loads(message)
        if "subscription JobChanged" in str(content.get("payload")):
            followed.add(content["id"])
        if content["type"] == "complete":
            ended.add(content["id"])

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", note)

    page.on("websocket", listen)
    await open_desk(page)
    await expect(row_of(page, ticket["ref"])).to_be_visible()
    await page.keyboard.press("Shift+A")
    await page.keyboard.press("s")
    await page.keyboard.type("hold")
    await page.keyboard.press("Enter")
    await expect(jobs_of(page).get_by_role("status")).to_have_text("Put on hold: 1 changed")
    await expect(jobs_of(page).get_by_role("button", name="Undo")).to_be_visible()
    assert followed

    async def is_ended() -> bool:
        return followed <= ended

    await until(is_ended)


async def test_without_a_network_the_desk_says_so_in_words(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("ada@example.com", hash_password(PASSWORD))
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    async with open_page(browser, service.port, *NETWORK_ERRORS) as page:
        await open_desk(page, path=f"/tickets/{ticket['ref']}")
        await expect(page.get_by_role("main")).to_contain_text("Assignee: nobody")
        await page.context.set_offline(True)
        await page.keyboard.press("a")
        status = page.get_by_role("dialog", name="Assignee").get_by_role("status")
        await expect(status).to_contain_text("The server can't be reached.")


async def test_a_server_that_does_not_respond_ends_in_an_error_with_a_way_on(
    page: Page, world: World
) -> None:
    pending: list[Route] = []

    async def hold_viewer(route: Route) -> None:
        if "query Viewer" in (route.request.post_data or ""):
            pending.append(route)
        else:
            await route.continue_()

    await page.goto("/desk")
    await page.route("**/graphql", hold_viewer)
    await sign_in(page, "/desk")
    await expect(page.get_by_role("status")).to_contain_text("Loading the desk")
    await page.add_init_script(FAST_TIMEOUTS)
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("The server can't be reached.")
    await page.unroute("**/graphql")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", name="Open tickets")).to_be_visible()
