"""Statuses, media types and headers of responses, and requests that are refused before
execution."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from support import Service, World
from support.client import TIMEOUT_SECONDS, TLS

from engine.execution.schema import Schema

PLAIN, RESULT = "application/json", "application/graphql-response+json"
QUERY = b'{"query": "{ viewer { role } }"}'
JSON = {"Content-Type": "application/json"}
READ = {"X-Requested-With": "test"}


async def send(service: Service, method: str = "POST", **arguments: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, service.http, **arguments)


def code(response: httpx2.Response) -> str:
    """The code of the only error. Checks the headers, too."""
    (error,) = response.json()["errors"]
    assert response.headers["x-request-id"] == response.json()["extensions"]["requestId"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    return error["extensions"]["code"]


NOT_EXECUTED = {
    "a syntax error": ("{", "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    "no operation": ("fragment F on Viewer { role }", None),
}


@pytest.mark.parametrize("name", NOT_EXECUTED)
async def test_an_error_before_execution_gets_400_only_in_the_graphql_media_type(
    service: Service, name: str
) -> None:
    query, expected = NOT_EXECUTED[name]
    for accept, status in ((RESULT, 400), (PLAIN, 200), ("*/*", 200)):
        response = await send(service, json={"query": query}, headers={"Accept": accept})
        assert response.status_code == status, accept
        assert (
            response.headers["content-type"]
            == f"{RESULT if accept == RESULT else PLAIN}; charset=utf-8"
        )
        assert "data" not in response.json()
        assert expected in (None, code(response))


async def test_an_executed_operation_gets_200_despite_field_errors(service: Service) -> None:
    query = '{ viewer { role } ticket(id: "x") { id } }'
    for accept in (RESULT, PLAIN):
        response = await send(service, json={"query": query}, headers={"Accept": accept})
        assert (response.status_code, response.json()["data"]) == (
            200,
            {"viewer": None, "ticket": None},
        )
        assert code(response) == "UNAUTHENTICATED"


NOT_ACCEPTABLE = (
    *("text/event-stream", "multipart/mixed; boundary=graphql", "text/html"),
    *("application/json;q=0", "image/*"),
)


async def test_nothing_is_executed_if_no_media_type_is_acceptable(
    service: Service, world: World
) -> None:
    query = """mutation {
      createTicket(input: {subject: "s", description: "d", category: "sales"}) { cursor }
    }"""
    authorization = {"Authorization": f"Bearer {world.ada.token}"}
    for accept in NOT_ACCEPTABLE:
        headers = {**authorization, "Accept": accept}
        response = await send(service, json={"query": query}, headers=headers)
        assert (response.status_code, code(response)) == (406, "BAD_REQUEST"), accept
    result = await service.client(world.ada.token).run("{ tickets { totalCount } }")
    assert result["tickets"]["totalCount"] == 0


UNSUPPORTED_TYPES = (
    *("text/plain", "", "application/jsonp", "application/graphql", "application/xml"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *("application/json; charset=utf-16", "application/json;charset=latin-1"),
)
SUPPORTED_TYPES = (
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json; charset="UTF-8"',
    "Application/JSON; Charset=utf8",
    "application/json; profile=x",
)


async def test_only_uncompressed_json_in_utf_8_is_accepted(service: Service) -> None:
    for type in UNSUPPORTED_TYPES:
        response = await send(service, content=QUERY, headers={"Content-Type": type})
        assert (response.status_code, code(response)) == (415, "BAD_REQUEST"), type
    assert (await send(service, content=QUERY)).status_code == 415
    for type in SUPPORTED_TYPES:
        response = await send(service, content=QUERY, headers={"Content-Type": type})
        assert response.status_code == 200, type
    for encoding, body in (
        ("gzip", gzip.compress(QUERY)),
        ("br", QUERY),
        ("gzip, identity", QUERY),
        ("deflate", b""),
    ):
        response = await send(service, content=body, headers={**JSON, "Content-Encoding": encoding})
        assert (response.status_code, code(response)) == (415, "BAD_REQUEST"), encoding
        assert response.headers["accept-encoding"] == "identity", encoding
    for wrong in (
        QUERY.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + QUERY,
        b'{"query": "\xc0\xaf"}',
        b'{"query": "\xed\xa0\x80"}',
    ):
        response = await send(service, content=wrong, headers=JSON)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST"), wrong


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_methods_other_than_get_and_post_get_405(service: Service, method: str) -> None:
    response = await send(service, method, content=QUERY, headers={**JSON, **READ})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    assert method == "HEAD" or code(response) == "BAD_REQUEST"


async def test_a_get_of_a_mutation_gets_405(service: Service) -> None:
    both = "query A { viewer { role } } mutation B { __typename }"
    for params in ({"query": "mutation { __typename }"}, {"query": both, "operationName": "B"}):
        response = await send(service, "GET", params=params, headers=READ)
        assert (response.status_code, code(response), response.headers["allow"]) == (
            405,
            "BAD_REQUEST",
            "POST",
        )
    response = await send(
        service, "GET", params={"query": both, "operationName": "A"}, headers=READ
    )
    assert response.json()["data"] == {"viewer": None}


async def test_a_get_with_invalid_parameters_gets_400_or_414(service: Service) -> None:
    for params in (
        {},
        {"operationName": "A"},
        {"query": "{ viewer { role } }", "extensions": "[]"},
        {"query": "x", "variables": "1"},
    ):
        response = await send(service, "GET", params=params, headers=READ)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST"), params
    twice = [("query", "{ viewer { role } }"), ("query", "{ x }")]
    repeated = await send(service, "GET", params=twice, headers=READ)
    assert (repeated.status_code, code(repeated)) == (400, "BAD_REQUEST")
    long_query = {"query": "{ viewer { role } }" + "\t" * 17_000}
    long = await send(service, "GET", params=long_query, headers=READ)
    assert (long.status_code, code(long)) == (414, "BAD_REQUEST")


async def test_the_refusal_of_a_subscription_names_the_paths_that_support_it(
    service: Service,
) -> None:
    for query in (
        "subscription { ticketEvents { cursor } }",
        "subscription { ticketStats { open } }",
    ):
        post: dict[str, Any] = {"method": "POST", "json": {"query": query}}
        get: dict[str, Any] = {"method": "GET", "params": {"query": query}}
        for accept in (PLAIN, RESULT):
            for request in (post, get):
                response = await send(service, **request, headers={**READ, "Accept": accept})
                assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
                assert "WebSocket at /graphql" in response.text
                assert "/graphql/stream" in response.text


async def test_the_last_of_duplicate_json_keys_is_used(service: Service) -> None:
    body = b'{"query": "{ x }", "query": "{ viewer { role } }"}'
    response = await send(service, content=body, headers=JSON)
    assert response.json()["data"] == {"viewer": None}


async def test_pages_of_allowed_origins_can_read_responses(url: str) -> None:
    from support.service import running

    page = "https://desk.example"
    cors_headers = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    async with running(url, allowed_origins=[page]) as service:
        preflight = await send(service, "OPTIONS", headers={"Origin": page, **cors_headers})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == page
        assert {"x-request-id", "x-content-type-options", "cache-control"} <= set(preflight.headers)
        evil = "https://evil.example"
        other = await send(service, "OPTIONS", headers={"Origin": evil, **cors_headers})
        assert (other.status_code, other.headers.get("access-control-allow-origin")) == (400, None)
        assert "x-request-id" in other.headers
        for body, status in ((QUERY, 200), (b"x", 400)):
            response = await send(service, content=body, headers={**JSON, "Origin": page})
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == page
            exposed = set(response.headers["access-control-expose-headers"].split(", "))
            assert exposed == {
                *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
                *("Retry-After", "X-Request-Id"),
            }
        foreign = await send(service, content=QUERY, headers={**JSON, "Origin": evil})
        assert "access-control-allow-origin" not in foreign.headers


async def respond_with(
    service: Service, monkeypatch: pytest.MonkeyPatch, result: ExecutionResult, accept: str
) -> httpx2.Response:
    """The response if the schema returns this result."""

    async def execute(*_: object) -> ExecutionResult:
        return result

    monkeypatch.setattr(Schema, "execute_request", execute)
    return await send(service, content=QUERY, headers={**JSON, "Accept": accept})


@pytest.mark.parametrize("accept", [PLAIN, RESULT])
async def test_exceeded_rate_limits_get_429_and_outages_get_503(
    service: Service, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    for extensions, status, after in (
        ({"code": "RATE_LIMITED", "retryAfterMs": 1}, 429, "1"),
        ({"code": "RATE_LIMITED", "retryAfterMs": 2001}, 429, "3"),
        ({"code": "UNAVAILABLE"}, 503, None),
    ):
        refused = PreExecutionError(None, [GraphQLError("no", extensions=extensions)])
        response = await respond_with(service, monkeypatch, refused, accept)
        assert (response.status_code, response.headers.get("retry-after")) == (status, after)
        assert json.loads(response.text)["errors"][0]["extensions"] == extensions
    error = GraphQLError("no", extensions={"code": "RATE_LIMITED", "retryAfterMs": 5})
    executed = ExecutionResult({"signIn": None}, [error])
    assert (await respond_with(service, monkeypatch, executed, accept)).status_code == 200


async def test_rate_limit_headers_contain_the_remaining_cost(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    cost = {"requested": 3, "limit": 1000, "remaining": 997, "resetAt": soon}
    result = ExecutionResult({"viewer": None}, None, {"cost": cost})
    response = await respond_with(service, monkeypatch, result, PLAIN)
    assert response.headers["ratelimit-limit"] == "1000"
    assert response.headers["ratelimit-remaining"] == "997"
    assert 3000 < int(response.headers["ratelimit-reset"]) <= 3600
    result = ExecutionResult({"viewer": None}, None, {})
    response = await respond_with(service, monkeypatch, result, PLAIN)
    assert not [name for name in response.headers if name.startswith("ratelimit")]


async def test_a_token_in_the_url_is_refused(service: Service, world: World) -> None:
    url = {"access_token": world.ada.token}
    posted = await send(service, params=url, content=QUERY, headers=JSON)
    got = await send(service, "GET", params={"query": "{ viewer { role } }", **url}, headers=READ)
    for response in (posted, got):
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    sent = await send(
        service, "GET", params={"query": '{ __typename } # "access_token="'}, headers=READ
    )
    assert sent.json()["data"] == {"__typename": "Query"}
