"""Whatever is sent to a real server, valid or broken in any way: no 5xx, nothing raw in an answer, and it answers on."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from graphql import build_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries
from support import Service
from support.client import TLS
from support.differential import OperationRequest, SchemaRunner
from support.generated_operations import Generator, Pool
from support.large_dataset import NOW, LargeDataset
from support.seed import IS_FIXED
from support.service import running

pytestmark = [pytest.mark.stress, pytest.mark.timeout(1200)]

REQUESTS = int(os.environ.get("TEST_REQUESTS", "300" if IS_FIXED else "900"))
JUNK = (
    *("{", "}", "(", ")", "[", "]", "$", "@", "...", ":", "!", "|", '"', '"""', "#", "\\", "\\u0000", "\ud800", "\x00", "\ufeff"),
    *("null", "true", "1e999", "-0", "99999999999999999999", "fragment F on Ticket { ...F }", "on", "query", "subscription"),
    *("__schema { types { name } }", "@skip(if: 1)", "é☂𝄞", " " * 500, "{a" * 40, "[" * 60, "#" * 200),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 1e308, "", "\x00", "\ud800", "a" * 5000, [], {}, [[]], {"eq": {}}, ["x", None], {"a": {"b": []}}),
    *("tkt_", "2026-13-45T99:99:99Z", "P" + "9" * 400 + "D", "Infinity", 10**30, {"__proto__": 1}, [1] * 300),
)
SCHEMA = (Path(__file__).parents[3] / "schema" / "schema.graphql").read_text()
TIMES = {"Date": "2026-11-09", "DateTime": "2026-11-09T09:30:00Z", "Duration": "PT4H"}
SCALARS = {name: (st.just(good) | st.text(max_size=30)).map(nodes.String) for name, good in TIMES.items()}
MUTATIONS: Any = build_schema(SCHEMA).mutation_type
WRITES = [name for name in MUTATIONS.fields if name not in ("signIn", "signOut")]
"""But for what takes its time, and for what ends the caller's own token."""
OPERATIONS = st.one_of(queries(SCHEMA, custom_scalars=SCALARS), mutations(SCHEMA, fields=WRITES, custom_scalars=SCALARS))
RAW = ("Traceback", "sqlite", "asyncpg", "SELECT ", "tortoise", "site-packages", ".py", "object at 0x", "Error(", "psycopg")
"""What would tell of our insides."""
ASKED_BACK = ("Variable", "Expected", "Cannot query", "Unknown", "Syntax Error")
"""Beginnings of messages that repeat what was sent."""


@dataclass
class Target:
    service: Service
    plenty: LargeDataset
    maker: Generator

    def __post_init__(self) -> None:
        """The roots of queries, and those of mutations but for signing in, which takes its time."""
        queries, mutations = self.maker.schema.query_type, self.maker.schema.mutation_type
        assert queries is not None
        assert mutations is not None
        self.queries = list(queries.fields)
        self.mutations = [name for name in mutations.fields if name != "signIn"]


@pytest.fixture
async def target(
    filled: tuple[str, LargeDataset], copy: Callable[[str, Path], AbstractAsyncContextManager[str]], tmp_path: Path, random: Random
) -> AsyncIterator[Target]:
    """A server without background jobs, over a copy of the filled database."""
    source, plenty = filled
    async with copy(source, tmp_path) as url, running(url, run_jobs=False) as service:
        desk = SchemaRunner.make(url)
        pool = await Pool.read(desk, plenty.tokens["admin"], plenty.tokens["agent"])
        service.clock.ahead += NOW - service.clock()
        yield Target(service, plenty, Generator(desk.core, pool, random))


