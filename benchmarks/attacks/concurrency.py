"""Many requests of one client at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks.attacks.attack import Attack, attack
from benchmarks.attacks.documents import (
    LONG_INVALID,
    SHORT_INVALID,
    SLOW_VALID,
    VALIDATION_FAILED,
    make_unique,
)
from benchmarks.attacks.passwords import (
    CONNECTIONS as SIGN_IN_CONNECTIONS,
)
from benchmarks.attacks.passwords import GUESSES, guess_password, sign_in_repeatedly
from benchmarks.attacks.requests import GOOD
from benchmarks.attacks.target import Target
from benchmarks.attacks.values import FILTERED, SIXTEEN_LETTERS

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

OperationBuilder = Callable[[Target, int], tuple[str, Any]]
"""A query and its variables, for a target and the index of a connection."""


def same_operation(query: str, variables: Any = None) -> OperationBuilder:
    def build(_: Target, __: int) -> tuple[str, Any]:
        return query, variables

    return build


def unique_document(document: str) -> OperationBuilder:
    def build(_: Target, index: int) -> tuple[str, Any]:
        return make_unique(document, index), None

    return build


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
        "429 RATE_LIMITED",
    ),
    on_connections(
        "queries of cost 1,000", 80, same_operation(COSTLY), *EXPENSIVE, "429 RATE_LIMITED"
    ),
    on_connections("new tickets", 300, same_operation(NEW_TICKET), "200"),
    on_connections(
        "wrong passwords", 40, same_operation(WRONG_PASSWORD), "200", "200 RATE_LIMITED"
    ),
    attack(f"{GUESSES} passwords for one account", guess_password, "200", "200 RATE_LIMITED"),
    attack(
        f"sign-ins with the right password, on {SIGN_IN_CONNECTIONS} connections",
        sign_in_repeatedly,
        "200",
        "200 RATE_LIMITED",
        "429 RATE_LIMITED",
    ),
    pipelined("invalid documents", SHORT_INVALID, f"200 {VALIDATION_FAILED}"),
    pipelined("documents that are slow to validate", SLOW_VALID, "200"),
    attack("300 requests, pipelined", send_beyond_queue_limit, "200", "429 BAD_REQUEST", "cut"),
    attack("300 requests that never end", send_incomplete_requests, "200"),
    attack("400 large responses that the client does not read", leave_responses_unread, "200"),
)
