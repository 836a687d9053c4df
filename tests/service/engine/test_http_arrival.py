"""Requests as bytes: who sends too slowly, too much or nonsense is hung up on by the server itself, and nobody else notices."""

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

from engine.server.http_protocol import MAX_HEADER_BYTES, MAX_PIPELINED_REQUESTS, MAX_REQUEST_BYTES, MAX_URL_BYTES, HTTPProtocol

HASTY_SECONDS = 0.2
PATIENT_SECONDS = 3600.0
LIMIT = 60
"""Seconds; what is waited for comes in less than one."""
BODY = b'{"query": "{ viewer { role } }"}'
HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Patience:
    """How long a service waits for requests: longer than any test lasts, until a test has it be service.

    So whoever has to be answered is, however slow the machine is; and who has to be hung up on need not be waited for.
    """

    def __init__(self) -> None:
        self.seconds = PATIENT_SECONDS
        self.connections: list[HTTPProtocol] = []

    def protocol(self, **given: Any) -> HTTPProtocol:
        self.connections.append(HTTPProtocol(**given, timeout_seconds=self.seconds))
        return self.connections[-1]

    def end(self) -> None:
        """Be hasty from now on, also with the connections that are open."""
        self.seconds = HASTY_SECONDS
        for each in self.connections:
            if each.watchdog is not None and not each.transport.is_closing():
                each.timeout_seconds = HASTY_SECONDS
                each.stop_watchdog()
                each.check_timeouts()

    def begin(self) -> None:
        """Be patient with connections that are opened from now on."""
        self.seconds = PATIENT_SECONDS

    async def has_received(self) -> bool:
        """Whether something came on the newest connection."""
        return bool(self.connections) and self.connections[-1].last_read_bytes > 0


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
async def service(url: str, patience: Patience) -> AsyncIterator[Service]:
    async with running(url, http=patience.protocol) as service:
        yield service


class Raw:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        async with asyncio.timeout(LIMIT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def refused(self) -> int:
        """The status of an error that is told as all are, after which the server hangs up."""
        status, headers, body = await self.answer()
        assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert body["extensions"]["requestId"] == headers["x-request-id"]
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
        assert "server" not in headers
        await self.ended()
        return status

    async def ended(self) -> None:
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(ConnectionError):
                assert await self.reader.read() == b""


@contextlib.asynccontextmanager
async def raw(service: Service) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def trickling(connection: Raw, data: Iterator[bytes]) -> AsyncIterator[None]:
    """A byte now and again, for as long as it takes."""

    async def trickle() -> None:
        for each in data:
            await connection.send(each)
            await asyncio.sleep(HASTY_SECONDS / 10)

    task = asyncio.create_task(trickle())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def without_end(begin: bytes, again: bytes) -> Iterator[bytes]:
    yield begin
    while True:
        yield again


async def lives(service: Service) -> None:
    """It answers, and nothing is kept of who was hung up on."""
    assert (await service.client().run("{ viewer { role } }")) == {"viewer": None}

    async def has_none() -> bool:
        return not service.server.server_state.connections

    await until(has_none, LIMIT)


SLOW = {
    "a line of the request": (b"POST /graph", b"q"),
    "a header's value": (HEAD + b"X-Slow: ", b"x"),
    "header after header": (HEAD, b"X-Slow: x\r\n"),
    "a body": (HEAD + b"Content-Length: 10000\r\n\r\n", b"x"),
    "a body in chunks": (CHUNKED, b"1\r\nx\r\n"),
    "the length of a chunk": (CHUNKED, b"0"),
    "trailers": (CHUNKED + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY), b"X-Slow: x\r\n"),
}


@pytest.mark.parametrize("what", SLOW)
async def test_who_trickles_is_hung_up_on_in_time(service: Service, patience: Patience, what: str) -> None:
    async with raw(service) as connection, trickling(connection, without_end(*SLOW[what])):
        await until(patience.has_received, LIMIT)
        patience.end()
        assert await connection.refused() == 408
    patience.begin()
    await lives(service)


async def test_who_says_nothing_or_blank_lines_alone_is_hung_up_on_without_a_word(service: Service, patience: Patience) -> None:
    patience.end()
    async with raw(service) as connection:
        await connection.ended()
    async with raw(service) as connection, trickling(connection, without_end(b"\r\n", b"\r\n")):
        await connection.ended()
    patience.begin()
    async with raw(service) as connection:
        await connection.send(WHOLE)
        assert (await connection.answer())[0] == 200
        async with trickling(connection, without_end(b"\r\n", b"\r\n")):
            patience.end()
            await connection.ended()
    patience.begin()
    await lives(service)


async def test_a_body_that_goes_on_after_its_refusal_is_not_taken_for_ever(service: Service, patience: Patience) -> None:
    wrong = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10000\r\n\r\n"
    async with raw(service) as connection, trickling(connection, without_end(wrong, b"x")):
        assert (await connection.answer())[0] == 415
        patience.end()
        await connection.ended()
    patience.begin()
    await lives(service)


async def test_a_request_that_comes_in_pieces_but_in_time_is_answered(service: Service) -> None:
    async with raw(service) as connection:
        for request in (WHOLE, CHUNKED + b"%x\r\n%b\r\n0\r\nX-Trailer: x\r\n\r\n" % (len(BODY), BODY)):
            for at in range(len(request)):
                await connection.send(request[at : at + 1])
                await asyncio.sleep(0)  # the server takes it before the next one comes
            status, _, body = await connection.answer()
            assert (status, body["data"]) == (200, {"viewer": None})


