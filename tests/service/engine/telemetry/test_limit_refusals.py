"""Each refusal by a limit is counted once, under the name of the limit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support import Service, World
from support.client import TIMEOUT_SECONDS, TLS
from support.metrics import read_limit_counts
from support.service import running

from engine import limit_refusals
from engine.websocket.protocol import GraphQLTransportWS
from models.people.sign_in_limits import SignInLimits, SignInSource

ROOT = Path(__file__).parents[4]
SIGN_IN = 'mutation { signIn(input: {email: "x@example.com", password: "x"}) { token } }'
MARK = "mutation($i: MarkNotificationsReadInput!) { markNotificationsRead(input: $i) { unread } }"
CREATE = "mutation($i: CreateTicketInput!) { createTicket(input: $i) { ticket { id } } }"
FILTER = "query($f: TicketFilter) { tickets(filter: $f) { totalCount } }"
LONG = {"subject": "x" * 201, "description": "d", "category": "technical"}
ALIASES = " ".join(f"a{index}: viewer {{ role }}" for index in range(31))
PREFLIGHT = {"X-Requested-With": "x"}
ORDERS = "{field: NUMBER} " * 5
COSTLY = (
    "nodes { requester { id } clocks { metric } team { id } messages(first: 100) { nodes { id } } }"
)
EXPENSIVE = f"tickets(first: 100) {{ {COSTLY} }}"
REFUSALS: list[tuple[str, dict[str, Any]]] = [
    ("document_aliases", {"query": f"{{ {ALIASES} }}"}),
    ("document_depth", {"query": "{ a" * 13 + " }" * 13}),
    ("document_operations", {"query": " ".join(f"query Q{n} {{ a }}" for n in range(21))}),
    ("document_directives", {"query": "{ a" + " @skip(if: true)" * 51 + " }"}),
    ("document_tokens", {"query": "{ " + "a " * 2001 + "}"}),
    ("document_bytes", {"query": "{ a }" + " " * 16_384}),
    ("variable_values", {"query": FILTER, "variables": {"x": [1] * 2501}}),
    ("operation_cost", {"query": f"{{ {EXPENSIVE} }}"}),
    ("page_size", {"query": "{ tickets(first: 101) { totalCount } }"}),
    ("filter_size", {"query": FILTER, "variables": {"f": {"and": [{"number": {"eq": 1}}] * 101}}}),
    ("order_fields", {"query": f"{{ tickets(orderBy: [{ORDERS}]) {{ totalCount }} }}"}),
    ("input_length", {"query": CREATE, "variables": {"i": LONG}}),
    ("marked_notifications", {"query": MARK, "variables": {"i": {"ids": ["x"] * 1001}}}),
    ("sign_in_attempts", {"query": SIGN_IN}),
]


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, max_sign_in_attempts=1, run_jobs=False) as service:
        yield service


async def read_refusals(service: Service, token: str) -> Counter[str]:
    return await read_limit_counts(service, token, "limit_refusals")


async def test_each_refused_operation_is_counted_once(service: Service, world: World) -> None:
    source = SignInSource("x@example.com", "127.0.0.1", "127.0.0.0/24")
    for minute in range(20):
        at = service.clock() + timedelta(minutes=minute)
        await SignInLimits(1).count_attempt(source, at)
    service.clock.advance(minutes=19)
    headers = {"Authorization": f"Bearer {world.ada.token}"}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        for limit, body in REFUSALS:
            before = await read_refusals(service, world.root.token)
            for _ in range(2):  # the second time, the document may be cached
                response = await http.post(service.http, json=body, headers=headers)
            after = await read_refusals(service, world.root.token)
            assert after - before == Counter({limit: 2}), (limit, response.text)


async def test_each_refused_request_is_counted_once(service: Service, world: World) -> None:
    before = await read_refusals(service, world.root.token)
    json = {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        await http.post(service.http, content=b" " * 1_100_000, headers=json)
        await http.post(service.http, content=b"[" * 300 + b"]" * 300, headers=json)
        await http.get(service.http, headers={"X-Long": "x" * 20_000})
        await http.get(service.http, params={"query": "x" * 50_000})
        await http.get(service.http, params={"query": "x" * 62_000})
        fields = {str(number): "x" for number in range(21)}
        await http.get(service.http, params=fields, headers=PREFLIGHT)
        await http.get(f"{service.http}?query=%FF", headers=PREFLIGHT)
        await http.post(service.http, json={"query": "{ nothing }"})
    after = await read_refusals(service, world.root.token)
    expected = ["body_bytes", "json_depth", "header_bytes", "query_string_bytes", "url_bytes"]
    expected.append("query_string_fields")
    assert after - before == Counter(expected)


async def test_an_exhausted_rate_limit_is_counted_once(url: str) -> None:
    async with running(
        url, max_operation_cost=1000, cost_bucket_size=1000, cost_refill_per_second=1
    ) as service:
        world = await World.make()
        before = await read_refusals(service, world.root.token)
        page = "{ tickets(first: 100) { nodes { team { id } } } }"
        refused = 0
        for _ in range(20):
            refused += (await service.client(world.ada.token).post(page)).status_code == 429
        after = await read_refusals(service, world.root.token)
        assert refused > 0
        assert after - before == Counter({"caller_cost": refused})


def test_refusals_of_the_websocket_protocol_are_counted_once() -> None:
    before = limit_refusals.COUNTS.copy()
    silent, talkative = GraphQLTransportWS(1), GraphQLTransportWS(1)
    assert silent.expire_init()
    assert not silent.expire_init()
    assert talkative.receive_text("x" * 17_000)
    busy = GraphQLTransportWS(1)
    busy.receive_text('{"type": "connection_init"}')
    busy.acknowledge()
    for id in "ab":
        busy.receive_text(f'{{"type": "subscribe", "id": "{id}", "payload": {{"query": "x"}}}}')
    expected = ["connection_init_seconds", "first_message_characters", "socket_operations"]
    assert limit_refusals.COUNTS - before == Counter(expected)


def test_every_counted_limit_is_documented() -> None:
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs/operations.md").read_text()))
    counted = {name for name, _ in REFUSALS}
    counted |= {*limit_refusals.LIMIT_BY_CODE.values()}
    counted |= {*limit_refusals.LIMIT_BY_HTTP_STATUS.values()}
    for folder in ("engine", "models", "resolvers"):
        for path in (ROOT / folder).rglob("*.py"):
            pattern = r'(?:count_refusal\(|count_reached\(|limit_name ?= ?)"(\w+)"'
            counted |= set(re.findall(pattern, path.read_text()))
    assert len(counted) > 25
    assert counted - documented == set()
