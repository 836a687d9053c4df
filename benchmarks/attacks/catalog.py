"""All attacks: what one client sends, and the responses that it may get."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed

from benchmarks.attacks.documents import (
    BOMBS,
    LONG_INVALID,
    SHORT_INVALID,
    SLOW_VALID,
    VALIDATION_FAILED,
    make_unique,
)
from benchmarks.attacks.floods import (
    FLOODS,
    flood,
    send_large_bodies,
    send_large_chunked_bodies,
)
from benchmarks.attacks.requests import FRAMES, GOOD, REQUESTS, RequestBuilder
from benchmarks.attacks.subscriptions import (
    FEWER_SEARCHES,
    SEARCHES,
    Operation,
    event_searches,
    live_statistics_and_lists,
    subscribe_and_write,
    trivial_events,
)
from benchmarks.attacks.target import Target
from benchmarks.attacks.values import (
    FILTERED,
    NOTE,
    SIXTEEN_LETTERS,
    VALUES,
    OperationWithVariables,
)

CONNECTIONS = 60
PIPELINED = 90
SEARCH = {"f": {"search": SIXTEEN_LETTERS}}
BODIES = "query($id: ID!) { ticket(id: $id) { messages(first: 100) { nodes { bodyHtml } } } }"
COSTLY = """{
  tickets(first: 100) {
    nodes { clocks { metric } team { id } category { id } requester { id } }
  }
}"""
NEW_TICKET = """mutation {
  createTicket(input: {subject: "s", description: "d", category: "technical"}) { ticket { id } }
}"""
WRONG_PASSWORD = """mutation {
  signIn(input: {email: "nobody@example.com", password: "x"}) { token }
}"""
GUESS = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
GUESSES = 200
MAX_CHECKED_GUESSES = 20
"""10 attempts are free. The delays after them double, so few more are checked within minutes,
whatever the number of processes."""


Send = Callable[[Target], Awaitable[Sequence[str]]]
"""Sends an attack and returns a summary of each response."""
OperationBuilder = Callable[[Target, int], tuple[str, Any]]
"""A query and its variables, for a target and the index of a connection."""


def same_operation(query: str, variables: Any = None) -> OperationBuilder:
    return lambda *_: (query, variables)


def unique_document(document: str) -> OperationBuilder:
    def build(_: Target, index: int) -> tuple[str, Any]:
        return make_unique(document, index), None

    return build


@dataclass(frozen=True)
class Attack:
    name: str
    transport: str
    send: Send
    expected: frozenset[str]
    """The allowed summaries of responses; see `target.summarize`."""


def attack(name: str, send: Send, *expected: str, transport: str = "HTTP") -> Attack:
    return Attack(name, transport, send, frozenset(expected))


def over_all_transports(name: str, query: str, code: str) -> Iterator[Attack]:
    """The same document over HTTP, SSE and WebSocket."""
    expected = [f"{kind} {code}".strip() for kind in ("200", "next", "error")]
    transports = {
        "HTTP": Target.post,
        "SSE": Target.stream,
        "WebSocket": Target.send_over_socket,
    }
    for transport, send_query in transports.items():

        async def send(target: Target, send_query: Any = send_query) -> list[str]:
            return [await send_query(target, query)]

        yield attack(name, send, *expected, transport=transport)


def with_variables(name: str, operation: OperationWithVariables) -> Attack:
    async def send(target: Target) -> list[str]:
        variables = operation.variables
        if operation.query == NOTE:
            variables = {"i": {"ticketId": target.ticket_id, **variables["i"]}}
        return [await target.post(operation.query, variables)]

    return attack(name, send, f"200 {operation.code}".strip())


def as_request(name: str, build: RequestBuilder, expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        return await target.send_bytes(build(target))

    return attack(name, send, expected)


def as_frames(name: str, frames: Sequence[str | bytes], code: str) -> Attack:
    async def send(target: Target) -> list[str]:
        try:
            async with asyncio.timeout(60), target.open_socket() as socket:
                for frame in frames:
                    await socket.send(frame)
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            return [str(closed.rcvd.code if closed.rcvd else "cut")]

    return attack(name, send, code, transport="WebSocket")


# ---------------------------------------------------------------- many requests at once


def on_connections(name: str, count: int, build: OperationBuilder, *expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        posts = [target.post(*build(target, index)) for index in range(count)]
        return list(await asyncio.gather(*posts))

    return attack(f"{name}, on {count} connections", send, *expected)


def on_one_socket(name: str, document: str, *expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        operations = [(make_unique(document, index), None) for index in range(100)]
        return await target.send_all_over_socket(operations)

    return attack(f"a hundred {name} at once", send, *expected, transport="WebSocket")


def pipelined(name: str, document: str, *expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        bodies = [{"query": make_unique(document, index)} for index in range(PIPELINED)]
        requests = [target.build_request(orjson.dumps(body)) for body in bodies]
        return await target.send_bytes(b"".join(requests), PIPELINED)

    return attack(f"{PIPELINED} {name}, pipelined", send, *expected)


async def send_beyond_queue_limit(target: Target) -> list[str]:
    """More pipelined requests than the server queues. It answers those before the refusal."""
    return await target.send_bytes(target.build_request(GOOD) * 300, 300)


async def send_incomplete_requests(target: Target) -> list[str]:
    """Requests that never end on many connections, and a complete one on another."""
    incomplete = target.build_request(GOOD)[:-5]
    connections = [await asyncio.open_connection("127.0.0.1", target.port) for _ in range(300)]
    try:
        for _, writer in connections:
            writer.write(incomplete)
        return await target.send_bytes(target.build_request(GOOD))
    finally:
        for _, writer in connections:
            writer.transport.abort()


async def leave_responses_unread(target: Target) -> list[str]:
    """Large responses that the client does not read, and another request."""
    query = "{ tickets(first: 100) { nodes { id subject description } } }"
    page = target.build_request(orjson.dumps({"query": query}))
    connections = [
        await asyncio.open_connection("127.0.0.1", target.port, limit=1) for _ in range(20)
    ]
    try:
        for _, writer in connections:
            writer.write(page * 20)
        return await target.send_bytes(target.build_request(GOOD))
    finally:
        for _, writer in connections:
            writer.transport.abort()


async def guess_password(target: Target) -> list[str]:
    """Many passwords for one account at once. All processes together check only a few."""
    email = f"account-of-{target.token[-8:]}@example.com"
    guesses = [
        target.post(GUESS, {"i": {"email": email, "password": f"guess {index}"}})
        for index in range(GUESSES)
    ]
    responses = list(await asyncio.gather(*guesses))
    checked = responses.count("200")
    return responses if checked <= MAX_CHECKED_GUESSES else [f"{checked} guesses were checked"]


def with_subscriptions(name: str, operations: Sequence[Operation], *expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        return await subscribe_and_write(target, operations)

    name = f"{len(operations):,} subscriptions {name}, and replies"
    return attack(name, send, *expected, transport="WebSocket")


EXPENSIVE = ("200", "200 UNAVAILABLE")
"""An expensive operation may reach its time limit, because it waits for the caller's others."""
CONCURRENT: tuple[Attack, ...] = (
    on_one_socket("invalid documents", SHORT_INVALID, f"error {VALIDATION_FAILED}"),
    on_one_socket("long invalid documents", LONG_INVALID, f"error {VALIDATION_FAILED}"),
    on_one_socket("documents that are slow to validate", SLOW_VALID, "next"),
    on_connections(
        "invalid documents", CONNECTIONS, unique_document(SHORT_INVALID), f"200 {VALIDATION_FAILED}"
    ),
    on_connections(
        "long invalid documents",
        CONNECTIONS,
        unique_document(LONG_INVALID),
        f"200 {VALIDATION_FAILED}",
    ),
    on_connections(
        "documents that are slow to validate", CONNECTIONS, unique_document(SLOW_VALID), "200"
    ),
    on_connections(
        "the same search for sixteen letters", 20, same_operation(FILTERED, SEARCH), *EXPENSIVE
    ),
    on_connections(
        "a hundred HTML bodies",
        10,
        lambda target, _: (BODIES, {"id": target.ticket_id}),
        *EXPENSIVE,
    ),
    on_connections(
        "queries of cost 1,000", 80, same_operation(COSTLY), *EXPENSIVE, "429 RATE_LIMITED"
    ),
    on_connections("new tickets", 300, same_operation(NEW_TICKET), "200"),
    on_connections(
        "wrong passwords", 40, same_operation(WRONG_PASSWORD), "200", "200 RATE_LIMITED"
    ),
    attack(f"{GUESSES} passwords for one account", guess_password, "200", "200 RATE_LIMITED"),
    pipelined("invalid documents", SHORT_INVALID, f"200 {VALIDATION_FAILED}"),
    pipelined("documents that are slow to validate", SLOW_VALID, "200"),
    attack("300 requests, pipelined", send_beyond_queue_limit, "200", "429 BAD_REQUEST", "cut"),
    attack("300 requests that never end", send_incomplete_requests, "200"),
    attack("400 large responses that the client does not read", leave_responses_unread, "200"),
)

