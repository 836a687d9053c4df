"""The load client of benchmarks/fanout: it accepts correct events and reports every error."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.missing_programs import skip_unless_in_ci
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.fanout.client import FILTERED_PAYLOAD, Answer, Client, ClientFailed
from benchmarks.fanout.contenders import PEERS, Bare, compile_c
from models.log.event import encode_cursor

CORES = os.sched_getaffinity(0)
SECONDS = 60.0
"""A deadline. No test waits until it has passed."""
Messages = Callable[[str], Sequence[str | list[str]]]
"""The messages of a server to the subscriber with an operation id. A list is one message in
fragments."""


@pytest.fixture(scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None or shutil.which("taskset") is None:
        skip_unless_in_ci("a C compiler and taskset are not installed")
    folder = tmp_path_factory.mktemp("fanout")
    compile_c("client", folder)
    return folder


def event(id: str, position: int, **more: object) -> str:
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    change = {
        "cursor": encode_cursor(position),
        "occurredAt": at,
        "ticket": {"id": "tkt_1"},
        "actor": {"displayName": "A"},
    }
    return json.dumps(
        {"id": id, "type": "next", "payload": {"data": {"ticketStatusChanged": change}, **more}}
    )


async def measure(folder: Path, messages: Messages, last: int, behind: int = 0) -> Answer:
    """The client's answer after a server has sent the messages to two sockets.

    `behind` of them never get the event at the position `last`.
    """

    async def speak(socket: ServerConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "connection_init":
                assert message["payload"] == {"authorization": "Bearer secret"}
                await socket.send(json.dumps({"type": "connection_ack"}))
            elif message["type"] == "subscribe":
                socket.id = message["id"]
            elif message["type"] == "ping":
                await socket.send(json.dumps({"type": "pong"}))
                for message in messages(str(socket.id)):
                    await socket.send(message)

    async with serve(
        speak, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"], compression=None
    ) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        async with await Client.start(folder / "client", port, ["secret"], folder, CORES) as client:
            opened = await client.open(2, SECONDS)
            assert opened.open == 2, opened.trouble
            if not behind:
                return await client.wait(last, SECONDS)
            async with asyncio.timeout(SECONDS):
                while (answer := await client.wait(last, 0.2)).behind > behind:
                    pass
            return answer


async def test_the_client_accepts_every_event_of_a_large_burst(folder: Path) -> None:
    server = Bare(CORES, compile_c("bare", folder))
    await server.start(folder)
    try:
        async with await Client.start(
            folder / "client", server.port, server.tokens, folder, CORES
        ) as client:
            assert (await client.open(50, SECONDS)).open == 50
            for count in (1, 1000):
                await client.zero()
                server.publish(count)
                answer = await client.wait(await server.wait_until_published(SECONDS), SECONDS)
                assert (answer.received, answer.behind, answer.wrong, answer.closed) == (
                    50 * count,
                    0,
                    0,
                    0,
                ), answer
                assert 0 < answer.p50 <= answer.p99 <= answer.worst + 0.1
            assert answer.close_reads == 1000, (
                "each event is parsed once, and compared for the other sockets"
            )
    finally:
        await server.stop()


async def test_each_socket_has_another_filter(folder: Path) -> None:
    filters: list[object] = []

    async def speak(socket: ServerConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "connection_init":
                await socket.send(json.dumps({"type": "connection_ack"}))
            elif message["type"] == "subscribe":
                filters.append(message["payload"]["variables"]["filter"])
            elif message["type"] == "ping":
                await socket.send(json.dumps({"type": "pong"}))

    async with serve(
        speak, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"], compression=None
    ) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        async with await Client.start(
            folder / "client", port, ["secret"], folder, CORES, FILTERED_PAYLOAD
        ) as client:
            assert (await client.open(3, SECONDS)).open == 3
    assert sorted(filters, key=str) == [{"escalationLevel": {"lt": n}} for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        (lambda own: [event(own, 7), event(own, 8), event(own, 9)], {}),
        (lambda own: [event(own, 7), '{"type":"ping"}', event(own, 8), event(own, 9)], {}),
        (lambda own: [event(own, 7), event(own, 9)], {"gaps": 2}),
        (lambda own: [event(own, 7), event(own, 8), event(own, 8), event(own, 9)], {"doubles": 2}),
        (lambda own: [event(own, 7), event(own, 9), event(own, 8)], {"gaps": 2, "doubles": 2}),
        (
            lambda own: [event(own, 7), event("another", 8), event(own, 8), event(own, 9)],
            {"foreign": 2},
        ),
        (
            lambda own: [event(own, 7), event(own, 8, errors=[]), event(own, 9)],
            {"malformed": 2, "gaps": 2},
        ),
        (lambda own: [event(own, 7), "{", event(own, 8), event(own, 9)], {"malformed": 2}),
        (
            lambda own: [
                event(own, 7),
                json.dumps({"id": own, "type": "complete"}),
                event(own, 8),
                event(own, 9),
            ],
            {"malformed": 2},
        ),
    ],
    ids=[
        "correct",
        "ping",
        "lost",
        "duplicated",
        "out of order",
        "wrong id",
        "errors",
        "not JSON",
        "completed",
    ],
)
async def test_the_client_reports_wrong_events(
    folder: Path, messages: Messages, wrong: dict[str, int]
) -> None:
    answer = await measure(folder, messages, 9)
    assert answer.behind == 0
    assert {
        name: getattr(answer, name)
        for name in ("gaps", "doubles", "foreign", "malformed")
        if getattr(answer, name)
    } == wrong
    assert bool(answer.trouble) == bool(answer.foreign or answer.malformed)


async def test_the_client_counts_sockets_that_are_behind(folder: Path) -> None:
    answer = await measure(
        folder,
        lambda own: [event(own, 7)] if own.endswith("0") else [event(own, 7), event(own, 8)],
        8,
        1,
    )
    assert (answer.open, answer.behind) == (2, 1)


async def test_the_client_refuses_a_fragmented_message(folder: Path) -> None:
    with pytest.raises(ClientFailed, match="fragmented"):
        await measure(folder, lambda own: [["{}", "{}"]], 9)


def test_the_lock_of_the_peers_names_no_registry() -> None:
    text = (PEERS / "package-lock.json").read_text()
    assert "://" not in text
    assert "resolved" not in text
