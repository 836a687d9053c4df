"""A minimal HTTP client. A client library would hide or change bytes of the response."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

MAX_LINE_BYTES = 2**26
HEALTH_REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HEALTH_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class HttpResponse:
    status: int
    head: str
    """The status line and the headers, in lower case."""
    body: bytes


async def read_response(reader: asyncio.StreamReader) -> HttpResponse:
    """Read one response (RFC 9112): chunked, or with a length.

    Raises asyncio.IncompleteReadError or ConnectionError if the connection ends too early.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if "transfer-encoding: chunked" in head:
        body = await read_chunks(reader)
    else:
        body = await reader.readexactly(parse_content_length(head))
    return HttpResponse(int(head.split()[1]), head, body)


def parse_content_length(head: str) -> int:
    """The Content-Length of a head in lower case."""
    return int(head.partition("content-length:")[2].split("\r\n")[0])


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


async def send_request(port: int, request: bytes, timeout_seconds: float) -> HttpResponse:
    """Send a request on a new connection to this machine; return the response.

    Raises TimeoutError, OSError, or asyncio.IncompleteReadError.
    """
    async with asyncio.timeout(timeout_seconds):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MAX_LINE_BYTES)
        try:
            writer.write(request)
            return await read_response(reader)
        finally:
            writer.close()


async def is_healthy(port: int) -> bool:
    """Whether Ticketwire responds to /health with 200."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        return (await send_request(port, HEALTH_REQUEST, HEALTH_TIMEOUT_SECONDS)).status == 200
    return False
