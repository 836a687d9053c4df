"""Chromium, and pages of the service in it that must work without an error in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright
from support import Service, World
from support.accounts import PASSWORD, set_password
from support.client import TIMEOUT_SECONDS
from support.web_applications import CHROMIUM_OPTIONS, require_built, require_chromium

from models.people.password import hash_password


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
    """An empty page. At the end, the console must be free of errors, among them violations of the
    content security policy, and no request may have gone to another origin."""
    for name in ("ada", "cora"):
        await set_password(f"{name}@example.com", hash_password(PASSWORD))
    origin = f"http://127.0.0.1:{service.port}"
    errors: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            errors.append(f"{message.type}: {message.text}")

    def note_request(request: Request) -> None:
        if not request.url.startswith(origin):
            errors.append(f"a request to {request.url}")

    context = await browser.new_context(base_url=origin)
    context.set_default_timeout(TIMEOUT_SECONDS * 1000)
    found = await context.new_page()
    found.on("console", note_console)
    found.on("pageerror", lambda error: errors.append(f"exception: {error}"))
    found.on("request", note_request)
    yield found
    await context.close()
    assert errors == []
