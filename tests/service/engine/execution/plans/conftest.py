"""Fixtures of the tests of plans."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import structlog
import time_machine
from support.differential import SchemaRunner
from support.generated_operations import Pool
from support.large_dataset import NOW, LargeDataset

from models import database as db


@pytest.fixture(autouse=True, scope="module")
def critical_logs_only() -> Iterator[None]:
    """Log only critical failures, because a module executes thousands of operations."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
async def runner_and_pool(
    large_database: tuple[str, LargeDataset],
    copy: Callable[[str, Path], AbstractAsyncContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[SchemaRunner, Pool]]:
    """The schema over a copy of the large database, and the values of its records."""
    source, dataset = large_database
    async with copy(source, tmp_path_factory.mktemp("environment")) as url:
        await db.connect(url)
        try:
            runner = SchemaRunner.make(url)
            with time_machine.travel(NOW, tick=False):
                pool = await Pool.read(runner, dataset.tokens["admin"], dataset.tokens["agent"])
            yield runner, pool
        finally:
            await db.disconnect()
