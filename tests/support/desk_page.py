"""The desk in a browser."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from support.accounts import PASSWORD
from support.client import TIMEOUT_SECONDS

expect.set_options(timeout=TIMEOUT_SECONDS * 1000)
WIDE = {"width": 1440, "height": 900}


async def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in and send the form of the sign-in page."""
    await page.get_by_label("Email address").fill(f"{name}@example.com")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def start_session(page: Page, name: str) -> None:
    """Give a page the cookie of a new session, without the sign-in page, which takes longer."""
    if page.url != "about:blank":
        # The new session ends the one of the open page, which then would navigate to the sign-in
        # page while the test navigates elsewhere.
        await page.goto("about:blank")
    data = {"email": f"{name}@example.com", "password": PASSWORD}
    headers = {"X-Requested-With": "tests", "Sec-Fetch-Site": "same-origin"}
    response = await page.request.post("/session", data=data, headers=headers)
    assert (await response.json())["userErrors"] == []


async def open_desk(page: Page, name: str = "ada", path: str = "/desk") -> None:
    """Open a page with a new session, and wait until it is live."""
    await start_session(page, name)
    await page.goto(path)
    await expect(page).to_have_url(re.compile(f"{re.escape(path)}$"))
    await expect_live(page)


async def expect_live(page: Page) -> None:
    await expect(page.locator("header .status")).to_have_text("Live")


def row_of(page: Page, ref: str) -> Locator:
    """The row of a ticket in the list."""
    return page.get_by_label("Tickets").get_by_role("link", name=ref)


def timeline_of(page: Page) -> Locator:
    return page.get_by_role("list", name="Timeline")


async def send_and(page: Page, text: str, action: str) -> None:
    """Write a reply, and send it with an action."""
    await page.get_by_label("Reply to the customer").fill(text)
    await page.get_by_role("button", name="Send and …").click()
    await page.get_by_role("menuitem", name=action).click()
    await expect(timeline_of(page)).to_contain_text(text.replace("*", ""))


def bulk_of(page: Page) -> Locator:
    """The bar that changes the selected tickets."""
    return page.get_by_role("group", name="Change the selected tickets")


def jobs_of(page: Page) -> Locator:
    """The bulk changes of the page."""
    return page.get_by_role("region", name="Bulk changes")
