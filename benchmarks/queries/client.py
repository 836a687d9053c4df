"""The load client, client.c, as Python calls it: one cell, one process, one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import Failed

GRACE = 30.0


@dataclass(frozen=True)
class Answer:
    """What was measured. Times are milliseconds from the sending of a request to the end of its answer."""

    seconds: float
    received: int
    """Whole and right within the seconds."""
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


async def drive(
    program: Path, port: int, connections: int, seconds: float, requests: Sequence[bytes], folder: Path, cores: set[int]
) -> Answer:
    """Send the requests in turn for so many seconds. Raises Failed."""
    path = folder / "requests"
    path.write_bytes(b"".join(f"{len(each)}\n".encode() + each for each in requests))
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", ",".join(map(str, sorted(cores)))),
        *(str(program), str(port), str(connections), str(seconds), str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + GRACE):
            said, wrong = await process.communicate()
    except TimeoutError:
        raise Failed("the load client did not end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Failed(wrong.decode().strip() or f"the load client ended with {process.returncode}")
    return Answer(**json.loads(said))
