"""Random requests to a running server, valid and malformed: no 5xx status, no internal details in a
response, and the server still works afterwards."""

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
    *("{", "}", "(", ")", "[", "]", "$", "@", "...", ":", "!", "|", '"', '"""', "#"),
    *("\\", "\\u0000", "\ud800", "\x00", "\ufeff"),
    *("null", "true", "1e999", "-0", "99999999999999999999", "fragment F on Ticket { ...F }"),
    *("on", "query", "subscription", "__schema { types { name } }", "@skip(if: 1)"),
    *("é☂𝄞", " " * 500, "{a" * 40, "[" * 60, "#" * 200),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 1e308, "", "\x00", "\ud800", "a" * 5000, [], {}, [[]]),
    *({"eq": {}}, ["x", None], {"a": {"b": []}}, "tkt_", "2026-13-45T99:99:99Z"),
    *("P" + "9" * 400 + "D", "Infinity", 10**30, {"__proto__": 1}, [1] * 300),
)
SCHEMA = (Path(__file__).parents[3] / "schema" / "schema.graphql").read_text()
TIMES = {"Date": "2026-11-09", "DateTime": "2026-11-09T09:30:00Z", "Duration": "PT4H"}
SCALARS = {
    name: (st.just(valid) | st.text(max_size=30)).map(nodes.String) for name, valid in TIMES.items()
}
MUTATION_TYPE: Any = build_schema(SCHEMA).mutation_type
MUTATIONS = [name for name in MUTATION_TYPE.fields if name not in ("signIn", "signOut")]
"""Without signIn, which is slow, and signOut, which revokes the caller's token."""
OPERATIONS = st.one_of(
    queries(SCHEMA, custom_scalars=SCALARS),
    mutations(SCHEMA, fields=MUTATIONS, custom_scalars=SCALARS),
)
INTERNAL_DETAILS = (
    *("Traceback", "sqlite", "asyncpg", "SELECT ", "tortoise", "site-packages", ".py"),
    *("object at 0x", "Error(", "psycopg"),
)
QUOTING_MESSAGES = ("Variable", "Expected", "Cannot query", "Unknown", "Syntax Error")
"""Starts of messages that quote the request, which may contain such details."""


@dataclass
class Target:
    service: Service
    dataset: LargeDataset
    generator: Generator

    def __post_init__(self) -> None:
        """The fields of Query, and those of Mutation without signIn, which is slow."""
        queries, mutations = self.generator.schema.query_type, self.generator.schema.mutation_type
        assert queries is not None
        assert mutations is not None
        self.queries = list(queries.fields)
        self.mutations = [name for name in mutations.fields if name != "signIn"]


@pytest.fixture
async def target(
    large_database: tuple[str, LargeDataset],
    copy: Callable[[str, Path], AbstractAsyncContextManager[str]],
    tmp_path: Path,
    random: Random,
) -> AsyncIterator[Target]:
    """A server without background jobs, over a copy of the large database."""
    source, dataset = large_database
    async with copy(source, tmp_path) as url, running(url, run_jobs=False) as service:
        runner = SchemaRunner.make(url)
        pool = await Pool.read(runner, dataset.tokens["admin"], dataset.tokens["agent"])
        service.clock.ahead += NOW - service.clock()
        yield Target(service, dataset, Generator(runner.core, pool, random))


def malform(random: Random, request: OperationRequest) -> bytes:
    """The request's body with one or several random changes."""
    body: dict[str, Any] = {
        "query": request.query,
        "variables": dict(request.variables),
        "operationName": request.operation_name,
    }
    for _ in range(random.choice((1, 1, 2, 4))):
        malform_body(random, body)
    data = json.dumps(body).encode()
    if random.random() < 0.15:
        at = random.randrange(len(data))
        inserted = random.randbytes(random.choice((0, 1, 3)))
        data = data[:at] + inserted + data[at + random.choice((0, 1, 9)) :]
    return data