async def test_requests_that_come_at_once_are_answered_in_order_and_so_is_the_end(service: Service, patience: Patience) -> None:
    ids = [b"request-%d" % number for number in range(20)]
    sent = [WHOLE.replace(b"Host: x", b"Host: x\r\nX-Request-Id: " + id) for id in ids]
    for last, status in (
        (b"GET / HTTP/1.1\r\nX-Slow: ", 408),
        (HEAD + b"Content-Length: 100\r\n\r\n{", 408),
        (b"GET /" + b"x" * (MAX_URL_BYTES + 1), 414),
        (HEAD + b"X-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431),
        (b"\x16\x03\x01 no HTTP at all\r\n\r\n", 400),
    ):
        async with raw(service) as connection:
            await connection.send(b"".join(sent) + last)
            for id in ids:
                answered, headers, _ = await connection.answer()
                assert (answered, headers["x-request-id"]) == (200, id.decode())
            if status == 408:
                patience.end()
            assert await connection.refused() == status, last[:60]
        patience.begin()
    await lives(service)


async def test_who_is_still_being_answered_is_not_hung_up_on_for_what_it_began_meanwhile(
    service: Service, patience: Patience
) -> None:
    world = await World.make()
    head = b"GET /graphql/stream?query=subscription{ticketStatusChanged{to}} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
    async with raw(service) as connection:
        await connection.send(head + world.ada.token.encode() + b"\r\n\r\nGET / HT")
        assert (await connection.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        patience.end()
        async with raw(service) as other:
            await other.ended()  # as long as it would take
        patience.begin()
        await service.client(world.cora.token).raise_ticket()
        async with asyncio.timeout(LIMIT):
            assert b"NEW" in await connection.reader.readuntil(b"NEW")


async def test_no_socket_is_opened_behind_a_request_that_is_being_answered(service: Service) -> None:
    world = await World.make()
    head = b"GET /graphql/stream?query=subscription{ticketStatusChanged{to}} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
    async with raw(service) as connection:
        await connection.send(head + world.ada.token.encode() + b"\r\n\r\n")
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(UPGRADE + b"\r\n")
        await service.client(world.cora.token).raise_ticket()
        async with asyncio.timeout(LIMIT):
            assert b"101" not in await connection.reader.readuntil(b"NEW")

    async def has_no_tasks() -> bool:
        return not service.server.server_state.tasks

    await until(has_no_tasks, LIMIT)
    await lives(service)


TOO_MUCH = {
    "a URL": (b"GET /graphql?query=" + b"x" * MAX_URL_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a URL without end": (b"GET /" + b"x" * MAX_URL_BYTES * 2, 414),
    "a header": (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431),
    "a header without end": (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * MAX_HEADER_BYTES * 2, 431),
    "a header's name": (b"GET / HTTP/1.1\r\n" + b"x" * MAX_HEADER_BYTES + b": x\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * MAX_HEADER_BYTES + b"\r\n", 431),
    "headers of a socket": (UPGRADE + b"X-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431),
    "what stands behind a chunk's length": (CHUNKED + b"1;" + b"x" * MAX_REQUEST_BYTES, 413),
    "a trailer": (CHUNKED + b"0\r\nX: " + b"x" * MAX_REQUEST_BYTES, 413),
    "bodies that are refused": (HEAD + b"Content-Length: 99999999\r\n\r\n" + b"x" * (MAX_REQUEST_BYTES + 300_000), 413),
}


@pytest.mark.parametrize("what", TOO_MUCH)
async def test_who_sends_too_much_is_hung_up_on(service: Service, what: str) -> None:
    sent, status = TOO_MUCH[what]
    async with raw(service) as connection:
        sending = asyncio.create_task(connection.send(sent))
        assert (await connection.answer())[0] == status
        await asyncio.gather(sending)
    assert (await service.client().run("{ viewer { role } }")) == {"viewer": None}


async def test_what_is_just_short_enough_is_taken(service: Service) -> None:
    fits = HEAD + b"X-Long: " + b"x" * (MAX_HEADER_BYTES - len(HEAD) - 60) + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    async with raw(service) as connection:
        await connection.send(fits + fits)
        for _ in range(2):
            assert (await connection.answer())[0] == 200
        big = json.dumps({"query": "{ viewer { role } }", "variables": {"x": "x" * 1_000_000}}).encode()
        await connection.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(big) + big + fits)
        for _ in range(2):
            assert (await connection.answer())[0] == 200


async def test_requests_that_wait_are_few_and_not_read_ahead(service: Service) -> None:
    async with raw(service) as connection:
        await connection.send(WHOLE * (MAX_PIPELINED_REQUESTS + 2))
        for _ in range(MAX_PIPELINED_REQUESTS + 1):
            assert (await connection.answer())[0] == 200
        assert await connection.refused() == 429
    await lives(service)


async def test_who_takes_no_answers_keeps_no_connection(service: Service, patience: Patience) -> None:
    patience.end()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", service.port))
        deaf.setblocking(False)
        query = b'{"query": "{ __schema { types { name description fields { name description } } } }"}'
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(query) + query
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(ConnectionError):  # the server cuts it off
                while True:
                    await asyncio.get_running_loop().sock_sendall(deaf, request * 20)
                    assert sum(len(each.pipeline) for each in service.server.server_state.connections) <= MAX_PIPELINED_REQUESTS
    patience.begin()
    await lives(service)


NONSENSE = [
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


@pytest.mark.parametrize("sent", NONSENSE)
async def test_what_is_no_http_is_a_400_and_the_server_lives(service: Service, sent: bytes) -> None:
    async with raw(service) as connection:
        await connection.send(sent)
        assert await connection.refused() == 400
    await lives(service)
