"""Requests of a page that wait, as on a slow network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from playwright.async_api import Page, Route


async def hold(page: Page, text: str) -> Callable[[], None]:
    """Hold the requests to the API that contain a text, until the returned function is called."""
    arrives = asyncio.Event()

    async def wait(route: Route) -> None:
        if text in (route.request.post_data or ""):
            await arrives.wait()
        await route.fallback()

    await page.route("**/graphql", wait)
    return arrives.set
