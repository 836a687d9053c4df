"""A page in which an admin can sign in, and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page
from support import Client, Service, World
from support.accounts import PASSWORD, set_password
from support.browser_page import open_page
from support.webhook_fixtures import receiver, service, worker

from models.people.password import hash_password

__all__ = ["receiver", "service", "worker"]


@pytest.fixture
async def page(browser: Browser, service: Service, world: World) -> AsyncIterator[Page]:
    """A page in which the admin `root` can sign in."""
    for name in ("root", "ada"):
        await set_password(f"{name}@example.com", hash_password(PASSWORD))
    async with open_page(browser, service.port) as found:
        yield found


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)
