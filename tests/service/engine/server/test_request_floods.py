"""Requests of very many tiny parts: the parser stops at a limit instead of reading all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from engine import limit_refusals
from engine.server.http_limits import (
    MAX_BODY_PIECES,
    MAX_HEADER_BYTES,
    MAX_PATH_BYTES,
    MAX_PIPELINED_REQUESTS,
)
from engine.server.http_protocol import HTTPProtocol

HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class MemoryTransport(asyncio.Transport):
    """A connection whose client sends and reads nothing by itself."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class CountingProtocol(HTTPProtocol):
    """Counts the callbacks of the parser."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.callbacks: Counter[str] = Counter()

    def on_message_begin(self) -> None:
        self.callbacks["request"] += 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.callbacks["header"] += 1
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self.callbacks["body"] += 1
        super().on_body(body)


async def respond_never(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.fixture
async def protocol() -> CountingProtocol:
    config = uvicorn.Config(respond_never, log_level="error")
    config.load()
    protocol = CountingProtocol(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(MemoryTransport())
    return protocol


async def finish(protocol: CountingProtocol) -> bytes:
    """Disconnect the client; return what was written for it."""
    transport = protocol.transport
    assert isinstance(transport, MemoryTransport)
    protocol.connection_lost(ConnectionResetError())
    await asyncio.gather(*protocol.tasks)
    return transport.written


@pytest.mark.parametrize("chunk", [b"1\r\n \r\n", b"1;extension\r\n \r\n"])
async def test_a_body_of_too_many_chunks_is_not_parsed_to_its_end(
    protocol: CountingProtocol, chunk: bytes
) -> None:
    protocol.data_received(CHUNKED + chunk * MAX_BODY_PIECES)
    assert not protocol.is_refused
    before = limit_refusals.COUNTS["request_bytes"]
    protocol.data_received(chunk * 50_000)
    assert protocol.callbacks["body"] == MAX_BODY_PIECES + 1
    assert limit_refusals.COUNTS["request_bytes"] == before + 1
    assert (await finish(protocol)).startswith(b"HTTP/1.1 413 ")


async def test_trailers_are_limited_like_headers(protocol: CountingProtocol) -> None:
    protocol.data_received(CHUNKED + b"1\r\n \r\n0\r\n" + b"a: b\r\n" * 50_000)
    assert protocol.callbacks["header"] <= MAX_HEADER_BYTES
    assert (await finish(protocol)).startswith(b"HTTP/1.1 431 ")


async def test_thousands_of_pipelined_requests_are_not_parsed(protocol: CountingProtocol) -> None:
    protocol.data_received(GET * 10_000)
    assert protocol.callbacks["request"] <= MAX_PIPELINED_REQUESTS + 3
    assert len(protocol.pipeline) == MAX_PIPELINED_REQUESTS
    assert protocol.is_refused
    await finish(protocol)


async def test_a_long_path_is_refused_before_it_is_decoded(protocol: CountingProtocol) -> None:
    path = b"/" + b"%41" * (MAX_PATH_BYTES // 3 + 1)
    protocol.data_received(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await finish(protocol)).startswith(b"HTTP/1.1 414 ")


async def test_a_query_string_may_be_longer_than_a_path(protocol: CountingProtocol) -> None:
    url = b"/graphql?query=" + b"x" * 10 * MAX_PATH_BYTES
    protocol.data_received(b"GET " + url + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not protocol.is_refused
    assert (await finish(protocol)) == b""
