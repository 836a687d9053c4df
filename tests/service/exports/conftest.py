"""Fixtures for tests of exports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import Client, Service, World
from support.exports import build_exporter
from support.files import running_with_files

from workers.ticket_exports import TicketExports


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
async def service(url: str, folder: Path) -> AsyncIterator[Service]:
    async with running_with_files(url, folder, run_jobs=False) as found:
        yield found


@pytest.fixture
def worker(service: Service, url: str, folder: Path) -> TicketExports:
    del service  # it opens the database
    return build_exporter(url, folder)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)
