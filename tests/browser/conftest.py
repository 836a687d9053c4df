"""Chromium, and pages of the service in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright
from support import Service, World
from support.accounts import set_passwords
from support.browser_page import open_page
from support.web_applications import CHROMIUM_OPTIONS, require_built, require_chromium


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    require_built()
    program = require_chromium()
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        yield found
        await found.close()


@pytest.fixture
async def page(browser: Browser, service: Service, world: World) -> AsyncIterator[Page]:
    """A page in which `ada` or `cora` can sign in."""
    await set_passwords("ada", "cora")
    async with open_page(browser, service.port) as found:
        yield found


@pytest.fixture
async def second_page(browser: Browser, service: Service, world: World) -> AsyncIterator[Page]:
    """A page of another browser, in which `bill` can sign in."""
    await set_passwords("bill")
    async with open_page(browser, service.port) as found:
        yield found
