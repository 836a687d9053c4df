"""The command line in its own process, in a folder of the test, with the settings of the test."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class CliResult:
    code: int
    out: str
    err: str


async def run_cli(
    folder: Path, *arguments: str, stdin: str = "", seconds: float = 240, **environment: str
) -> CliResult:
    """Run `python -m cli …` until it ends."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TICKETWIRE_") and name not in ("HOST", "PORT")
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli",
        *arguments,
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return CliResult(process.returncode or 0, out.decode(), err.decode())
