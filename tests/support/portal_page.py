"""The portal in a browser."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from support.desk_page import expect_live, sign_in

PHONE = {"width": 360, "height": 740}


async def open_portal(page: Page, name: str = "cora", path: str = "/portal") -> None:
    """Sign in, and wait until the page is live."""
    await page.goto(path)
    await sign_in(page, name)
    await expect(page).to_have_url(re.compile(f"{re.escape(path)}$"))
    await expect_live(page)


def card_of(page: Page, ref: str) -> Locator:
    """A ticket in the list."""
    return page.get_by_role("list", name="Your tickets").get_by_role("link", name=ref)
