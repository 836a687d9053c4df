"""Real databases, real sockets: a fresh migrated database for each test, and the service on a port of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import Service, World  # noqa: E402 - the path comes first
from support.service import running  # noqa: E402

from models import database as db  # noqa: E402
from models import migrate  # noqa: E402

SERVER = os.environ.get("TEST_DATABASE", "sqlite")
"""`sqlite`, or the URL of a Postgres server's maintenance database."""


def named(name: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))


async def on_server(statement: str) -> None:
    connection = await asyncpg.connect(SERVER)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A migrated database that is copied for each test."""
    if SERVER == "sqlite":
        path = tmp_path_factory.mktemp("template") / "template.db"
        await migrated(f"sqlite:///{path}")
        yield str(path)
        return
    name = f"tw_template_{uuid4().hex[:12]}"
    await on_server(f"CREATE DATABASE {name}")
    try:
        await migrated(named(name))
        yield name
    finally:
        await on_server(f"DROP DATABASE {name} WITH (FORCE)")


async def migrated(url: str) -> None:
    await db.connect(url)
    try:
        await migrate.migrate()
    finally:
        await db.disconnect()


@pytest_asyncio.fixture(loop_scope="session")
async def url(template: str, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database."""
    if SERVER == "sqlite":
        shutil.copy(template, tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    name = f"tw_test_{uuid4().hex[:12]}"
    await on_server(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield named(name)
    finally:
        await on_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(loop_scope="session")
async def empty_url(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without any table."""
    if SERVER == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    name = f"tw_empty_{uuid4().hex[:12]}"
    await on_server(f"CREATE DATABASE {name}")
    try:
        yield named(name)
    finally:
        await on_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(loop_scope="session")
async def database(url: str) -> AsyncIterator[str]:
    """An open database for tests of models."""
    await db.connect(url)
    try:
        yield url
    finally:
        await db.disconnect()


@pytest_asyncio.fixture(loop_scope="session")
async def service(url: str) -> AsyncIterator[Service]:
    """The service in this process, on a real socket, over a fresh database."""
    async with running(url) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def world(service: Service) -> World:
    """People, teams and accounts that most tests need, in the service's database."""
    return await World.make()
