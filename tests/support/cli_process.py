"""The command line in its own process, in a folder of the test, with the settings of the test."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from support.commands import start_command


@dataclass(frozen=True)
class CliResult:
    code: int
    out: str
    err: str


async def run_cli(
    folder: Path, *arguments: str, stdin: str = "", seconds: float = 240, **environment: str
) -> CliResult:
    """Run `python -m cli …` until it ends."""
    with (
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        source.write(stdin.encode())
        source.seek(0)
        process = start_command(
            arguments,
            clean_environment(environment),
            folder,
            stdin=source,
            stdout=out,
            stderr=err,
        )
        deadline = time.monotonic() + seconds
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"ticketwire {arguments} took more than {seconds} s")
                await asyncio.sleep(0.01)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        out.seek(0)
        err.seek(0)
        return CliResult(process.returncode or 0, out.read().decode(), err.read().decode())


def clean_environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment of the tests, in which the service has only these settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TICKETWIRE_") and name not in ("HOST", "PORT")
    }
    return {**inherited, "COLUMNS": "200", **settings}