def malform_body(random: Random, body: dict[str, Any]) -> None:
    change = random.choice(("cut", "insert", "delete", "duplicate", "variable", "member"))
    text = body["query"] if isinstance(body["query"], str) else "{ viewer { role } }"
    at, to = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
    if change == "cut":
        body["query"] = text[:at] if random.random() < 0.5 else text[at:]
    elif change == "insert":
        body["query"] = text[:at] + random.choice(JUNK) + text[at:]
    elif change == "delete":
        body["query"] = text[:at] + text[min(to, at + 12) :]
    elif change == "duplicate":
        body["query"] = text[:to] + text[at : min(to, at + 400)] + text[to:]
    elif change == "variable" and isinstance(body["variables"], dict) and body["variables"]:
        value = deepcopy(random.choice(VALUES))
        body["variables"][random.choice(sorted(body["variables"]))] = value
    else:
        value = deepcopy(random.choice(VALUES))
        body[random.choice(("query", "variables", "operationName", "extensions"))] = value


def expect_sound(status: int, text: str, request: object) -> None:
    """Fail if a response reports an internal error or contains internal details."""
    assert status < 500, (status, text[:500], request)
    response = json.loads(text)
    for error in response.get("errors", ()):
        code, message = error.get("extensions", {}).get("code"), error["message"]
        assert code not in (None, "INTERNAL", "UNAVAILABLE"), (error, request)
        if not message.startswith(QUOTING_MESSAGES):
            details = [detail for detail in INTERNAL_DETAILS if detail in message]
            assert not details, (error, request)


async def test_malformed_requests_cause_no_internal_error(target: Target, random: Random) -> None:
    service, dataset, generator = target.service, target.dataset, target.generator
    tokens = list(dataset.tokens.values())
    statuses: set[int] = set()
    async with httpx2.AsyncClient(timeout=60, verify=TLS) as http:
        for number in range(REQUESTS):
            is_mutation = random.random() < 0.2
            mutation = random.choice(target.mutations)
            request = (
                generator.mutation(mutation)
                if is_mutation
                else generator.query(target.queries, fails=number % 3 == 0)
            )
            body = malform(random, request)
            token = random.choice(tokens)
            headers = {"content-type": "application/json"}
            if token:
                headers["authorization"] = f"Bearer {token}"
            response = await http.post(service.http, content=body, headers=headers)
            statuses.add(response.status_code)
            if response.status_code != 401:  # a mutation may have revoked the token
                expect_sound(response.status_code, response.text, body)
    assert {200, 400} <= statuses
    result = await service.client(dataset.tokens["admin"]).run("{ viewer { role } }")
    assert result["viewer"] == {"role": "ADMIN"}


async def test_malformed_operations_do_not_close_a_websocket(
    target: Target, random: Random
) -> None:
    service, dataset, generator = target.service, target.dataset, target.generator
    client = service.client(dataset.tokens["admin"])
    junk = [text for text in JUNK if text != "\ud800"]  # not valid in JSON: it closes the socket
    kinds: set[str] = set()
    async with client.socket() as socket:
        for number in range(REQUESTS // 3):
            request = generator.query(target.queries, fails=number % 3 == 0)
            at = random.randrange(len(request.query))
            query = request.query
            if number % 2:
                query = query[:at] + random.choice(junk) + query[at:]
            id = await socket.subscribe(query, **request.variables)
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
    max_examples=REQUESTS // 5,  # generating one takes as long as several requests
    suppress_health_check=[
        *(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
        HealthCheck.data_too_large,
    ],
)
@given(query=OPERATIONS, viewer=st.sampled_from(("admin", "agent", "anonymous")))
async def test_valid_operations_cause_no_internal_error(
    target: Target, query: str, viewer: str
) -> None:
    """hypothesis derives them from the printed schema, independently of this project's
    generator."""
    token = target.dataset.tokens.get(viewer)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(timeout=60, verify=TLS) as http:
        response = await http.post(target.service.http, json={"query": query}, headers=headers)
        if response.status_code == 401:  # an earlier mutation has revoked the token
            response = await http.post(target.service.http, json={"query": query})
    assert response.status_code == 200
    expect_sound(response.status_code, response.text, query)
