"""A database with many tickets, for tests of query plans."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from support import databases
from support.many_tickets import LargeDatabase, create_large_database
from support.ticket_factory import Desk

from models import database

Copy = Callable[[str, Path], AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
async def large_database_url(
    template: str, copy: Copy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, LargeDatabase]]:
    """The URL of a database with many tickets. No test writes to it."""
    async with copy(template, tmp_path_factory.mktemp("many")) as url:
        await databases.deactivate_slas(url)
        await database.connect(url)
        try:
            found = await create_large_database(await Desk.make())
        finally:
            await database.disconnect()
        yield url, found


@pytest.fixture
async def large(large_database_url: tuple[str, LargeDatabase]) -> AsyncIterator[LargeDatabase]:
    url, found = large_database_url
    await database.connect(url)
    try:
        yield found
    finally:
        await database.disconnect()
