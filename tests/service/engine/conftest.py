"""A database in which there is something to see everywhere. A worker process fills it once, and tests copy it."""

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
async def filled(template: str, copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, LargeDataset]]:
    """The path or name of a database to copy, and the viewers that look at it."""
    async with copy(template, tmp_path_factory.mktemp("plenty")) as url:
        await db.connect(url)
        try:
            plenty = await LargeDataset.make()
        finally:
            await db.disconnect()
        parts = urlsplit(url)
        yield url.removeprefix("sqlite:///") if parts.scheme == "sqlite" else parts.path.strip("/"), plenty
