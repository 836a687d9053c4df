"""Keeps the full-text index right if a message moves to another ticket.

Only SQLite needs it: its index names the ticket, and Postgres' index is a column of the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect

OLD_NUMBER = "(SELECT number FROM tickets WHERE id = old.ticket_id)"
NEW_NUMBER = "(SELECT number FROM tickets WHERE id = new.ticket_id)"
# The index has no key of the message. Of several equal messages, any one can move.
SQLITE_TRIGGER = (
    "CREATE TRIGGER message_search_move AFTER UPDATE OF ticket_id ON messages BEGIN "
    f"UPDATE message_search SET number = {NEW_NUMBER} WHERE rowid = "
    f"(SELECT MIN(rowid) FROM message_search WHERE number = {OLD_NUMBER} "
    "AND body = new.body AND internal = (new.kind = 'note')); END"
)


async def install(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    if dialect == "sqlite":
        await client.execute_query(SQLITE_TRIGGER)


async def remove(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    if dialect == "sqlite":
        await client.execute_query("DROP TRIGGER message_search_move")
