"""The command `export`: what it writes, where, how it continues, and the exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support import World
from support.cli_process import run_cli
from support.commands import ROOT
from support.exports import parse_csv, parse_lines
from support.ticket_commands import create_ticket

from models import database

REFS = [f"TKT-{1001 + number}" for number in range(3)]


@pytest.fixture
async def tickets(url: str) -> None:
    """Three tickets. The database is closed, so that the command is its only user."""
    await database.connect(url)
    try:
        world = await World.make()
        for number in range(3):
            await create_ticket(world.cora, subject=f"=Ticket {number}")
    finally:
        await database.disconnect()


async def export(url: str, folder: Path, *arguments: str) -> str:
    result = await run_cli(folder, "export", *arguments, TICKETWIRE_DATABASE_URL=url)
    assert (result.code, result.err) == (0, "")
    return result.out


async def test_the_command_writes_all_tickets(url: str, tickets: None, tmp_path: Path) -> None:
    lines = parse_lines((await export(url, tmp_path)).encode())
    assert [line["ref"] for line in lines] == REFS
    assert lines[0]["requester"]["email"] == "cora@example.com"
    file = tmp_path / "tickets.csv"
    assert await export(url, tmp_path, "--format", "csv", "--output", str(file)) == ""
    rows = parse_csv(file.read_bytes())
    assert [(row["ref"], row["subject"]) for row in rows] == [
        (ref, f"'=Ticket {number}") for number, ref in enumerate(REFS)
    ]


async def test_the_command_continues_after_a_ticket(
    url: str, tickets: None, tmp_path: Path
) -> None:
    whole = await export(url, tmp_path, "--format", "csv")
    file = tmp_path / "tickets.csv"
    file.write_text("".join(whole.splitlines(keepends=True)[:2]), newline="")
    await export(url, tmp_path, "--format", "csv", "--output", str(file), "--after", REFS[0])
    assert parse_csv(file.read_bytes()) == parse_csv(whole.encode())
    assert await export(url, tmp_path, "--after", REFS[-1]) == ""


@pytest.mark.parametrize("format", ["jsonl", "csv"])
async def test_an_incomplete_line_is_replaced_when_an_export_continues(
    url: str, tmp_path: Path, format: str
) -> None:
    await database.connect(url)
    try:
        world = await World.make()
        for number in range(3):
            await create_ticket(world.cora, subject=f"A \"{number}\", 'b'", description="c\nd")
    finally:
        await database.disconnect()
    arguments = ("--format", format, "--output", str(tmp_path / "tickets"))
    await export(url, tmp_path, *arguments)
    whole = (tmp_path / "tickets").read_bytes()
    second, third = (whole.index(ref.encode()) for ref in REFS[1:])
    for cut, last in ((second + 3, REFS[0]), (third + 3, REFS[1]), (len(whole) - 1, REFS[1])):
        (tmp_path / "tickets").write_bytes(whole[:cut])
        await export(url, tmp_path, *arguments, "--after", last)
        assert (tmp_path / "tickets").read_bytes() == whole


async def test_the_command_filters(url: str, tickets: None, tmp_path: Path) -> None:
    filter = json.dumps({"subject": {"eq": "=Ticket 1"}})
    lines = parse_lines((await export(url, tmp_path, "--filter", filter)).encode())
    assert [line["ref"] for line in lines] == REFS[1:2]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--after", "tomorrow"], "'tomorrow' is not the reference of a ticket, such as TKT-1042"),
        (["--filter", "{"], "the filter is not JSON: "),
        (["--filter", '{"nope": 1}'], "the filter is not a valid TicketFilter: "),
        (["--filter", "[]"], "the filter is not a valid TicketFilter: "),
        (["--output", "/nowhere/at/all"], "can't write /nowhere/at/all: "),
    ],
)
async def test_wrong_arguments_are_refused_in_one_line(
    url: str, tmp_path: Path, arguments: list[str], error: str
) -> None:
    result = await run_cli(tmp_path, "export", *arguments, TICKETWIRE_DATABASE_URL=url)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"ticketwire: {error}")
    assert result.err.count("\n") == 1


async def start_command(url: str, folder: Path) -> asyncio.subprocess.Process:
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "export"),
        cwd=folder,
        env={**environment, "TICKETWIRE_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A process that a shell started in the background ignores Ctrl-C, and so do its children.
        preexec_fn=restore_ctrl_c,
    )


def restore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def add_long_tickets(url: str) -> None:
    """More text than a pipe holds, so that the command waits for its reader.

    In several batches, because the command looks for a signal after each.
    """
    await database.connect(url)
    try:
        world = await World.make()
        for _ in range(250):
            await create_ticket(world.cora, description="x" * 6_000)
    finally:
        await database.disconnect()


async def test_a_reader_that_has_enough_ends_the_command(url: str, tmp_path: Path) -> None:
    await add_long_tickets(url)
    process = await start_command(url, tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    assert await process.stdout.read(10)
    process.stdout._transport.close()  # type: ignore[attr-defined]
    assert await process.stderr.read() == b""
    assert await process.wait() == 0


async def test_ctrl_c_ends_the_command_without_a_traceback(url: str, tmp_path: Path) -> None:
    await add_long_tickets(url)
    process = await start_command(url, tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    # The command waits for its reader, because the pipe and the reader's buffer are full.
    assert await process.stdout.readexactly(10)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) in ((130, ""), (130, "Aborted!\n"))
