"""Bringing a database to today's tables: all of it in one transaction, one process at a time, on both databases.

Tortoise 1.1.9 rebuilds an SQLite table by drop and rename, which with foreign keys on deletes every row that cascades from
it; so they are off meanwhile and checked before the commit.
"""

from __future__ import annotations

from typing import cast

from tortoise.migrations.executor import MigrationExecutor

from models import database
from models.demo_clock import ClockAdvance
from models.escalation import path
from models.log import consumer
from models.notifications.notification import NotificationHead
from models.people import team
from models.sla.defaults import create_default_policies
from models.sla.records import SlaRevision

APPS = {"models": {"models": database.MODULES, "migrations": "migrations", "default_connection": "default"}}
ADVISORY_LOCK_ID = 7_204_113
LOCK_TIMEOUT_MS = 10 * 60_000
"""How long a process waits on SQLite while another one migrates the same file. On Postgres the advisory lock has no limit."""


class BrokenReferences(Exception):
    """A migration left rows that point to nothing; it was rolled back."""


async def migrate() -> list[str]:
    """Apply what is not applied yet, and make sure of what exists from the first start.

    Returns the names of the migrations applied. Raises BrokenReferences, and whatever the database says, with nothing changed.
    """
    sqlite = database.dialect() == "sqlite"
    if sqlite:
        await database.fetch_dicts("PRAGMA foreign_keys = OFF")
        await database.fetch_dicts(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_MS}")
    try:
        async with database.transaction():
            if not sqlite:
                await database.fetch_dicts("SELECT pg_advisory_xact_lock(?)", [ADVISORY_LOCK_ID])
            applied = await apply_migrations()
            if sqlite:
                await check_references()
            await create_required_rows()
        return applied
    finally:
        if sqlite:
            await database.fetch_dicts("PRAGMA foreign_keys = ON")
            await database.fetch_dicts(f"PRAGMA busy_timeout = {database.BUSY_TIMEOUT_MS}")


async def create_required_rows() -> None:
    """What exists from the first start: rows that count, teams, categories, policies and paths. What is there stays as it is."""
    for counter in (SlaRevision, NotificationHead, ClockAdvance):
        await counter.get_or_create(id=1)
    for name in consumer.PERMANENT_CONSUMERS:
        await consumer.register(name)  # from here on nothing is too early for them
    await team.create_default_teams()
    await create_default_policies()
    await path.create_default_paths()


async def apply_migrations() -> list[str]:
    applied: list[str] = []

    def note(event: str, _app: str, name: str) -> None:
        if event == "apply_done":
            applied.append(name)

    await (await create_executor()).migrate(direction="forward", progress=note)
    return applied


async def create_executor() -> MigrationExecutor:
    """Tortoise's executor, with its own table there: it looks for it by failing, which would end a Postgres transaction."""
    found = MigrationExecutor(database.connection(), cast("dict[str, dict[str, object]]", APPS))
    await found.recorder.ensure_schema(found._schema_editor(atomic=False))  # pyright: ignore[reportPrivateUsage]
    return found


async def pending_migrations() -> list[str]:
    """Names of the migrations that this database lacks."""
    async with database.transaction():
        return [step.migration.name for step in await (await create_executor()).plan()]


async def check_references() -> None:
    broken = await database.fetch_dicts("PRAGMA foreign_key_check")
    if broken:
        tables = sorted({str(row["table"]) for row in broken})
        raise BrokenReferences(f"{len(broken)} rows in {', '.join(tables)} point to nothing; the migration was rolled back")
