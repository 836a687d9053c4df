"""A Ticketwire server as a separate process, with default settings unless others are given."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from benchmarks.databases import ROOT, find_free_port
from benchmarks.http_reader import is_healthy
from benchmarks.programs import BenchmarkError, stop_process

START_TIMEOUT_SECONDS = 40.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Server:
    """A running server. With several workers, `process` is their parent."""

    port: int
    process: subprocess.Popen[bytes]

    def check(self) -> None:
        """Raises BenchmarkError if the server has exited."""
        if self.process.poll() is not None:
            raise BenchmarkError(f"the server exited with status {self.process.returncode}")


@contextlib.asynccontextmanager
async def run_server(
    url: str, workers: int = 1, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[Server]:
    """Run a server over the database at `url`; yield it once it is healthy.

    Several worker processes need Postgres. `settings` are additional environment variables.

    Raises BenchmarkError if the server does not start, or if it exits before the block ends.
    """
    port = find_free_port()
    variables = {"TICKETWIRE_DATABASE_URL": url, "TICKETWIRE_LOG_LEVEL": "error"}
    variables |= settings or {}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", str(workers)],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
    )
    server = Server(port, process)
    try:
        await wait_until_healthy(server)
        yield server
        server.check()
    finally:
        await asyncio.to_thread(stop_process, process)


async def wait_until_healthy(server: Server) -> None:
    """Raises BenchmarkError if the server exits, or is not healthy within START_TIMEOUT_SECONDS."""
    for _ in range(int(START_TIMEOUT_SECONDS / POLL_SECONDS)):
        server.check()
        if await is_healthy(server.port):
            return
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkError(f"the server was not healthy within {START_TIMEOUT_SECONDS:.0f} s")
