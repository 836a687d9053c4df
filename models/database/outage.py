"""Tells an outage of the database from a mistake in our own code."""

from __future__ import annotations

import sqlite3

import asyncpg
from tortoise.exceptions import DBConnectionError, OperationalError


class StatementTimeout(TimeoutError):
    """A statement took longer than a statement may take."""

    limit_name = "statement_seconds"


OUTAGE_ERRORS = (
    DBConnectionError,
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    sqlite3.OperationalError,
)
OUTAGE_MESSAGES = (
    "database is locked",
    "disk is full",
    "disk I/O error",
    "readonly database",
    "unable to open database",
)
"""Parts of the messages by which Tortoise's `OperationalError` reports an outage of SQLite."""


def is_unreachable(error: BaseException) -> bool:
    """Whether an outage, not a statement that took too long or was too large, is the reason."""
    if isinstance(error, TimeoutError):
        return False
    if isinstance(error, sqlite3.OperationalError):
        return any(message in str(error) for message in OUTAGE_MESSAGES)
    return is_outage(error)


def is_outage(error: BaseException) -> bool:
    """Whether the database is unreachable or can't write, rather than given a wrong statement."""
    if isinstance(error, OUTAGE_ERRORS):
        return True
    return isinstance(error, OperationalError) and any(
        message in str(error) for message in OUTAGE_MESSAGES
    )
