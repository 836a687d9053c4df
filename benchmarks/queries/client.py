"""Runs the load client, client.c, and reads its result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import BenchmarkError

EXIT_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class ClientResult:
    """A measurement. Times in ms, from sending a request to the end of its response."""

    seconds: float
    received: int
    """Complete, successful responses within the seconds."""
    failed: int
    unanswered: int
    closed: int
    bytes: int
    p50: float
    p99: float
    worst: float
    cpu: float
    wall: float
    trouble: str

    @property
    def rate(self) -> float:
        return self.received / self.seconds

    @property
    def wrong(self) -> int:
        return self.failed + self.unanswered + self.closed


async def run_client(
    program: Path,
    port: int,
    connections: int,
    seconds: float,
    requests: Sequence[bytes],
    folder: Path,
    cores: set[int],
) -> ClientResult:
    """Send the requests in rotation for so many seconds. Raises BenchmarkError."""
    path = folder / "requests"
    path.write_bytes(b"".join(f"{len(each)}\n".encode() + each for each in requests))
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", ",".join(map(str, sorted(cores)))),
        *(str(program), str(port), str(connections), str(seconds), str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + EXIT_TIMEOUT_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        raise BenchmarkError("the load client did not exit in time") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        status = f"the load client exited with status {process.returncode}"
        raise BenchmarkError(errors.decode().strip() or status)
    return ClientResult(**json.loads(output))
