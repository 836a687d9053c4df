"""Reads the state of a database's migrations."""

from __future__ import annotations

from models import database, migrate


async def list_pending_migrations() -> list[str]:
    """The names of the migrations that are not applied yet."""
    async with database.transaction():
        executor = await migrate.create_executor()
        return [step.migration.name for step in await executor.plan()]
