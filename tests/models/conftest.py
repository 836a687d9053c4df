"""The room of what is true: its tests share a desk with people and tickets, and a plain Python reading of filters."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

sys.path[:0] = [str(Path(__file__).parent)]

import asyncpg  # noqa: E402 - the path comes first
import pytest  # noqa: E402
import pytest_asyncio  # noqa: E402
from desk import IS_SQLITE, Desk  # noqa: E402
from pile import Pile  # noqa: E402
from tortoise import Tortoise  # noqa: E402

from models.database import MODULES  # noqa: E402

EMPTIED = [
    *(
        "presences",
        "escalation_runs",
        "sla_clocks",
        "mails",
        "notifications",
        "idempotency_keys",
        "events",
        "attachments",
        "messages",
        "ticket_links",
        "ticket_watchers",
        "ticket_resources",
    ),
    *("ticket_tags", "tickets", "tokens", "memberships", "users", "organizations", "api_clients"),
]
"""What tests fill, each table before those that it points to."""


@pytest.fixture(scope="session", autouse=True)
def records() -> None:
    """Records know their foreign keys, also where a test has no database."""
    Tortoise.init_models(MODULES, "models")


if not IS_SQLITE:
    # One database for the whole room, emptied before each test: making one takes longer than most of them.
    SERVER = os.environ["TEST_DATABASE"]

    @pytest_asyncio.fixture(scope="session", loop_scope="session")
    async def room(template: str) -> AsyncIterator[str]:
        name = f"tw_room_{uuid4().hex[:12]}"
        await run(SERVER, f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
        finally:
            await run(SERVER, f"DROP DATABASE {name} WITH (FORCE)")

    @pytest_asyncio.fixture(loop_scope="session")
    async def url(request: pytest.FixtureRequest, room: str) -> str:
        """The URL of a database as fresh as a migrated one; with the mark `without_promises` one that promises nothing."""
        active = request.node.get_closest_marker("without_promises") is None
        promised = "; ".join(f"UPDATE {table} SET active = {active}" for table in ("sla_policies", "escalation_paths"))
        deleted = "; ".join(f"DELETE FROM {table}" for table in EMPTIED)
        untied = "UPDATE tickets SET merged_into_id = NULL WHERE merged_into_id IS NOT NULL"
        begun = "UPDATE log_head SET position = 0; UPDATE rights SET position = 0; ALTER SEQUENCE ticket_numbers RESTART"
        await run(room, f"{untied}; {deleted}; {begun}; {promised}; UPDATE readers SET position = 0")
        return room

    async def run(url: str, statements: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: str) -> Desk:
    """People and teams in a fresh database, with no ticket yet."""
    return await Desk.make()


@pytest_asyncio.fixture(loop_scope="session")
async def pile(desk: Desk) -> Pile:
    """Sixty random tickets in a fresh database."""
    return await Pile.make(desk)
