"""Clients that send too much: frames and bytes of a WebSocket, and bodies that are too large."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from support import Service, World
from support.live import until, wait_for_close
from support.metrics import read_metrics
from support.service import running

from benchmarks.attacks.floods import FLOODS, encode_client_frame
from benchmarks.attacks.target import HANDSHAKE, Target, read_close_code
from engine.server.websocket_protocol import WebSocketProtocol

LIMIT_SECONDS = 60
INIT = encode_client_frame(0x81, b'{"type":"connection_init"}')


@contextlib.asynccontextmanager
async def open_raw_socket(
    service: Service,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter, WebSocketProtocol]]:
    """A WebSocket without a library, and the server's protocol object for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            writer.write(HANDSHAKE)
            await reader.readuntil(b"\r\n\r\n")
            (protocol,) = (
                each
                for each in service.server.server_state.connections
                if isinstance(each, WebSocketProtocol)
            )
            yield reader, writer, protocol
    finally:
        writer.transport.abort()


async def wait_for_metric(service: Service, token: str, name: str, minimum: int = 1) -> None:
    async def has_counted() -> bool:
        return (await read_metrics(service, token))[name] >= minimum

    await until(has_counted)


# ---------------------------------------------------------------- frames


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_of_frames_closes_the_socket(url: str, name: str) -> None:
    flood = FLOODS[name]
    async with running(url) as service:
        world = await World.make()
        first = INIT + flood.first if flood.has_init else flood.first
        code = await Target(service.port, "", "").flood_with_frames(first, flood.frame, 100_000)
        assert code in flood.codes
        if code == "1008":
            metrics = await read_metrics(service, world.root.token)
            assert metrics["websocket_frame_floods_total"] == 1