def broken(random: Random, asked: OperationRequest) -> bytes:
    """The request's body, spoilt in one way or several."""
    body: dict[str, Any] = {"query": asked.query, "variables": dict(asked.variables), "operationName": asked.operation_name}
    for _ in range(random.choice((1, 1, 2, 4))):
        way = random.choice(("cut", "put", "drop", "double", "variable", "member"))
        text = body["query"] if isinstance(body["query"], str) else "{ viewer { role } }"
        at, to = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
        if way == "cut":
            body["query"] = text[:at] if random.random() < 0.5 else text[at:]
        elif way == "put":
            body["query"] = text[:at] + random.choice(JUNK) + text[at:]
        elif way == "drop":
            body["query"] = text[:at] + text[min(to, at + 12) :]
        elif way == "double":
            body["query"] = text[:to] + text[at : min(to, at + 400)] + text[to:]
        elif way == "variable" and isinstance(body["variables"], dict) and body["variables"]:
            body["variables"][random.choice(sorted(body["variables"]))] = deepcopy(random.choice(VALUES))
        else:
            body[random.choice(("query", "variables", "operationName", "extensions"))] = deepcopy(random.choice(VALUES))
    sent = json.dumps(body).encode()
    if random.random() < 0.15:
        at = random.randrange(len(sent))
        sent = sent[:at] + random.randbytes(random.choice((0, 1, 3))) + sent[at + random.choice((0, 1, 9)) :]
    return sent


def expect_sound(status: int, text: str, sent: object) -> None:
    """An answer that tells nothing of our insides, and does not say that we broke."""
    assert status < 500, (status, text[:500], sent)
    answer = json.loads(text)
    for error in answer.get("errors", ()):
        code, message = error.get("extensions", {}).get("code"), error["message"]
        assert code not in (None, "INTERNAL", "UNAVAILABLE"), (error, sent)
        if not message.startswith(ASKED_BACK):
            assert not [raw for raw in RAW if raw in message], (error, sent)


async def test_no_request_breaks_the_server(target: Target, random: Random) -> None:
    service, plenty, maker = target.service, target.plenty, target.maker
    tokens = list(plenty.tokens.values())
    statuses: set[int] = set()
    async with httpx2.AsyncClient(timeout=60, verify=TLS) as http:
        for number in range(REQUESTS):
            changes = random.random() < 0.2
            mutation = random.choice(target.mutations)
            asked = maker.mutation(mutation) if changes else maker.query(target.queries, fails=number % 3 == 0)
            sent = broken(random, asked)
            token = random.choice(tokens)
            headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
            response = await http.post(service.http, content=sent, headers=headers)
            statuses.add(response.status_code)
            if response.status_code != 401:  # a mutation may have ended the token
                expect_sound(response.status_code, response.text, sent)
    assert {200, 400} <= statuses
    assert (await service.client(plenty.tokens["admin"]).run("{ viewer { role } }"))["viewer"] == {"role": "ADMIN"}


async def test_no_operation_breaks_a_socket(target: Target, random: Random) -> None:
    service, plenty, maker = target.service, target.plenty, target.maker
    client = service.client(plenty.tokens["admin"])
    junk = [each for each in JUNK if each != "\ud800"]  # which no JSON holds: that closes the socket
    kinds: set[str] = set()
    async with client.socket() as socket:
        for number in range(REQUESTS // 3):
            asked = maker.query(target.queries, fails=number % 3 == 0)
            at = random.randrange(len(asked.query))
            query = asked.query[:at] + random.choice(junk) + asked.query[at:] if number % 2 else asked.query
            id = await socket.subscribe(query, **asked.variables)
            message = await socket.receive()
            kinds.add(message["type"])
            assert message["id"] == id
            payload = message["payload"]
            errors = payload if message["type"] == "error" else payload.get("errors", [])
            expect_sound(200, json.dumps({"errors": errors}), query)
            if message["type"] == "next":
                assert await socket.receive() == {"type": "complete", "id": id}
    assert kinds == {"next", "error"}
    assert (await client.run("{ viewer { role } }"))["viewer"] == {"role": "ADMIN"}


@settings(
    max_examples=REQUESTS // 5,  # each takes as long as several requests, most of it to make it
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(query=OPERATIONS, who=st.sampled_from(("admin", "agent", "stranger")))
async def test_no_valid_operation_of_any_kind_breaks_the_server(target: Target, query: str, who: str) -> None:
    """Made by hypothesis out of the printed schema alone, so that it knows nothing of how the other operations here are made."""
    token = target.plenty.tokens.get(who)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(timeout=60, verify=TLS) as http:
        response = await http.post(target.service.http, json={"query": query}, headers=headers)
    assert response.status_code == 200
    expect_sound(response.status_code, response.text, query)
