"""Keeps the indexes and triggers of a SQLite table while a migration removes columns.

Tortoise removes a column by copying the table, without its indexes and triggers.
"""

from __future__ import annotations

from typing import Any


class KeptStatements:
    """The statements that create the indexes and triggers of a table.

    Both methods are for `RunPython`, and do nothing on Postgres, which keeps indexes and triggers.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self.statements: dict[str, str] = {}

    async def read(self, apps: Any, editor: Any) -> None:
        self.statements = await self.read_existing(editor)

    async def restore(self, apps: Any, editor: Any) -> None:
        existing = await self.read_existing(editor)
        for name, statement in self.statements.items():
            if name not in existing:
                await editor.client.execute_query(statement)

    async def read_existing(self, editor: Any) -> dict[str, str]:
        if editor.DIALECT != "sqlite":
            return {}
        rows = await editor.client.execute_query_dict(
            "SELECT name, sql FROM sqlite_master "
            "WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL",
            [self.table],
        )
        return {row["name"]: row["sql"] for row in rows}
