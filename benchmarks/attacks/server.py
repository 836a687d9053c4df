"""The attacked server: a separate process with default settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import httpx2

from benchmarks.databases import ROOT, free_port
from benchmarks.programs import BenchmarkError, stop_process

START_SECONDS = 40.0


@contextlib.asynccontextmanager
async def run_server(
    url: str, workers: int = 1, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[int]:
    """Start a server over the database at `url`; yield its port once it is healthy.

    Several worker processes need Postgres. `settings` are additional environment variables.

    Raises BenchmarkError if the server does not start, or if it exits before the block ends.
    """
    port = free_port()
    variables = {"TICKETWIRE_DATABASE_URL": url, "TICKETWIRE_LOG_LEVEL": "error"}
    variables |= settings or {}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", str(workers)],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
    )
    try:
        await wait_until_healthy(process, port)
        yield port
        if process.poll() is not None:
            raise BenchmarkError(f"the server exited with status {process.returncode}")
    finally:
        await asyncio.to_thread(stop_process, process)


async def wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    async with httpx2.AsyncClient() as http:
        for _ in range(int(START_SECONDS / 0.05)):
            if process.poll() is not None:
                raise BenchmarkError(f"the server exited with status {process.returncode}")
            with contextlib.suppress(httpx2.TransportError):
                if (await http.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise BenchmarkError(f"the server was not healthy within {START_SECONDS:.0f} s")


def find_server_process() -> int:
    """The id of the only child process."""
    children = {
        int(child)
        for path in Path("/proc/self/task").glob("*/children")
        for child in path.read_text().split()
    }
    [process] = children
    return process
