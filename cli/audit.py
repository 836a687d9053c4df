"""The commands `audit` and `config`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated

import typer
from typer import Option

from cli.support import load_settings, migrate_database, with_database

audit = typer.Typer(help="The audit log.", no_args_is_help=True)
config = typer.Typer(help="The configuration.", no_args_is_help=True)


@audit.command("export")
def audit_export(
    since: Annotated[str | None, Option(help="A date or time. Default: from the start.")] = None,
    until: Annotated[str | None, Option(help="A later date or time. Default: to the end.")] = None,
) -> None:
    """Write the audit log to standard output as JSON lines, oldest first."""
    from cli.audit_export import export

    async def write_entries() -> None:
        await migrate_database()
        try:
            await export(since, until, sys.stdout.buffer.write)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # The reader has closed the pipe. Python flushes standard output again at its exit, and
            # would report the error then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    with_database(load_settings(), write_entries)


@config.command("check")
def config_check(
    connect: Annotated[
        bool, Option("--connect", help="Also connect to the database, and to Redis.")
    ] = False,
) -> None:
    """Print the settings, with secrets masked, and all errors. Exits with 1 if there is any."""
    from cli.config_check import (
        check_connections,
        find_unknown_variables,
        format_settings,
        read_settings,
    )

    settings, errors = read_settings()
    errors += find_unknown_variables()
    if settings is not None:
        typer.echo("\n".join(format_settings(settings)))
        if connect:
            errors += asyncio.run(check_connections(settings))
    for error in errors:
        typer.echo(f"ticketwire: {error}", err=True)
    if errors:
        raise typer.Exit(1)
