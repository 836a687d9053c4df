"""`is_outage` distinguishes outages of the database from errors in our statements."""

from __future__ import annotations

import sqlite3

import asyncpg
import pytest
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from models.database.outage import StatementTimeout, is_outage, is_unreachable


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


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (asyncpg.CannotConnectNowError("starting up"), True),
        (sqlite3.OperationalError("database is locked"), True),
        (OperationalError("database is locked"), True),
        (TimeoutError(), False),
        (StatementTimeout(), False),
        (sqlite3.OperationalError("too many SQL variables"), False),
        (ValueError(), False),
    ],
    ids=repr,
)
def test_a_statement_that_is_too_slow_or_too_large_does_not_make_it_unreachable(
    error: Exception, expected: bool
) -> None:
    assert is_unreachable(error) is expected
