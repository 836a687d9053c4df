"""Pages in Chromium that must work without an error in the console."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Request

from support.client import TIMEOUT_SECONDS

NETWORK_ERRORS = ("net::ERR_", "WebSocket connection to")
"""What Chromium writes about a server that does not respond."""


@contextlib.asynccontextmanager
async def open_page(
    browser: Browser, port: int, *expected_errors: str, **options: Any
) -> AsyncIterator[Page]:
    """An empty page with cookies of its own. The options are those of Playwright's `new_context`.

    At the end, the console must be free of errors, among them violations of the content security
    policy, and no request may have gone to another origin. From signing out on, other requests of
    the page may be refused.
    """
    origin = f"http://127.0.0.1:{port}"
    errors: list[str] = []
    expected = [*expected_errors]

    def note_console(message: ConsoleMessage) -> None:
        is_expected = any(each in message.text for each in expected)
        if message.type in ("error", "warning") and not is_expected:
            errors.append(f"{message.type}: {message.text}")

    def note_request(request: Request) -> None:
        if not request.url.startswith(origin):
            errors.append(f"a request to {request.url}")
        if (request.method, request.url) == ("DELETE", f"{origin}/session"):
            expected.append("status of 401")

    context = await browser.new_context(base_url=origin, **options)
    try:
        context.set_default_timeout(TIMEOUT_SECONDS * 1000)
        found = await context.new_page()
        found.on("console", note_console)
        found.on("pageerror", lambda error: errors.append(f"exception: {error}"))
        found.on("request", note_request)
        yield found
    finally:
        await context.close()
    assert not errors, errors
