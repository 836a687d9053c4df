"""Temporary databases, their processes, and free ports."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from benchmarks import machine

ROOT = Path(__file__).parent.parent
POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"


@contextlib.asynccontextmanager
async def temporary_database(server: str) -> AsyncGenerator[str]:
    """Create an empty database, yield its URL, and drop it afterwards.

    `server` is "sqlite", or the URL of a Postgres server's maintenance database.
    """
    with tempfile.TemporaryDirectory() as folder:
        url = await create_database(server, Path(folder))
        try:
            yield url
        finally:
            if server != "sqlite":
                await execute(server, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


async def create_database(server: str, folder: Path) -> str:
    """Create an empty database; return its URL. `folder`, an absolute path, holds SQLite's file."""
    name = f"tw_bench_{uuid4().hex[:8]}"
    if server == "sqlite":
        return f"sqlite:///{folder}/{name}.db"
    await execute(server, f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def pin_database(url: str, cores: set[int]) -> int:
    """Pin the processes of a Postgres database on this machine to the cores; return their number.

    SQLite has no processes of its own.
    """
    if url.startswith("sqlite"):
        return 0
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        )
        return sum(
            is_postgres(row["pid"]) and machine.pin_process(row["pid"], cores) for row in rows
        )
    finally:
        await connection.close()


def is_postgres(pid: int) -> bool:
    """Whether a process id from the database is a Postgres process of this machine."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False


def database_label(server: str) -> str:
    return "SQLite" if server == "sqlite" else "Postgres"


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
