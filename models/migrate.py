"""Migrates a database to the current tables, in one transaction and one process at a time.

Tortoise 1.1.9 changes an SQLite table by creating a new one and dropping the old. With foreign keys
enabled, that deletes all rows that refer to it with ON DELETE CASCADE. So foreign keys are disabled
during the migration, and checked before the commit. We know no upstream issue.
"""

from __future__ import annotations

from typing import cast

from models import database
from models.database import config
from models.database.migration_executor import Executor
from models.demo_clock import ClockAdvance
from models.escalation import path
from models.log import consumer
from models.notifications.notification import NotificationHead
from models.people import team
from models.sla.defaults import create_default_policies
from models.sla.records import SlaRevision
from models.views.saved_view import SavedViewRevision

ADVISORY_LOCK_ID = 7_204_113
LOCK_TIMEOUT_MS = 10 * 60_000
"""How long a process waits while another migrates the same SQLite file; no limit on Postgres."""


class BrokenReferences(Exception):
    """A migration would leave rows that refer to missing rows. It was rolled back."""


async def migrate() -> list[str]:
    """Apply the pending migrations, and create the required rows that are missing.

    Returns the names of the applied migrations. Raises BrokenReferences or the database's own
    errors; then nothing is changed.
    """
    if database.dialect() == "sqlite":
        return await migrate_sqlite()
    async with database.transaction():
        await database.fetch_dicts("SELECT pg_advisory_xact_lock(?)", [ADVISORY_LOCK_ID])
        applied = await apply_migrations()
        await create_required_rows()
    return applied


async def migrate_sqlite() -> list[str]:
    await database.fetch_dicts("PRAGMA foreign_keys = OFF")
    await database.fetch_dicts(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_MS}")
    try:
        async with database.transaction():
            applied = await apply_migrations()
            await check_references()
            await create_required_rows()
        return applied
    finally:
        await database.fetch_dicts("PRAGMA foreign_keys = ON")
        await database.fetch_dicts(f"PRAGMA busy_timeout = {config.BUSY_TIMEOUT_MS}")


async def create_required_rows() -> None:
    """Counters, log consumers, teams, categories, policies and paths; existing rows are kept."""
    for counter in (SlaRevision, NotificationHead, ClockAdvance, SavedViewRevision):
        await counter.get_or_create(id=1)
    for name in consumer.PERMANENT_CONSUMERS:
        await consumer.register(name)
    await team.create_default_teams()
    await create_default_policies()
    await path.create_default_paths()


async def apply_migrations() -> list[str]:
    applied: list[str] = []

    def record_progress(event: str, _app: str, name: str) -> None:
        if event == "apply_done":
            applied.append(name)

    executor = await create_executor()
    await executor.migrate(direction="forward", progress=record_progress)
    return applied


async def create_executor() -> Executor:
    """The executor of migrations, after creating the table of applied migrations.

    The executor detects a missing table by a failing query, which would abort the transaction on
    Postgres.
    """
    apps = cast("dict[str, dict[str, object]]", config.APPS)
    executor = Executor(database.connection(), apps)
    editor = executor._schema_editor(atomic=False)  # pyright: ignore[reportPrivateUsage]
    await executor.recorder.ensure_schema(editor)
    return executor


async def check_references() -> None:
    broken = await database.fetch_dicts("PRAGMA foreign_key_check")
    if broken:
        tables = ", ".join(sorted({str(row["table"]) for row in broken}))
        raise BrokenReferences(
            f"{len(broken)} rows in {tables} refer to missing rows; the migration was rolled back"
        )
