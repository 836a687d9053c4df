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


async def hold_response(
    page: Page, text: str, old: str, new: str
) -> tuple[asyncio.Event, Callable[[], None]]:
    """Hold the responses to the requests that contain a text, until the function is called.

    Returns an event, which is set when the server has responded, and the function. `old` is
    replaced by `new` in the response, so that a test can see that the page has received it.
    """
    responded, arrives = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        if text not in (route.request.post_data or ""):
            return await route.fallback()
        response = await route.fetch()
        body = await response.text()
        responded.set()
        await arrives.wait()
        return await route.fulfill(response=response, body=body.replace(old, new))

    await page.route("**/graphql", wait)
    return responded, arrives.set
