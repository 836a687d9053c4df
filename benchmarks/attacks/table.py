"""All attacks, a row each: what is sent by one client, and the answers that it may get."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed

from benchmarks.attacks.documents import BOMBS, HEAVY, INVALID, LIGHT, VALID, new
from benchmarks.attacks.requests import FRAMES, GOOD, REQUESTS
from benchmarks.attacks.target import Target
from benchmarks.attacks.values import NOTE, TWENTY, VALUES, Sent

CONNECTIONS = 60
PIPELINED = 90
SEARCH = {"f": {"search": " ".join("abcdefghijklmnop")}}
BODIES = "query($id: ID!) { ticket(id: $id) { messages(first: 100) { nodes { bodyHtml } } } }"
COSTLY = "{ tickets(first: 100) { nodes { clocks { metric } team { id } category { id } requester { id } } } }"
NEW_TICKET = 'mutation { createTicket(input: {subject: "s", description: "d", category: "technical"}) { ticket { id } } }'
WRONG_PASSWORD = 'mutation { signIn(input: {email: "nobody@example.com", password: "x"}) { token } }'


Asked = Callable[[Target, int], tuple[str, Any]]
"""What one of many asks: an operation with its variables."""


def always(query: str, variables: Any = None) -> Asked:
    return lambda *_: (query, variables)


@dataclass(frozen=True)
class Attack:
    name: str
    way: str
    act: Callable[[Target], Awaitable[Sequence[str]]]
    answers: frozenset[str]
    """Statuses, for a socket the type of message or the code of its close, with the codes of errors behind."""


def attack(name: str, act: Callable[[Target], Awaitable[Sequence[str]]], *answers: str, way: str = "HTTP") -> Attack:
    return Attack(name, way, act, frozenset(answers))


def every_way(name: str, query: str, code: str) -> Iterator[Attack]:
    """A document over HTTP, as an event stream, and over a socket."""
    answers = [f"{kind} {code}".strip() for kind in ("200", "next", "error")]
    ways = {"HTTP": Target.post, "SSE": Target.stream, "WebSocket": Target.over_socket}
    for way, send in ways.items():

        async def act(target: Target, send: Any = send) -> list[str]:
            return [await send(target, query)]

        yield attack(name, act, *answers, way=way)


def with_values(name: str, sent: Sent) -> Attack:
    async def act(target: Target) -> list[str]:
        variables = sent.variables
        if sent.query == NOTE:
            variables = {"i": {"ticketId": target.ticket_id, **variables["i"]}}
        return [await target.post(sent.query, variables)]

    return attack(name, act, f"200 {sent.code}".strip())


def as_bytes(name: str, sent: Callable[[Target], bytes], answer: str) -> Attack:
    async def act(target: Target) -> list[str]:
        return await target.raw(sent(target))

    return attack(name, act, answer)


def as_frames(name: str, frames: Sequence[str | bytes], code: str) -> Attack:
    async def act(target: Target) -> list[str]:
        try:
            async with asyncio.timeout(60), target.socket() as socket:
                for frame in frames:
                    await socket.send(frame)
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            return [str(closed.rcvd.code if closed.rcvd else "cut")]

    return attack(name, act, code, way="WebSocket")


# ---------------------------------------------------------------- many at once


def on_connections(name: str, count: int, asked: Asked, *answers: str) -> Attack:
    async def act(target: Target) -> list[str]:
        return list(await asyncio.gather(*(target.post(*asked(target, place)) for place in range(count))))

    return attack(f"{name}, on {count} connections", act, *answers)


def on_one_socket(name: str, document: str, *answers: str) -> Attack:
    async def act(target: Target) -> list[str]:
        return await target.together_over_socket([(new(document, place), None) for place in range(100)])

    return attack(f"a hundred {name} at once", act, *answers, way="WebSocket")


def pipelined(name: str, document: str, *answers: str) -> Attack:
    async def act(target: Target) -> list[str]:
        requests = [target.request(orjson.dumps({"query": new(document, place)})) for place in range(PIPELINED)]
        return await target.raw(b"".join(requests), PIPELINED)

    return attack(f"{PIPELINED} {name}, pipelined", act, *answers)


async def beyond_the_line(target: Target) -> list[str]:
    """More requests than may wait; those before the refusal are answered."""
    return await target.raw(target.request(GOOD) * 300, 300)


async def half_requests(target: Target) -> list[str]:
    """Connections on which a request never ends, and a whole one beside them."""
    half = target.request(GOOD)[:-5]
    open_ones = [await asyncio.open_connection("127.0.0.1", target.port) for _ in range(300)]
    try:
        for _, writer in open_ones:
            writer.write(half)
        return await target.raw(target.request(GOOD))
    finally:
        for _, writer in open_ones:
            writer.transport.abort()


async def unread_answers(target: Target) -> list[str]:
    """Large answers that are not taken, and a whole request beside them."""
    page = target.request(orjson.dumps({"query": "{ tickets(first: 100) { nodes { id subject description } } }"}))
    open_ones = [await asyncio.open_connection("127.0.0.1", target.port, limit=1) for _ in range(20)]
    try:
        for _, writer in open_ones:
            writer.write(page * 20)
        return await target.raw(target.request(GOOD))
    finally:
        for _, writer in open_ones:
            writer.transport.abort()


CROWDS: tuple[Attack, ...] = (
    on_one_socket("wrong documents", LIGHT, f"error {INVALID}"),
    on_one_socket("long wrong documents", HEAVY, f"error {INVALID}"),
    on_one_socket("documents that take long to check", VALID, "next"),
    on_connections("wrong documents", CONNECTIONS, lambda _, n: (new(LIGHT, n), None), f"200 {INVALID}"),
    on_connections("long wrong documents", CONNECTIONS, lambda _, n: (new(HEAVY, n), None), f"200 {INVALID}"),
    on_connections("documents that take long to check", CONNECTIONS, lambda _, n: (new(VALID, n), None), "200"),
    on_connections("the same twenty searches", 10, always(TWENTY, SEARCH), "200", "200 UNAVAILABLE"),
    on_connections(
        "a hundred bodies as HTML", 10, lambda target, _: (BODIES, {"id": target.ticket_id}), "200", "200 UNAVAILABLE"
    ),
    on_connections("what costs a thousand", 80, always(COSTLY), "200", "200 UNAVAILABLE", "429 RATE_LIMITED"),
    on_connections("new tickets", 300, always(NEW_TICKET), "200"),
    on_connections("wrong passwords", 40, always(WRONG_PASSWORD), "200", "200 RATE_LIMITED"),
    pipelined("wrong documents", LIGHT, f"200 {INVALID}"),
    pipelined("documents that take long to check", VALID, "200"),
    attack("300 requests, pipelined", beyond_the_line, "200", "429 BAD_REQUEST", "cut"),
    attack("300 requests that never end", half_requests, "200"),
    attack("400 large answers that nobody takes", unread_answers, "200"),
)

ATTACKS: tuple[Attack, ...] = (
    *(each for name, (query, code) in BOMBS.items() for each in every_way(name, query, code)),
    *(with_values(name, sent) for name, sent in VALUES.items()),
    *(as_bytes(name, sent, answer) for name, (sent, answer) in REQUESTS.items()),
    *(as_frames(name, frames, code) for name, (frames, code) in FRAMES.items()),
    *CROWDS,
)
