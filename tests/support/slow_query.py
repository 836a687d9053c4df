"""A query that takes longer than any test: `slow_down_categories` replaces its table by a slow
view."""

from __future__ import annotations

from models import database
from support.databases import IS_SQLITE

ENDLESS_COUNT = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"
)
ENDLESS_EXPRESSION = ENDLESS_COUNT if IS_SQLITE else "SELECT pg_sleep(300)"
STATEMENTS = (
    "ALTER TABLE categories RENAME TO quick",
    f"CREATE VIEW categories AS SELECT * FROM quick WHERE ({ENDLESS_EXPRESSION}) IS NOT NULL",
)
RUNNING = """
SELECT pid FROM pg_stat_activity
WHERE state = 'active' AND query LIKE '%categories c%' AND pid <> pg_backend_pid()
"""
SLOW_QUERY = "{ categories { name } }"


async def slow_down_categories() -> None:
    for statement in STATEMENTS:
        await database.connection().execute_script(statement)


async def count_running() -> int:
    """The number of slow queries that the database runs."""
    if IS_SQLITE:
        return len(database.connection().readers.running)  # type: ignore[attr-defined]
    return len(await database.fetch_dicts(RUNNING))


async def is_running() -> bool:
    return await count_running() > 0


async def is_idle() -> bool:
    return await count_running() == 0
