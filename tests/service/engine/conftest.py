"""A database with rows for every field. Each test process creates it once, and tests copy it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.large_dataset import LargeDataset

from models import database as db

Copy = Callable[[str, Path], contextlib.AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
async def large_database(
    template: str, copy: Copy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, LargeDataset]]:
    """The path or name of the database to copy, and the viewers in it."""
    async with copy(template, tmp_path_factory.mktemp("large")) as url:
        await db.connect(url)
        try:
            dataset = await LargeDataset.make()
        finally:
            await db.disconnect()
        parts = urlsplit(url)
        is_sqlite = parts.scheme == "sqlite"
        source = url.removeprefix("sqlite:///") if is_sqlite else parts.path.strip("/")
        yield source, dataset
