"""The command `export`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Generator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from typer import Option

from cli.support import fail, load_settings, migrate_database, with_database

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C has ended."""


class Format(Enum):
    JSONL = "jsonl"
    CSV = "csv"


def export_tickets(
    format: Annotated[Format, Option(help="csv has messages and events as JSON in two cells.")] = (
        Format.JSONL
    ),
    output: Annotated[
        Path | None, Option(help="The file to write. Default: standard output.")
    ] = None,
    filter: Annotated[
        str | None, Option(metavar="JSON", help="A TicketFilter. Default: all tickets.")
    ] = None,
    after: Annotated[
        str | None,
        Option(
            metavar="CURSOR",
            help="Continue after this ticket: the `ref` of the last complete line, such as "
            "TKT-1042. An existing file is continued; an incomplete line at its end is removed.",
        ),
    ] = None,
) -> None:
    """Write all tickets with their notes, in the order of their numbers."""
    from cli.ticket_export import export
    from models.core.time import now
    from models.jobs.caller_job import ExportFormat
    from services.components import build_components

    settings = load_settings()

    async def write_tickets() -> None:
        await migrate_database()
        source = build_components(settings, None).tickets
        chosen = ExportFormat(format.value)
        if output is not None and after is not None:
            with refusing_errors(output):
                remove_incomplete_end(output, format)
        with open_output(output, continues=after is not None) as write:
            await export(source, chosen, filter, after, now(), write)

    try:
        with_database(settings, write_tickets)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def open_output(path: Path | None, *, continues: bool) -> Generator[Callable[[bytes], object]]:
    """Writes to the file, or to standard output, whose reader may end early without an error."""
    if path is not None:
        with refusing_errors(path):
            file = path.open("ab" if continues else "wb")
        with file:
            yield partial(write_to, path, file)
        return
    try:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def remove_incomplete_end(path: Path, format: Format) -> None:
    """Cut a file after its last complete ticket. A full disk or a kill can end it within a line."""
    if not path.is_file():  # nothing to continue, or a pipe
        return
    with path.open("rb+") as file:
        position, end, is_quoted = 0, 0, False
        for line in file:
            position += len(line)
            if format is Format.CSV:  # a quoted cell may contain line breaks
                is_quoted ^= line.count(b'"') % 2 == 1
            if line.endswith(b"\n") and not is_quoted:
                end = position
        file.truncate(end)


def write_to(path: Path, file: BinaryIO, content: bytes) -> None:
    with refusing_errors(path):
        file.write(content)
        file.flush()


@contextlib.contextmanager
def refusing_errors(path: Path) -> Generator[None]:
    """Prints one line about a file that can't be written, and exits with code 1."""
    try:
        yield
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}")