TOO_LARGE = "413 BAD_REQUEST"
LARGE_BODIES: tuple[Attack, ...] = (
    attack("twenty bodies of 20 MB", send_large_bodies, TOO_LARGE),
    attack(
        "twenty bodies of 20 MB from clients that close the connection",
        partial(send_large_bodies, connection="close"),
        TOO_LARGE,
    ),
    attack("twenty bodies of 20 MB in chunks", send_large_chunked_bodies, TOO_LARGE),
)


def as_flood(name: str, connections: int) -> Attack:
    send = partial(flood, name=name, connections=connections)
    full_name = name if connections == 1 else f"{name}, on {connections} connections"
    return attack(full_name, send, *FLOODS[name].codes, transport="WebSocket")


REFUSED = "error QUERY_TOO_EXPENSIVE"
SUBSCRIPTIONS: tuple[Attack, ...] = (
    with_subscriptions("to events with 32 searches", event_searches(SEARCHES, 100), REFUSED),
    with_subscriptions(
        "to events with 16 searches",
        event_searches(FEWER_SEARCHES, 100),
        "next",
        REFUSED,
        "error RATE_LIMITED",
    ),
    with_subscriptions("to all events", trivial_events(1000), "next", REFUSED),
    with_subscriptions("to statistics and lists", live_statistics_and_lists(100), "next", REFUSED),
)

ATTACKS: tuple[Attack, ...] = (
    *(
        each
        for name, (query, code) in BOMBS.items()
        for each in over_all_transports(name, query, code)
    ),
    *(with_variables(name, operation) for name, operation in VALUES.items()),
    *(as_request(name, build, expected) for name, (build, expected) in REQUESTS.items()),
    *(as_frames(name, frames, code) for name, (frames, code) in FRAMES.items()),
    *(as_flood(name, connections) for name in FLOODS for connections in (1, 20)),
    *LARGE_BODIES,
    *CONCURRENT,
    *SUBSCRIPTIONS,
)
