"""What the command lines of the benchmarks share: types of options, progress, and signals."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
DATABASE_HELP = "sqlite, or the URL of a Postgres server's maintenance database"
INTERRUPTED_STATUS = 130


def create_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """The parser of `python -m benchmarks <name>`; its description is the module's docstring.

    The docstring's first words, the command itself, are left out.
    """
    description = (doc or "").partition(": ")[2].strip()
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=description[:1].upper() + description[1:],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_database_option(parser: argparse.ArgumentParser, default: str = "sqlite") -> None:
    parser.add_argument("--database", default=default, help=f"{DATABASE_HELP} (default: {default})")


def add_core_options(parser: argparse.ArgumentParser) -> None:
    """Add `--server-cores` and `--load-cores`; see `choose_load_cores`."""
    server_help = "cores of the measured server, such as 0,1 (default: 0)"
    parser.add_argument("--server-cores", type=parse_cores, default={0}, help=server_help)
    load_help = "cores of the load client and the database (default: all others)"
    parser.add_argument("--load-cores", type=parse_cores, help=load_help)


def choose_load_cores(options: argparse.Namespace) -> None:
    """Set `load_cores`, if it is absent, to all cores that the server does not use."""
    if not options.load_cores:
        others = set(range(os.cpu_count() or 1)) - options.server_cores
        options.load_cores = others or options.server_cores


def set_defaults(options: argparse.Namespace, defaults: Mapping[str, object]) -> None:
    """Set the options that are absent."""
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def parse_numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def parse_cores(text: str) -> set[int]:
    return set(parse_numbers(text))


def parse_names(text: str) -> list[str]:
    return text.split(",")


def require_known(
    parser: argparse.ArgumentParser, names: Sequence[str], known: Collection[str]
) -> None:
    """End the program with an error message if a name is not known."""
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")


def format_cores(cores: set[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))


def format_command(name: str, arguments: Sequence[str]) -> str:
    """The command as a report shows it: without the addresses of databases."""
    shown = ["postgres://…" if "://" in each else each for each in arguments]
    return " ".join(["python -m benchmarks", name, *shown])


def log(text: str) -> None:
    """Report progress on standard error, because the results go to standard output."""
    print(text, file=sys.stderr, flush=True)


async def run_until_stopped(running: Coroutine[None, None, T]) -> T:
    """Run to the end. On SIGINT or SIGTERM, stop the started processes before exiting."""
    task = asyncio.ensure_future(running)
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise SystemExit(INTERRUPTED_STATUS) from None