async def test_too_many_messages_close_the_socket_with_1008(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.server.traffic.monotonic", lambda: 0.0)  # nothing is regained
    async with (
        running(url, max_socket_frames_per_second=1) as service,
        service.client().socket() as client,
    ):
        for _ in range(30):
            await client.send({"type": "ping"})
        code, reason, received = await wait_for_close(client)
        assert code == 1008
        assert reason == "Too many frames: at most 1 per second are accepted."
        assert len(received) <= 9  # connection_init was the first of ten


async def test_a_client_may_send_a_burst_of_messages(url: str) -> None:
    async with running(url) as service, service.client().socket() as client:
        for number in range(500):
            await client.send({"type": "ping", "payload": {"number": number}})
        for number in range(500):
            assert (await client.receive())["payload"] == {"number": number}


async def test_the_server_parses_nothing_after_it_closed(url: str) -> None:
    async with running(url) as service, open_raw_socket(service) as (reader, writer, protocol):
        writer.write(encode_client_frame(0x81, b"nonsense"))
        assert await read_close_code(reader) == "4400"
        available = protocol.conn.frames.available
        writer.write(encode_client_frame(0x89) * 10_000)

        async def has_discarded() -> bool:
            lingering = protocol.lingering_close
            assert lingering is not None
            return lingering.remaining_bytes < protocol.traffic.max_discarded_bytes

        await until(has_discarded)
        assert protocol.conn.frames.available >= available


async def test_a_client_that_still_sends_after_the_close_is_aborted(url: str) -> None:
    async with running(url, max_discarded_bytes=100_000) as service:
        world = await World.make()
        async with open_raw_socket(service) as (reader, writer, _):
            writer.write(encode_client_frame(0x82, b"x"))
            assert await read_close_code(reader) == "4400"
            with contextlib.suppress(ConnectionError):
                while not writer.transport.is_closing():
                    writer.write(bytes(50_000))
                    await writer.drain()
        await wait_for_metric(service, world.root.token, "discard_limit_aborts_total")


async def test_too_many_bytes_pause_reading_and_lose_nothing(url: str) -> None:
    async with running(url, max_socket_bytes_per_second=100_000) as service:
        world = await World.make()
        async with service.client().socket() as client:
            for number in range(11):
                await client.send({"type": "ping", "payload": {"x": "x" * 100_000, "n": number}})
            for number in range(11):
                assert (await client.receive())["payload"]["n"] == number
        metrics = await read_metrics(service, world.root.token)
        assert metrics["websocket_read_pauses_total"] >= 1


async def test_a_message_may_arrive_in_fragments_between_pings(service: Service) -> None:
    text = json.dumps({"type": "ping", "payload": {"text": "é" * 50}}, ensure_ascii=False).encode()
    pieces = [text[at : at + 1] for at in range(len(text))]
    frames = [encode_client_frame(0x01, pieces[0])]
    for piece in pieces[1:-1]:
        frames += [encode_client_frame(0x00, piece), encode_client_frame(0x89, b"p")]
    frames.append(encode_client_frame(0x80, pieces[-1]))
    async with open_raw_socket(service) as (reader, writer, _):
        writer.write(b"".join(frames))
        assert "é".encode() * 50 in await reader.readuntil("é".encode() * 50)


async def test_invalid_utf8_is_a_client_error_without_a_traceback(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    for frames in (
        encode_client_frame(0x81, b"\xff\xfe"),
        encode_client_frame(0x01, b"\xc3") + encode_client_frame(0x80, b"\x28"),
    ):
        async with open_raw_socket(service) as (reader, writer, _):
            writer.write(frames)
            assert await read_close_code(reader) == "1007"
    assert not [record for record in caplog.records if record.exc_info]
    assert await service.client().run("{ __typename }") == {"__typename": "Query"}


# ---------------------------------------------------------------- bodies

LARGE_BODY = b" " * 20_000_000


def post_with_http_client(port: int, **headers: str) -> tuple[int, Any]:
    """Send the whole body before reading, as simple clients do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    try:
        names = {"Content-Type": "application/json", **headers}
        connection.request("POST", "/graphql", LARGE_BODY, names)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def post_raw(port: int, head: bytes, body: bytes) -> bytes:
    """Send a request completely; return all bytes of the response."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as client:
        client.sendall(head + b"Host: x\r\nContent-Type: application/json\r\n\r\n" + body)
        response = b""
        while data := client.recv(65_536):
            response += data
        return response


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_body_of_20_mb_gets_413_each_time(service: Service, connection: str) -> None:
    for _ in range(5):
        status, body = await asyncio.to_thread(
            post_with_http_client, service.port, Connection=connection
        )
        assert (status, body["errors"][0]["extensions"]["code"]) == (413, "BAD_REQUEST")


CHUNKS = (b"f4240\r\n" + b" " * 1_000_000 + b"\r\n") * 20 + b"0\r\n\r\n"
LENGTH = b"Content-Length: 20000000\r\n"
LARGE_REQUESTS = {
    "HTTP/1.0": (b"POST /graphql HTTP/1.0\r\n" + LENGTH, LARGE_BODY),
    "chunks": (b"POST /graphql HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
    "an event stream": (b"POST /graphql/stream HTTP/1.1\r\n" + LENGTH, LARGE_BODY),
    "a path without a body": (b"POST /health HTTP/1.1\r\n" + LENGTH, LARGE_BODY),
}


@pytest.mark.parametrize("name", LARGE_REQUESTS)
async def test_every_endpoint_refuses_a_body_of_20_mb_with_413(service: Service, name: str) -> None:
    response = await asyncio.to_thread(post_raw, service.port, *LARGE_REQUESTS[name])
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in response.lower()


async def test_a_client_that_waits_for_100_continue_gets_413(service: Service) -> None:
    head = b"POST /graphql HTTP/1.1\r\nExpect: 100-continue\r\n" + LENGTH
    response = await asyncio.to_thread(post_raw, service.port, head, b"")
    assert response.startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_sends_an_endless_body_is_aborted(url: str) -> None:
    async with running(url, max_discarded_bytes=1_000_000) as service:
        world = await World.make()
        head = b"POST /graphql HTTP/1.1\r\nContent-Length: 99999999999\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(head + b"Host: x\r\nContent-Type: application/json\r\n\r\n")
        assert b"413" in await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(LIMIT_SECONDS):
                while not writer.transport.is_closing():
                    writer.write(bytes(100_000))
                    await writer.drain()
        writer.transport.abort()
        await wait_for_metric(service, world.root.token, "discard_limit_aborts_total")
