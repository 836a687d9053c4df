"""No state of a wallboard breaks a rule of axe-core or is too wide, also at 400 %."""

from __future__ import annotations

import asyncio

from playwright.async_api import Browser, Page, Route, expect
from support import Client, Service, World
from support.admin_mutations import send_mutation
from support.browser_page import NETWORK_ERRORS, open_page
from support.client import TIMEOUT_SECONDS
from support.service import running
from support.wall_page import UNPAIRED, approve, assert_screen_usable, open_screen

REQUESTS = "**/wall/session/**"
API_URL = "https://tickets.example"
STOP_CLOCK = """{
  const start = performance.now();
  window.passedMs = 0;
  performance.now = () => start + window.passedMs;
}"""
"""A page knows by this clock how old its board is. So it does not matter how long checks take."""


async def cut_off(screen: Page) -> None:
    """Block the requests of a screen. At the end, none is on its way."""
    blocked = asyncio.Event()

    async def block(route: Route) -> None:
        blocked.set()
        await route.abort()

    await screen.route(REQUESTS, block)
    await asyncio.wait_for(blocked.wait(), TIMEOUT_SECONDS)


async def let_pass(screen: Page, seconds: int) -> None:
    """Let so many seconds have passed since the page was loaded."""
    await screen.evaluate("(ms) => { window.passedMs = ms; }", seconds * 1000)


async def test_an_approved_screen(browser: Browser, service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    async with open_screen(browser, service.port) as screen:
        screen_id = await approve(screen, ada)
        await screen.get_by_role("button", name="Pause").click()  # the pages must not turn
        await assert_screen_usable(screen, "empty")
        await raise_tickets_of_all_states(service, cora)
        rows = screen.locator("tbody tr")
        for state in ("Breached", "At risk"):
            await expect(rows.filter(has_text=state)).to_have_count(1)
        await expect(rows).to_have_count(10)
        await assert_screen_usable(screen, "overview")
        await screen.get_by_role("button", name="Next page").click()
        await assert_screen_usable(screen, "hours")
        await send_mutation(ada, "revokeWallScreen", screenId=screen_id)
        await expect(screen.locator(".code")).to_be_visible()
        await assert_screen_usable(screen, "revoked")


async def raise_tickets_of_all_states(service: Service, cora: Client) -> None:
    """Raise a ticket that has breached, one at risk, and eight on track."""
    await cora.raise_ticket("Printer", priority="URGENT")
    service.clock.advance(minutes=20)
    await cora.raise_ticket("Printer", priority="URGENT")
    service.clock.advance(minutes=50)
    for _ in range(8):
        await cora.raise_ticket("Printer", priority="HIGH")


async def test_an_approved_screen_that_is_cut_off(
    browser: Browser, service: Service, world: World
) -> None:
    async with open_screen(browser, service.port) as screen:
        await approve(screen, service.client(world.ada.token))
        await raise_tickets_of_all_states(service, service.client(world.cora.token))
        await screen.add_init_script(STOP_CLOCK)
        await screen.reload()
        await expect(screen.locator("tbody tr")).to_have_count(10)
        await cut_off(screen)
        await let_pass(screen, 15)
        await expect(screen.get_by_text("Reconnecting, as of")).to_be_visible()
        await assert_screen_usable(screen, "interrupted")
        await expect(screen.get_by_role("alert")).to_have_count(0)
        await let_pass(screen, 31)
        await expect(screen.get_by_role("alert")).to_contain_text("Not live since")
        await assert_screen_usable(screen, "stale")


async def test_a_screen_that_waits_for_approval(
    browser: Browser, service: Service, world: World
) -> None:
    async with open_page(browser, service.port, UNPAIRED, *NETWORK_ERRORS) as screen:
        await screen.add_init_script(STOP_CLOCK)
        await screen.route(REQUESTS, lambda route: route.abort())
        await screen.goto("/wall/all")
        await expect(screen.get_by_role("heading", name="Connecting")).to_be_visible()
        await assert_screen_usable(screen, "connecting")
        await let_pass(screen, 15)
        await expect(screen.get_by_text("The server can't be reached")).to_be_visible()
        await assert_screen_usable(screen, "connecting for long")
        await screen.unroute(REQUESTS)
        await expect(screen.locator(".code")).to_be_visible()
        await assert_screen_usable(screen, "pairing")
        await cut_off(screen)
        await let_pass(screen, 50)
        await expect(screen.get_by_text("The server can't be reached")).to_be_visible()
        await assert_screen_usable(screen, "pairing, stale")


async def test_a_screen_that_was_opened_at_an_address_without_https(
    browser: Browser, url: str
) -> None:
    """The server refuses an origin other than its own, which is https://."""
    async with (
        running(url, api_url=API_URL) as service,
        open_page(browser, service.port, UNPAIRED, "status of 403") as screen,
    ):
        await screen.goto("/wall/all")
        await expect(screen.get_by_role("alert")).to_contain_text("an address that begins with")
        await assert_screen_usable(screen, "insecure")
