"""A load client for GraphQL over HTTP/1.1: kept-alive connections, one request in flight on each, latencies in milliseconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Result:
    seconds: float
    latencies: list[float] = field(default_factory=list[float])
    failures: int = 0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


async def drive(url: str, body: Callable[[int], bytes], connections: int, seconds: float, token: str | None) -> Result:
    """Send requests until the time is over. An answer that holds errors counts as a failure."""
    result = Result(seconds)
    end = time.perf_counter() + seconds
    serial = iter(range(10**9))
    await asyncio.gather(*(one(url, body, serial, end, result, token) for _ in range(connections)))
    return result


async def one(url: str, body: Callable[[int], bytes], serial: object, end: float, result: Result, token: str | None) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    try:
        while (started := time.perf_counter()) < end:
            sent = body(next(serial))  # type: ignore[call-overload]
            writer.write(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
            answer = await answer_of(reader)
            result.latencies.append((time.perf_counter() - started) * 1000)
            result.failures += b'"errors":[' in answer or b'"errors": [' in answer
    finally:
        writer.close()


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return await reader.readexactly(int(value))
    raise RuntimeError("an answer without a length")
