"""Wallboards in a browser."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from support.accessibility import PHONE, ZOOM_400, assert_usable
from support.admin_mutations import run_mutation
from support.browser_page import NETWORK_ERRORS, open_page
from support.client import TIMEOUT_SECONDS, Client

expect.set_options(timeout=TIMEOUT_SECONDS * 1000)
TELEVISION: ViewportSize = {"width": 1920, "height": 1080}
MIN_TARGET = 24
UNPAIRED = "the server responded with a status of 401"
"""What Chromium writes about the first request of a screen without a session."""


@contextlib.asynccontextmanager
async def open_screen(browser: Browser, port: int, *expected_errors: str) -> AsyncIterator[Page]:
    """The page of a new screen, as large as a television, which shows its code."""
    async with open_page(browser, port, UNPAIRED, *NETWORK_ERRORS, *expected_errors) as page:
        await page.set_viewport_size(TELEVISION)
        await page.goto("/wall/all")
        await expect(page.locator(".code")).to_be_visible()
        yield page


async def approve(page: Page, client: Client, board: str = "all") -> str:
    """Approve the code on the screen over the API, and wait for the board; the screen's id."""
    code = await page.locator(".code").inner_text()
    screen = await run_mutation(
        client, "approveWallScreen", code=code, name="Entrance", board=board
    )
    await expect_live(page)
    return str(screen["id"])


async def expect_live(page: Page) -> None:
    await expect(page.get_by_text("Live, as of")).to_be_visible()


async def assert_screen_usable(page: Page, state: str) -> None:
    """Check the state of a screen on a television, on a phone and at 400 %."""
    sizes = [(size, MIN_TARGET) for size in (TELEVISION, PHONE, ZOOM_400)]
    await assert_usable(page, state, sizes)


def figure_of(page: Page, name: str) -> Locator:
    """The value of a figure."""
    heading = page.get_by_role("heading", name=name, exact=True)
    return page.locator("section").filter(has=heading).locator(".value")
