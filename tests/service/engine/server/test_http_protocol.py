"""HTTP requests byte by byte: the server closes connections that are too slow, send too much or
send malformed data, and other clients are not affected."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support import Service, World
from support.live import until
from support.service import running

from engine.server.http_limits import (
    MAX_HEADER_BYTES,
    MAX_PIPELINED_REQUESTS,
    MAX_REQUEST_BYTES,
    MAX_URL_BYTES,
)
from engine.server.http_protocol import HTTPProtocol

SHORT_TIMEOUT_SECONDS = 0.2
LONG_TIMEOUT_SECONDS = 3600.0
LIMIT = 60
"""Seconds. Whatever a test waits for normally comes within one."""
BODY = b'{"query": "{ viewer { role } }"}'
HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
COMPLETE_REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
)
STREAM = (
    b"GET /graphql/stream?query=subscription{ticketStatusChanged{to}} HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer "
)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class RequestTimeout:
    """The time limit of a service for requests.

    It is longer than any test lasts, until a test shortens it.

    So no slow machine exceeds it by accident, and a test need not wait for it.
    """

    def __init__(self) -> None:
        self.seconds = LONG_TIMEOUT_SECONDS
        self.connections: list[HTTPProtocol] = []

    def create_protocol(self, **arguments: Any) -> HTTPProtocol:
        self.connections.append(HTTPProtocol(**arguments, timeout_seconds=self.seconds))
        return self.connections[-1]

    def shorten(self) -> None:
        """Use the short limit from now on, also for open connections."""
        self.seconds = SHORT_TIMEOUT_SECONDS
        for each in self.connections:
            if each.watchdog is not None and not each.transport.is_closing():
                each.timeout_seconds = SHORT_TIMEOUT_SECONDS
                each.stop_watchdog()
                each.check_timeouts()

    def lengthen(self) -> None:
        """Use the long limit for connections that are opened from now on."""
        self.seconds = LONG_TIMEOUT_SECONDS

    async def has_received(self) -> bool:
        """Whether the newest connection has received data."""
        return bool(self.connections) and self.connections[-1].last_read_bytes > 0


@pytest.fixture
def timeout() -> RequestTimeout:
    return RequestTimeout()


@pytest.fixture
async def service(url: str, timeout: RequestTimeout) -> AsyncIterator[Service]:
    async with running(url, http=timeout.create_protocol) as service:
        yield service


class RawConnection:
    """A connection that sends any bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def read_response(self) -> tuple[int, dict[str, str], Any]:
        async with asyncio.timeout(LIMIT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def read_error_and_close(self) -> int:
        """The status of an error response, after which the server closes the connection."""
        status, headers, body = await self.read_response()
        assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert body["extensions"]["requestId"] == headers["x-request-id"]
        assert (headers["x-content-type-options"], headers["cache-control"]) == (
            "nosniff",
            "no-store",
        )
        assert "server" not in headers
        await self.wait_for_close()
        return status

    async def wait_for_close(self) -> None:
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(ConnectionError):
                assert await self.reader.read() == b""


@contextlib.asynccontextmanager
async def connect(service: Service) -> AsyncIterator[RawConnection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def sending_slowly(connection: RawConnection, data: Iterator[bytes]) -> AsyncIterator[None]:
    """Send a piece of data from time to time while the block runs."""

    async def trickle() -> None:
        for piece in data:
            await connection.send(piece)
            await asyncio.sleep(SHORT_TIMEOUT_SECONDS / 10)

    task = asyncio.create_task(trickle())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def endless(start: bytes, repeated: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield repeated


async def expect_healthy(service: Service) -> None:
    """Fail unless the server responds and keeps no closed connection."""
    assert (await service.client().run("{ viewer { role } }")) == {"viewer": None}

    async def has_none() -> bool:
        return not service.server.server_state.connections

    await until(has_none, LIMIT)


SLOW = {
    "the request line": (b"POST /graph", b"q"),
    "a header value": (HEAD + b"X-Slow: ", b"x"),
    "many headers": (HEAD, b"X-Slow: x\r\n"),
    "a body": (HEAD + b"Content-Length: 10000\r\n\r\n", b"x"),
    "a chunked body": (CHUNKED, b"1\r\nx\r\n"),
    "the length of a chunk": (CHUNKED, b"0"),
    "trailers": (CHUNKED + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY), b"X-Slow: x\r\n"),
}


@pytest.mark.parametrize("part", SLOW)
async def test_a_request_that_is_sent_too_slowly_gets_408(
    service: Service, timeout: RequestTimeout, part: str
) -> None:
    async with connect(service) as connection, sending_slowly(connection, endless(*SLOW[part])):
        await until(timeout.has_received, LIMIT)
        timeout.shorten()
        assert await connection.read_error_and_close() == 408
    timeout.lengthen()
    await expect_healthy(service)


async def test_an_idle_connection_is_closed_without_a_response(
    service: Service, timeout: RequestTimeout
) -> None:
    timeout.shorten()
    async with connect(service) as connection:
        await connection.wait_for_close()
    async with (
        connect(service) as connection,
        sending_slowly(connection, endless(b"\r\n", b"\r\n")),
    ):
        await connection.wait_for_close()
    timeout.lengthen()
    async with connect(service) as connection:
        await connection.send(COMPLETE_REQUEST)
        assert (await connection.read_response())[0] == 200
        async with sending_slowly(connection, endless(b"\r\n", b"\r\n")):
            timeout.shorten()
            await connection.wait_for_close()
    timeout.lengthen()
    await expect_healthy(service)


async def test_a_slow_body_of_a_refused_request_is_cut_off(
    service: Service, timeout: RequestTimeout
) -> None:
    wrong = (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 10000\r\n\r\n"
    )
    async with connect(service) as connection, sending_slowly(connection, endless(wrong, b"x")):
        assert (await connection.read_response())[0] == 415
        timeout.shorten()
        await connection.wait_for_close()
    timeout.lengthen()
    await expect_healthy(service)


async def test_a_request_may_arrive_byte_by_byte(service: Service) -> None:
    async with connect(service) as connection:
        for request in (
            COMPLETE_REQUEST,
            CHUNKED + b"%x\r\n%b\r\n0\r\nX-Trailer: x\r\n\r\n" % (len(BODY), BODY),
        ):
            for at in range(len(request)):
                await connection.send(request[at : at + 1])
                await asyncio.sleep(0)  # the server reads it before the next byte
            status, _, body = await connection.read_response()
            assert (status, body["data"]) == (200, {"viewer": None})


async def test_pipelined_requests_are_answered_in_order_before_an_error(
    service: Service, timeout: RequestTimeout
) -> None:
    ids = [b"request-%d" % number for number in range(20)]
    data = [COMPLETE_REQUEST.replace(b"Host: x", b"Host: x\r\nX-Request-Id: " + id) for id in ids]
    for last, status in (
        (b"GET / HTTP/1.1\r\nX-Slow: ", 408),
        (HEAD + b"Content-Length: 100\r\n\r\n{", 408),
        (b"GET /" + b"x" * (MAX_URL_BYTES + 1), 414),
        (HEAD + b"X-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431),
        (b"\x16\x03\x01 not HTTP\r\n\r\n", 400),
    ):
        async with connect(service) as connection:
            await connection.send(b"".join(data) + last)
            for id in ids:
                answered, headers, _ = await connection.read_response()
                assert (answered, headers["x-request-id"]) == (200, id.decode())
            if status == 408:
                timeout.shorten()
            assert await connection.read_error_and_close() == status, last[:60]
        timeout.lengthen()
    await expect_healthy(service)


async def test_an_incomplete_request_does_not_end_a_response_that_is_being_sent(
    service: Service, timeout: RequestTimeout
) -> None:
    world = await World.make()
    async with connect(service) as connection:
        await connection.send(STREAM + world.ada.token.encode() + b"\r\n\r\nGET / HT")
        assert (await connection.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        timeout.shorten()
        async with connect(service) as other:
            await other.wait_for_close()  # the time limit has passed
        timeout.lengthen()
        await service.client(world.cora.token).raise_ticket()
        async with asyncio.timeout(LIMIT):
            assert b"NEW" in await connection.reader.readuntil(b"NEW")


async def test_no_websocket_is_opened_during_a_response(service: Service) -> None:
    world = await World.make()
    async with connect(service) as connection:
        await connection.send(STREAM + world.ada.token.encode() + b"\r\n\r\n")
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(UPGRADE + b"\r\n")
        await service.client(world.cora.token).raise_ticket()
        async with asyncio.timeout(LIMIT):
            assert b"HTTP/1.1 101" not in await connection.reader.readuntil(b"NEW")

    async def has_no_tasks() -> bool:
        return not service.server.server_state.tasks

    await until(has_no_tasks, LIMIT)
    await expect_healthy(service)


TOO_LONG = {
    "a URL": (b"GET /graphql?query=" + b"x" * MAX_URL_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "an endless URL": (b"GET /" + b"x" * MAX_URL_BYTES * 2, 414),
    "a header": (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431),
    "an endless header": (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * MAX_HEADER_BYTES * 2, 431),
    "a header name": (b"GET / HTTP/1.1\r\n" + b"x" * MAX_HEADER_BYTES + b": x\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * MAX_HEADER_BYTES + b"\r\n", 431),
    "headers of a WebSocket handshake": (
        UPGRADE + b"X-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n",
        431,
    ),
    "a chunk extension": (CHUNKED + b"1;" + b"x" * MAX_REQUEST_BYTES, 413),
    "a trailer": (CHUNKED + b"0\r\nX: " + b"x" * MAX_REQUEST_BYTES, 413),
    "a body": (
        HEAD + b"Content-Length: 99999999\r\n\r\n" + b"x" * (MAX_REQUEST_BYTES + 300_000),
        413,
    ),
}


@pytest.mark.parametrize("part", TOO_LONG)
async def test_a_request_part_that_is_too_long_is_refused(service: Service, part: str) -> None:
    data, status = TOO_LONG[part]
    async with connect(service) as connection:
        sending = asyncio.create_task(connection.send(data))
        assert (await connection.read_response())[0] == status
        await asyncio.gather(sending)
    assert (await service.client().run("{ viewer { role } }")) == {"viewer": None}


async def test_headers_and_bodies_of_maximum_length_are_accepted(service: Service) -> None:
    long_header = b"X-Long: " + b"x" * (MAX_HEADER_BYTES - len(HEAD) - 60)
    fits = HEAD + long_header + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    async with connect(service) as connection:
        await connection.send(fits + fits)
        for _ in range(2):
            assert (await connection.read_response())[0] == 200
        variables = {"x": "x" * 1_000_000}
        large = json.dumps({"query": "{ viewer { role } }", "variables": variables}).encode()
        await connection.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(large) + large + fits)
        for _ in range(2):
            assert (await connection.read_response())[0] == 200


async def test_the_number_of_pipelined_requests_is_limited(service: Service) -> None:
    async with connect(service) as connection:
        await connection.send(COMPLETE_REQUEST * (MAX_PIPELINED_REQUESTS + 2))
        for _ in range(MAX_PIPELINED_REQUESTS + 1):
            assert (await connection.read_response())[0] == 200
        assert await connection.read_error_and_close() == 429
    await expect_healthy(service)


async def test_a_client_that_reads_no_responses_is_disconnected(
    service: Service, timeout: RequestTimeout
) -> None:
    timeout.shorten()
    loop, connections = asyncio.get_running_loop(), service.server.server_state.connections
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", service.port))
        client.setblocking(False)
        query = (
            b'{"query": "{ __schema { types { name description fields { name description } } } }"}'
        )
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(query) + query
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(ConnectionError):  # the server closes the connection
                while True:
                    await loop.sock_sendall(client, request * 20)
                    waiting = sum(len(each.pipeline) for each in connections)
                    assert waiting <= MAX_PIPELINED_REQUESTS
    timeout.lengthen()
    await expect_healthy(service)


MALFORMED = [
    b"\x00\x01\x02\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"BREW /graphql HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET http://[/ HTTP/1.1\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    HEAD + b"Content-Length: x\r\n\r\n",
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    CHUNKED + b"xyz\r\n",
    CHUNKED + b"5\r\nabcdefgh\r\n",
    CHUNKED + b"fffffffffffffffffffffff\r\n",
]


@pytest.mark.parametrize("data", MALFORMED)
async def test_malformed_http_gets_400(service: Service, data: bytes) -> None:
    async with connect(service) as connection:
        await connection.send(data)
        assert await connection.read_error_and_close() == 400
    await expect_healthy(service)
