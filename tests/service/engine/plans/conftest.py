"""A database in which there is something to see everywhere, filled once for all the tests of plans."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog
from support.plenty import Plenty

from models import database as db

Copy = Callable[[str, Path], contextlib.AbstractAsyncContextManager[str]]


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """Thousands of operations say nothing meanwhile; what comes after says what it did."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
async def filled(template: str, copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Plenty]]:
    """A database to copy, and who looks at it."""
    async with copy(template, tmp_path_factory.mktemp("plenty")) as url:
        await db.connect(url)
        try:
            plenty = await Plenty.make()
        finally:
            await db.disconnect()
        parts = urlsplit(url)
        yield url.removeprefix("sqlite:///") if parts.scheme == "sqlite" else parts.path.strip("/"), plenty
