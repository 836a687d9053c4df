"""The server that is attacked: a process of its own, with its usual settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator

import httpx2

from benchmarks.databases import ROOT, free_port
from benchmarks.programs import Failed, end

START_SECONDS = 40.0


@contextlib.asynccontextmanager
async def serving(url: str) -> AsyncGenerator[int]:
    """The port of a server that answers. Raises Failed, also where it has ended by itself meanwhile."""
    port = free_port()
    given = {"TICKETWIRE_DATABASE_URL": url, "TICKETWIRE_LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **given},
        stdout=subprocess.DEVNULL,
    )
    try:
        await ready(process, port)
        yield port
        if process.poll() is not None:
            raise Failed(f"the server ended with {process.returncode}")
    finally:
        await asyncio.to_thread(end, process)


async def ready(process: subprocess.Popen[bytes], port: int) -> None:
    async with httpx2.AsyncClient() as http:
        for _ in range(int(START_SECONDS / 0.05)):
            if process.poll() is not None:
                raise Failed(f"the server ended with {process.returncode}")
            with contextlib.suppress(httpx2.TransportError):
                if (await http.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise Failed("the server did not answer in time")
