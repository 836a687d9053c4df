"""What the records need beside their tables: search, ticket numbers and the log's head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.queries import search

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect

FIRST_NUMBER = 1001


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Run once on empty tables."""
    await search.install(client, dialect)
    if dialect == "postgres":
        await client.execute_query(f"CREATE SEQUENCE ticket_numbers AS bigint START {FIRST_NUMBER}")
    await client.execute_query("INSERT INTO log_head (id, position) VALUES (1, 0)")


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    await client.execute_query("DELETE FROM log_head")
    if dialect == "postgres":
        await client.execute_query("DROP SEQUENCE ticket_numbers")
    await search.remove(client, dialect)
