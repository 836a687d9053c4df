"""What is read of responses: at most so many bytes, within one deadline for everything."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import socket
import termios
from ipaddress import ip_network

import pytest
from support.live import until
from support.raw_server import OK, Answer, RawServer, answer_endlessly, answer_with, raw_server

from models.outbound.connection import LimitedStream
from models.outbound.http_client import (
    MAX_OVERHEAD_BYTES,
    OutboundHttpClient,
    TargetUnavailable,
)

MAX_BYTES = 10_000
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


def client_of(timeout_seconds: float = 60) -> OutboundHttpClient:
    return OutboundHttpClient(
        allowed_networks=[ip_network("127.0.0.0/8")],
        allow_http=True,
        timeout_seconds=timeout_seconds,
        max_response_bytes=MAX_BYTES,
    )


async def until_ended(server: RawServer) -> None:
    async def has_ended() -> bool:
        return server.ended_connections == server.connections

    await until(has_ended)


async def test_the_request_and_the_response() -> None:
    body = bytes(range(256))
    response = HEAD + (
        b"Content-Length: 4\r\nX-Twice: first\r\nX-Twice: second\r\nRetry-After: 7\r\n"
        b"Set-Cookie: a=b\r\n\r\nbody"
    )
    client = client_of()
    async with raw_server(answer_with(response)) as server:
        url = f"http://127.0.0.1:{server.port}/a?b=%20"
        found = await client.post(url, {"content-type": "x/y", "x-a": "1"}, body)
        await client.post(url, {"User-Agent": "Other/1"}, b"")
    assert (found.status, found.body, found.is_cut) == (200, b"body", False)
    assert (found.headers["x-twice"], found.headers["retry-after"]) == ("first", "7")
    assert found.milliseconds >= 0
    assert server.bodies == [body, b""]
    first, second = server.heads
    assert first[0] == "POST /a?b=%20 HTTP/1.1"
    assert sorted(line.lower() for line in first[1:]) == [
        "accept-encoding: identity",
        "connection: close",
        "content-length: 256",
        "content-type: x/y",
        f"host: 127.0.0.1:{server.port}",
        "user-agent: ticketwire",
        "x-a: 1",
    ]
    names = [line.partition(":")[0].lower() for line in second[1:]]
    assert names.count("user-agent") == 1
    assert "cookie" not in names


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (HEAD + b"content-length: %d\r\n\r\n" % MAX_BYTES + b"x" * MAX_BYTES, MAX_BYTES),
        (HEAD + b"\r\n" + b"x" * MAX_BYTES, MAX_BYTES),
        (CHUNKED + b"5\r\nxxxxx\r\n0\r\n\r\n", 5),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0),
    ],
)
async def test_a_body_up_to_the_limit(answer: bytes, size: int) -> None:
    async with raw_server(answer_with(answer)) as server:
        found = await client_of().post(f"http://127.0.0.1:{server.port}/", {}, b"")
    assert (found.body, found.is_cut) == (b"x" * size, False)


@pytest.mark.parametrize(
    "answer",
    [
        answer_endlessly(HEAD + b"\r\n", b"x" * 5000),
        answer_endlessly(HEAD + b"content-length: 99999999999\r\n\r\n", b"x" * 5000),
        answer_endlessly(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        answer_with(
            HEAD + b"content-length: %d\r\n\r\n" % (MAX_BYTES + 1) + b"x" * (MAX_BYTES + 1)
        ),
    ],
)
async def test_a_longer_body_is_cut(answer: Answer) -> None:
    async with raw_server(answer) as server:
        found = await client_of().post(f"http://127.0.0.1:{server.port}/", {}, b"")
        assert (found.status, found.body, found.is_cut) == (200, b"x" * MAX_BYTES, True)
        await until_ended(server)


async def test_a_compressed_body_is_not_decompressed() -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with raw_server(answer_with(head, bomb)) as server:
        found = await client_of().post(f"http://127.0.0.1:{server.port}/", {}, b"")
    assert found.body == bomb[:MAX_BYTES]


async def test_what_is_read_beside_the_body_is_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of one byte with long extensions."""
    streams: list[LimitedStream] = []
    build = LimitedStream.__init__

    def keep(self: LimitedStream, *arguments: object) -> None:
        streams.append(self)
        build(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(LimitedStream, "__init__", keep)
    chunk = b"1;" + b"e" * 1000 + b"\r\nx\r\n"
    async with raw_server(answer_endlessly(CHUNKED, chunk * 100)) as server:
        found = await client_of().post(f"http://127.0.0.1:{server.port}/", {}, b"")
        assert found.is_cut
        assert set(found.body) == set(b"x")
        assert len(found.body) < (MAX_BYTES + MAX_OVERHEAD_BYTES) / 1000
        await until_ended(server)
    assert [each.unread_bytes for each in streams] == [0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answer_endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "headers"),
        (answer_endlessly(HEAD, b"x-a: b\r\n" * 100), "no valid HTTP response"),
        (answer_endlessly(HEAD + b"x-a: ", b"b" * 1000), "no valid HTTP response"),
        (answer_with(b"SSH-2.0-OpenSSH_9.2\r\n"), "no valid HTTP response"),
        (answer_with(b"HTTP/1.1 999999 OK\r\n\r\n"), "no valid HTTP response"),
        (answer_with(HEAD + b"content-length: -1\r\n\r\n"), "no valid HTTP response"),
        (answer_with(HEAD + b"content-length: 10\r\n\r\nshort"), "no valid HTTP response"),
        (answer_with(CHUNKED + b"zz\r\n"), "no valid HTTP response"),
        (answer_with(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"), "no valid HTTP response"),
        (answer_with(b""), "no valid HTTP response"),
    ],
)
async def test_a_response_that_is_none(answer: Answer, message: str) -> None:
    async with raw_server(answer) as server:
        with pytest.raises(TargetUnavailable, match=message):
            await client_of().post(f"http://127.0.0.1:{server.port}/", {}, b"")
        await until_ended(server)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        answer_endlessly(b"HTTP/1.1 2", b"0", 0.02),
        answer_endlessly(HEAD, b"x-a: b\r\n", 0.02),
        answer_endlessly(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.02),
        answer_endlessly(HEAD + b"\r\n", b"x", 0.02),
        answer_endlessly(HEAD + b"content-length: 5000\r\n\r\n", b"x", 0.02),
        answer_endlessly(CHUNKED, b"1\r\nx\r\n", 0.02),
    ],
)
async def test_one_deadline_for_everything(answer: Answer | None) -> None:
    """A target that sends a byte now and then never reaches a limit between two bytes."""
    async with raw_server(answer) as server:
        with pytest.raises(TargetUnavailable, match=r"within 0\.4 seconds"):
            await client_of(0.4).post(f"http://127.0.0.1:{server.port}/", {}, b"")
        await until_ended(server)


async def test_a_target_that_does_not_read() -> None:
    """The system accepts the connection, and its buffers hold less than the request."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(TargetUnavailable, match=r"within 0\.4 seconds"):
            await client_of(0.4).post(url, {}, b"x" * 50_000_000)


async def test_a_success_before_the_whole_request_was_sent_is_none() -> None:
    """The target responds after the head, and then resets the connection."""

    async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        # The client must have the response before the connection is reset.
        connection = writer.get_extra_info("socket")
        while fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)) != bytes(4):
            await asyncio.sleep(0.01)
        writer.transport.abort()

    server = await asyncio.start_server(answer_early, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(TargetUnavailable, match="the connection ended"):
            await client_of().post(url, {}, b"x" * 50_000_000)
