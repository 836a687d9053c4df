"""The portal in a browser."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from support.desk_page import expect_live, start_session


async def open_portal(page: Page, name: str = "cora", path: str = "/portal") -> None:
    """Open a page with a new session, and wait until it is live."""
    await start_session(page, name)
    await page.goto(path)
    await expect(page).to_have_url(re.compile(f"{re.escape(path)}$"))
    await expect_live(page)


def card_of(page: Page, ref: str) -> Locator:
    """A ticket in the list."""
    return page.get_by_role("list", name="Your tickets").get_by_role("link", name=ref)
