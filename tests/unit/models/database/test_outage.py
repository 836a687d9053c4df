"""`is_outage` distinguishes outages of the database from errors in our statements."""

from __future__ import annotations

import sqlite3

import asyncpg
import pytest
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from models.database.outage import is_outage


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        DBConnectionError("no connection"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.InterfaceError("connection is closed"),
        sqlite3.OperationalError("disk I/O error"),
        OperationalError("database is locked"),
        OperationalError("attempt to write a readonly database"),
    ],
    ids=repr,
)
def test_an_unavailable_database_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("no such column: x"),
        IntegrityError("UNIQUE constraint failed"),
        asyncpg.UndefinedColumnError("column does not exist"),
        ValueError("database is locked"),
    ],
    ids=repr,
)
def test_a_wrong_statement_is_not_an_outage(error: Exception) -> None:
    assert not is_outage(error)
