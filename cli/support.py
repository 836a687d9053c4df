"""Helpers of all commands of the command line: errors, settings, the database, passwords."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import typer

from settings.application import Settings, SettingsError, load

T = TypeVar("T")


def fail(message: str) -> NoReturn:
    typer.echo(f"ticketwire: {message}", err=True)
    raise typer.Exit(1)


def load_settings(**overrides: object) -> Settings:
    """Load the settings. If one is invalid, print the error in one line and exit with code 1."""
    try:
        return load(**overrides)
    except SettingsError as error:
        fail(str(error))


def with_database(settings: Settings, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` with an open database. An expected error prints one line and exits with code 1."""
    import sqlite3

    from asyncpg import InterfaceError, PostgresError
    from tortoise.exceptions import BaseORMException

    from models import database
    from models.provisioning import InvalidArgument

    async def run() -> T:
        try:
            await database.connect(settings.database_url, settings.database_pool_size)
            return await work()
        finally:
            await database.disconnect()

    try:
        prepare_folder(settings)
        return asyncio.run(run())
    except InvalidArgument as error:
        fail(str(error))
    except (OSError, BaseORMException, PostgresError, InterfaceError, sqlite3.Error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        fail(f"the database can't be used: {reason}")


def prepare_folder(settings: Settings) -> None:
    """Create the folder of an SQLite file if it does not exist."""
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        if path.is_dir():
            fail(f"the database can't be used: {path} is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)


async def migrate_database() -> list[str]:
    """Apply the migrations that are missing; returns their names."""
    from models import migrate

    return await migrate.migrate()


def read_password() -> str:
    """Prompt twice at a terminal; otherwise read one line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
