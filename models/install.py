"""Creates what the tables of the models need besides: the search index, the sequence of ticket
numbers, and the row of the log's head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.queries.text_search import search
from models.tickets.ticket import FIRST_TICKET_NUMBER

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Create all of them, in a database with the tables of the current models."""
    await search.install(client, dialect)
    await search.install_redaction(client, dialect)
    await install_counters(client, dialect)


async def install_counters(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """Create the sequence of ticket numbers and the row of log_head, on empty tables."""
    if dialect == "postgres":
        await client.execute_query(
            f"CREATE SEQUENCE ticket_numbers AS bigint START {FIRST_TICKET_NUMBER}"
        )
    await client.execute_query("INSERT INTO log_head (id, position) VALUES (1, 0)")


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    await remove_counters(client, dialect)
    await search.remove_redaction(client, dialect)
    await search.remove(client, dialect)


async def remove_counters(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    await client.execute_query("DELETE FROM log_head")
    if dialect == "postgres":
        await client.execute_query("DROP SEQUENCE ticket_numbers")
