"""Real databases, real sockets: a fresh migrated database for each test, and the service on a port of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
import structlog

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import Service, World  # noqa: E402 - the path comes first
from support.service import running  # noqa: E402

from engine.logs import COMMON, RENDER  # noqa: E402
from models import database as db  # noqa: E402
from models import migrate  # noqa: E402

SERVER = os.environ.get("TEST_DATABASE", "sqlite")
"""`sqlite`, or the URL of a Postgres server's maintenance database."""

NEVER_AWAITED = ("coroutine object GraphQLCoreConverter.from_resolver", "coroutine object Executor.")
NO_PROMISES = "UPDATE sla_policies SET active = FALSE; UPDATE escalation_paths SET active = FALSE"
"""For tests that count entries of the log, in which promises and the steps of escalation would have theirs."""


def named(name: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))


async def on_server(statement: str, url: str = SERVER) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Have the log in plain lines, and leave out what pyproject.toml has the warnings leave out, where Python fails to warn.

    structlog's own default tells of an exception by drawing all that its frames hold: gigabytes, where they hold the schema. A
    coroutine that was never awaited can be collected inside code that was made without builtins, as a named tuple's constructor
    is; there the warning can't even be imported, and that failure comes instead of it.
    """
    structlog.configure(processors=[*COMMON, RENDER])
    hook = sys.unraisablehook

    def kept(unraisable: sys.UnraisableHookArgs) -> None:
        unimported = isinstance(unraisable.exc_value, KeyError) and unraisable.exc_value.args == ("__import__",)
        if not (unimported and any(name in repr(unraisable.object) for name in NEVER_AWAITED)):
            hook(unraisable)

    sys.unraisablehook = kept


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


@contextlib.asynccontextmanager
async def copied(source: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a copy of a database that nobody has open; its name or path, as `template` has it."""
    if SERVER == "sqlite":
        path = folder / f"{uuid4().hex[:12]}.db"
        shutil.copy(source, path)
        yield f"sqlite:///{path}"
        return
    name = f"tw_test_{uuid4().hex[:12]}"
    await on_server(f"CREATE DATABASE {name} TEMPLATE {source}")
    try:
        yield named(name)
    finally:
        await on_server(f"DROP DATABASE {name} WITH (FORCE)")


Copy = Callable[[str, Path], contextlib.AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def copy() -> Copy:
    return copied


@pytest_asyncio.fixture(loop_scope="session")
async def url(request: pytest.FixtureRequest, template: str, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database; with the mark `without_promises` one that promises nothing by default."""
    async with copied(template, tmp_path) as found:
        if request.node.get_closest_marker("without_promises") is not None:
            await quieten(found)
        yield found


async def quieten(url: str) -> None:
    if SERVER != "sqlite":
        await on_server(NO_PROMISES, url)
        return
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.executescript(NO_PROMISES)


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
