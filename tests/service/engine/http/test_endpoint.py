"""GraphQL over HTTP: each refusal is JSON with a code, a client error never causes a 5xx status,
and internal errors are masked."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
import structlog
from structlog.testing import LogCapture
from support import Service, World
from support.client import TIMEOUT_SECONDS, TLS
from support.live import until
from tortoise.exceptions import DBConnectionError, OperationalError

from resolvers.people import teams
from resolvers.tickets import queries

JSON = {"Content-Type": "application/json"}
QUERY = b'{"query": "{ viewer { role } }"}'


async def send(
    service: Service, method: str = "POST", path: str = "", **arguments: Any
) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, service.http + path, **arguments)


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def nested_variables(levels: int) -> bytes:
    variables = b'{"x": ' + b"[" * levels + b"]" * levels + b"}"
    return b'{"query": "{ viewer { role } }", "variables": ' + variables + b"}"


BAD_BODIES: dict[str, bytes] = {
    "an empty body": b"",
    "not JSON": b"hello",
    "truncated JSON": b'{"query": "{ viewer',
    "invalid UTF-8": b'{"query": "\xff\xfe"}',
    "an array": b"[]",
    "a batch": b"[" + QUERY + b"," + QUERY + b"]",
    "a string": b'"{ viewer { role } }"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "no query": b"{}",
    "a query that is null": b'{"query": null}',
    "a query that is a number": b'{"query": 1}',
    "a query that is a list": b'{"query": ["{ viewer { role } }"]}',
    "a query that is an object": b'{"query": {}}',
    "a blank query": b'{"query": ""}',
    "variables that are a list": b'{"query": "{ viewer { role } }", "variables": []}',
    "variables that are a string": b'{"query": "{ viewer { role } }", "variables": "x"}',
    "an operation name that is a number": b'{"query": "{ viewer { role } }", "operationName": 1}',
    "extensions that are a list": b'{"query": "{ viewer { role } }", "extensions": [1]}',
    "an unknown operation name": b'{"query": "query A { viewer { role } }", "operationName": "B"}',
    "two operations and no name": b'{"query": "query A { viewer { role } } '
    b'query B { viewer { role } }"}',
    "only a fragment": b'{"query": "fragment F on Viewer { role }"}',
    "a lone surrogate": b'{"query": "{ viewer { role } }", "variables": {"x": "\\ud800"}}',
    "deep nesting": nested_variables(100_000),
    "deep braces": b'{"query": "' + b"{a" * 5_000 + b"}" * 5_000 + b'"}',
    "NaN": b'{"query": "{ viewer { role } }", "variables": {"x": NaN}}',
}
BAD_BODY_CODES = {"BAD_REQUEST", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}


async def test_an_invalid_body_is_refused_in_json(service: Service, world: World) -> None:
    for name, body in BAD_BODIES.items():
        answer = await send(service, content=body, headers=JSON)
        assert answer.status_code in (200, 400), (name, answer.status_code, answer.text[:200])
        assert answer.headers["content-type"].startswith("application/"), name
        parsed = answer.json()
        assert parsed.get("data") is None, name
        assert set(codes(answer)) <= BAD_BODY_CODES, (name, parsed)
        assert codes(answer), name
        assert parsed["extensions"]["requestId"] == answer.headers["x-request-id"], name
    answer = await send(service, content=QUERY, headers=JSON)
    assert answer.json()["data"] == {"viewer": None}, "the server still works"


async def test_an_integer_of_5000_digits_is_refused(service: Service, world: World) -> None:
    digits = "9" * 5000
    variable = json.dumps({"query": "query($n: Int!) { ticketByNumber(number: $n) { id } }"})
    headers = {**JSON, "Authorization": f"Bearer {world.ada.token}"}
    for body in (
        variable[:-1] + ', "variables": {"n": ' + digits + "}}",
        json.dumps({"query": f"{{ ticketByNumber(number: {digits}) {{ id }} }}"}),
        json.dumps({"query": f"{{ tickets(first: {digits}) {{ totalCount }} }}"}),
    ):
        answer = await send(service, content=body.encode(), headers=headers)
        assert answer.status_code in (200, 400)
        assert codes(answer)[0] in BAD_BODY_CODES, answer.text[:300]


async def test_a_body_over_one_mebibyte_is_refused(service: Service, world: World) -> None:
    async def chunked(size: int) -> Any:
        yield QUERY[:-1] + b', "variables": {"x": "'
        for _ in range(size // 65_536):
            yield b"x" * 65_536
        yield b'"}}'

    large = await send(service, content=b'{"query": "' + b"x" * 1024 * 1024 + b'"}', headers=JSON)
    assert (large.status_code, codes(large)) == (413, ["BAD_REQUEST"])
    assert large.json()["extensions"]["requestId"] == large.headers["x-request-id"]
    streamed = await send(service, content=chunked(2 * 1024 * 1024), headers=JSON)
    assert (streamed.status_code, codes(streamed)) == (413, ["BAD_REQUEST"])
    small = await send(service, content=chunked(512 * 1024), headers=JSON)
    assert (small.status_code, small.json()["data"]) == (200, {"viewer": None})


async def test_other_paths_are_not_found(service: Service) -> None:
    assert (await send(service, "POST", "x", content=QUERY, headers=JSON)).status_code == 404


async def test_a_get_may_read_and_needs_a_header_that_forces_a_preflight(
    service: Service, world: World
) -> None:
    query = "query($id: ID!) { ticket(id: $id) { id } viewer { role } }"
    params = {"query": query, "variables": '{"id": "x"}'}
    authorization = {"Authorization": f"Bearer {world.ada.token}"}
    answer = await send(service, "GET", params=params, headers=authorization)
    assert answer.json()["data"] == {"ticket": None, "viewer": {"role": "AGENT"}}
    simple = {"query": "{ viewer { role } }"}
    for header in ("X-Requested-With", "Apollo-Require-Preflight", "X-Apollo-Operation-Name"):
        answer = await send(service, "GET", params=simple, headers={header: "x"})
        assert answer.json()["data"] == {"viewer": None}, header
    bare = await send(service, "GET", params=simple)
    assert (bare.status_code, codes(bare)) == (400, ["BAD_REQUEST"])
    for wrong in (
        {"query": 'mutation { signIn(input: {email: "a", password: "b"}) { token } }'},
        {},
        {"query": "{ viewer { role } }", "variables": "x"},
        {"query": "{ viewer { role } }", "variables": "[1]"},
    ):
        answer = await send(service, "GET", params=wrong, headers={"X-Requested-With": "x"})
        assert 400 <= answer.status_code < 500, wrong
        assert codes(answer) == ["BAD_REQUEST"], wrong


ACCEPTED = {
    "urql": "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed",
    "Apollo": "application/graphql-response+json,application/json;q=0.9",
    "Apollo with @defer": "multipart/mixed;deferSpec=20220824,"
    "application/graphql-response+json,application/json;q=0.9",
    "Apollo with @defer of 2025": "multipart/mixed;incrementalSpec=v0.2,"
    "application/graphql-response+json,application/json;q=0.9",
    "Apollo with a subscription": "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,"
    "application/graphql-response+json,application/json;q=0.9",
    "Relay": "application/json, multipart/mixed",
    "fetch": "*/*",
    "event streams preferred": "text/event-stream, application/json;q=0.1",
}


@pytest.mark.parametrize("accept", ACCEPTED.values(), ids=ACCEPTED)
async def test_the_accept_headers_of_common_clients_get_json(
    service: Service, world: World, accept: str
) -> None:
    headers = {**JSON, "Accept": accept, "Authorization": f"Bearer {world.ada.token}"}
    mutation = """mutation {
      createTicket(input: {subject: "s", description: "d", category: "sales"}) { cursor }
    }"""
    for query in ("{ viewer { role } }", mutation):
        body = json.dumps({"query": query}).encode()
        answer = await send(service, content=body, headers=headers)
        assert answer.headers["content-type"].startswith("application/"), query
        assert answer.json().get("data"), query
    subscription = b'{"query": "subscription { ticketEvents { cursor } }"}'
    refused = await send(service, content=subscription, headers=headers)
    assert refused.headers["content-type"].startswith("application/")
    assert codes(refused) == ["BAD_REQUEST"]


async def test_an_invalid_authorization_header_gets_401(service: Service, world: World) -> None:
    for header in (
        "Bearer wrong",
        "Bearer",
        "bearer",
        world.ada.token,
        f"Basic {world.ada.token}",
        f"Bearer {world.ada.token} x",
        f"Bearer {'x' * 5000}",
        "Bearer \\ud800",
    ):
        answer = await send(service, content=QUERY, headers={**JSON, "Authorization": header})
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"]), header
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json().get("data") is None
    for header in (f"Bearer {world.ada.token}", f"bearer   {world.ada.token}"):
        answer = await send(service, content=QUERY, headers={**JSON, "Authorization": header})
        assert answer.json()["data"] == {"viewer": {"role": "AGENT"}}


async def test_a_valid_request_id_is_returned_and_an_invalid_one_is_replaced(
    service: Service, world: World
) -> None:
    for valid in ("abcdefgh", "Trace-1.2_3", "x" * 64):
        answer = await send(service, content=QUERY, headers={**JSON, "X-Request-Id": valid})
        assert answer.headers["x-request-id"] == answer.json()["extensions"]["requestId"] == valid
    generated = set[str]()
    for invalid in ("short", "x" * 65, "has space", 'inject"quote', "<script>", ""):
        answer = await send(service, content=QUERY, headers={**JSON, "X-Request-Id": invalid})
        request_id = answer.headers["x-request-id"]
        assert request_id == answer.json()["extensions"]["requestId"] != invalid
        generated.add(request_id)
    assert len(generated) == 6
    failed = await send(service, content=b"x", headers={**JSON, "X-Request-Id": "abcdefgh"})
    assert failed.headers["x-request-id"] == failed.json()["extensions"]["requestId"] == "abcdefgh"


async def test_response_headers_forbid_caching_and_sniffing(service: Service, world: World) -> None:
    answer = await send(service, content=QUERY, headers=JSON)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "date" in answer.headers


async def test_invalid_documents_get_their_codes(service: Service, world: World) -> None:
    client = service.client()
    for query, code in (
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ viewer { role } } }", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($x: Nothing) { viewer { role } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($x: ID!) { ticket(id: $x) { id } }", "BAD_REQUEST"),
    ):
        for _ in range(2):
            answer = await client.answer(query)
            assert {error["extensions"]["code"] for error in answer["errors"]} == {code}, query
            assert answer["extensions"]["requestId"]


async def test_an_error_in_one_field_does_not_affect_others(service: Service, world: World) -> None:
    query = '{ viewer { role } ticket(id: "x") { id } ticketByNumber(number: 1) { id } }'
    answer = await service.client().answer(query)
    assert answer["data"] == {"viewer": None, "ticket": None, "ticketByNumber": None}
    errors = sorted((error["path"], error["extensions"]["code"]) for error in answer["errors"])
    assert errors == [
        (["ticket"], "UNAUTHENTICATED"),
        (["ticketByNumber"], "UNAUTHENTICATED"),
    ]


class UnexpectedError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnexpectedError("the password is hunter2"), "INTERNAL"),
        (KeyError("hunter2"), "INTERNAL"),
        (OperationalError("no such column: hunter2"), "INTERNAL"),
        (ConnectionError("hunter2.example:5432 refused"), "UNAVAILABLE"),
        (TimeoutError("hunter2"), "UNAVAILABLE"),
        (DBConnectionError("hunter2"), "UNAVAILABLE"),
        (OperationalError("database is locked: hunter2"), "UNAVAILABLE"),
    ],
)
async def test_an_internal_error_is_masked_and_logged(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(queries, "find_tickets", fail)
    capture = LogCapture()
    configured = structlog.get_config()
    structlog.configure(processors=[capture])
    try:
        answer = await service.client(world.ada.token).post(
            "{ tickets { totalCount } viewer { role } }", None, **{"X-Request-Id": "trace-12345"}
        )
    finally:
        structlog.configure(**configured)
    assert "hunter2" not in answer.text
    (reported,) = answer.json()["errors"]
    assert reported["extensions"] == {"code": code, "requestId": "trace-12345"}
    assert reported["path"] == ["tickets"]
    logged = [line for line in capture.entries if line["log_level"] == "error"]
    assert [line["request_id"] for line in logged] == ["trace-12345"]
    assert "hunter2" in repr(logged[0]), "the log contains what the response does not"
    monkeypatch.undo()
    result = await service.client(world.ada.token).run("{ tickets { totalCount } }")
    assert result["tickets"] == {"totalCount": 0}


async def test_an_outage_during_authentication_is_masked(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resolvers.auth import viewer_cache

    async def fail(*_: object) -> Any:
        raise ConnectionError("hunter2.example:5432 refused")

    monkeypatch.setattr(viewer_cache, "authenticate", fail)
    answer = await service.client(world.ada.token).post("{ viewer { role } }")
    assert "hunter2" not in answer.text
    assert (answer.status_code, codes(answer)) == (503, ["UNAVAILABLE"])
    assert answer.json()["extensions"]["requestId"] == answer.headers["x-request-id"]


async def test_a_client_error_is_not_logged_as_an_error(service: Service, world: World) -> None:
    capture = LogCapture()
    configured = structlog.get_config()
    structlog.configure(processors=[capture])
    try:
        cora = service.client(world.cora.token)
        await cora.answer("{ users { totalCount } }")
        await cora.answer('{ tickets(after: "x") { totalCount } }')
        await cora.answer("{ nothing }")
        await cora.refusal_codes("closeTicket", ticketId="x")
        await send(service, content=b"x", headers=JSON)

        async def are_logged() -> bool:
            return [line["event"] for line in capture.entries].count("request") >= 5

        await until(are_logged)
    finally:
        structlog.configure(**configured)
    assert [line for line in capture.entries if line["log_level"] in ("error", "critical")] == []
    assert [line["event"] for line in capture.entries].count("request") == 5
    assert "VPN" not in repr(capture.entries)


async def test_health_reports_a_database_outage_and_nothing_about_the_log(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.log import event

    address = service.http.removesuffix("/graphql")
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        empty = await http.get(f"{address}/health")
        await service.client(world.cora.token).raise_ticket()
        grown = await http.get(f"{address}/health")
        for healthy in (empty, grown):
            assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})

        async def fail() -> int:
            raise ConnectionError("hunter2")

        monkeypatch.setattr(event, "read_head", fail)
        failing = await http.get(f"{address}/health")
        assert (failing.status_code, failing.json()) == (503, {"status": "unavailable"})
        assert "/graphql" in (await http.get(address)).text


async def test_a_null_in_a_non_null_field_is_an_internal_error(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "list_teams", lambda: None)
    answer = await service.client(world.ada.token).answer("{ teams { id } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
    assert "Query.teams" not in json.dumps(answer)
