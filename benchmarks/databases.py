"""Databases of a benchmark's own, and ports: made for a run, gone after it."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

ROOT = Path(__file__).parent.parent
POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"


@contextlib.asynccontextmanager
async def empty(server: str) -> AsyncGenerator[str]:
    """The URL of an empty database; `server` is sqlite, or the URL of a Postgres server's maintenance database."""
    if server == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"
        return
    name = f"tw_bench_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


def named(server: str) -> str:
    return "SQLite" if server == "sqlite" else "Postgres"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
