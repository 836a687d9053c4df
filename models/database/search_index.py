"""Maintains the full-text indexes of SQLite. Postgres maintains its own."""

from __future__ import annotations

from models import database

TICKET_INDEX = "ticket_search"
MESSAGE_INDEX = "message_search"
INDEXES = (TICKET_INDEX, MESSAGE_INDEX, "user_search")


async def remove_deleted_words(*indexes: str) -> None:
    """Rewrite FTS5 indexes without the words of deleted and changed texts.

    An index otherwise keeps them until it merges its segments. The option `secure-delete` of FTS5
    needs SQLite 3.42. Takes longer with more texts.
    """
    if database.dialect() == "sqlite":
        for index in indexes:
            await database.fetch(f"INSERT INTO {index} ({index}) VALUES ('optimize')")


async def empty_write_ahead_log() -> None:
    """Copy the write-ahead log of SQLite into the database file, and truncate it.

    The log otherwise keeps erased texts until it is overwritten. Does nothing if somebody reads
    an earlier state. Call it outside of a transaction.
    """
    if database.dialect() == "sqlite":
        await database.fetch("PRAGMA wal_checkpoint(TRUNCATE)")
