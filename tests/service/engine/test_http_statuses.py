"""What goes with which media type, and what is refused before anything is run."""

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


async def ask(service: Service, method: str = "POST", **given: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, service.http, **given)


def code(answer: httpx2.Response) -> str:
    """Of an answer that is an error, whole and safe."""
    (error,) = answer.json()["errors"]
    assert answer.headers["x-request-id"] == answer.json()["extensions"]["requestId"]
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    return error["extensions"]["code"]


NOT_RUN = {
    "no document": ("{", "GRAPHQL_PARSE_FAILED"),
    "nothing that there is": ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    "no operation": ("fragment F on Viewer { role }", None),
}


@pytest.mark.parametrize("name", NOT_RUN)
async def test_what_was_not_run_is_a_400_to_who_knows_the_new_type_and_a_200_to_others(service: Service, name: str) -> None:
    query, expected = NOT_RUN[name]
    for accept, status in ((RESULT, 400), (PLAIN, 200), ("*/*", 200)):
        answer = await ask(service, json={"query": query}, headers={"Accept": accept})
        assert answer.status_code == status, accept
        assert answer.headers["content-type"] == f"{RESULT if accept == RESULT else PLAIN}; charset=utf-8"
        assert "data" not in answer.json()
        assert expected in (None, code(answer))


async def test_what_was_run_is_a_200_whatever_became_of_its_fields(service: Service) -> None:
    for accept in (RESULT, PLAIN):
        answer = await ask(service, json={"query": '{ viewer { role } ticket(id: "x") { id } }'}, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["data"]) == (200, {"viewer": None, "ticket": None})
        assert code(answer) == "UNAUTHENTICATED"


async def test_who_takes_neither_type_is_told_so_and_nothing_is_run(service: Service, world: World) -> None:
    created = 'mutation { createTicket(input: {subject: "s", description: "d", category: "sales"}) { cursor } }'
    auth = {"Authorization": f"Bearer {world.ada.token}"}
    for accept in ("text/event-stream", "multipart/mixed; boundary=graphql", "text/html", "application/json;q=0", "image/*"):
        answer = await ask(service, json={"query": created}, headers={**auth, "Accept": accept})
        assert (answer.status_code, code(answer)) == (406, "BAD_REQUEST"), accept
    assert (await service.client(world.ada.token).run("{ tickets { totalCount } }"))["tickets"]["totalCount"] == 0


async def test_only_json_in_utf_8_that_is_not_compressed_is_taken(service: Service) -> None:
    for type in ("text/plain", "", "application/jsonp", "application/json; charset=utf-16", "application/json;charset=latin-1"):
        answer = await ask(service, content=QUERY, headers={"Content-Type": type})
        assert (answer.status_code, code(answer)) == (415, "BAD_REQUEST"), type
    assert (await ask(service, content=QUERY)).status_code == 415
    for type in ('application/json; charset="UTF-8"', "Application/JSON; Charset=utf8", "application/json; profile=x"):
        assert (await ask(service, content=QUERY, headers={"Content-Type": type})).status_code == 200, type
    for encoding, body in (("gzip", gzip.compress(QUERY)), ("br", QUERY), ("gzip, identity", QUERY), ("deflate", b"")):
        answer = await ask(service, content=body, headers={**JSON, "Content-Encoding": encoding})
        assert (answer.status_code, code(answer), answer.headers["accept-encoding"]) == (415, "BAD_REQUEST", "identity"), encoding
    for wrong in (
        QUERY.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + QUERY,
        b'{"query": "\xc0\xaf"}',
        b'{"query": "\xed\xa0\x80"}',
    ):
        answer = await ask(service, content=wrong, headers=JSON)
        assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST"), wrong


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_there_are_two_methods(service: Service, method: str) -> None:
    answer = await ask(service, method, headers={**JSON, **READ})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert method == "HEAD" or code(answer) == "BAD_REQUEST"


async def test_a_get_changes_nothing(service: Service) -> None:
    both = "query A { viewer { role } } mutation B { __typename }"
    for params in ({"query": "mutation { __typename }"}, {"query": both, "operationName": "B"}):
        answer = await ask(service, "GET", params=params, headers=READ)
        assert (answer.status_code, code(answer), answer.headers["allow"]) == (405, "BAD_REQUEST", "POST")
    answer = await ask(service, "GET", params={"query": both, "operationName": "A"}, headers=READ)
    assert answer.json()["data"] == {"viewer": None}


async def test_a_get_that_asks_nothing_or_in_a_wrong_way_is_a_400(service: Service) -> None:
    for params in (
        {},
        {"operationName": "A"},
        {"query": "{ viewer { role } }", "extensions": "[]"},
        {"query": "x", "variables": "1"},
    ):
        answer = await ask(service, "GET", params=params, headers=READ)
        assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST"), params
    twice = await ask(service, "GET", params=[("query", "{ viewer { role } }"), ("query", "{ x }")], headers=READ)
    assert (twice.status_code, code(twice)) == (400, "BAD_REQUEST")
    long = await ask(service, "GET", params={"query": "{ viewer { role } }" + "\t" * 17_000}, headers=READ)
    assert (long.status_code, code(long)) == (414, "BAD_REQUEST")


async def test_a_subscription_is_sent_to_where_it_can_be_followed(service: Service) -> None:
    for query in ("subscription { ticketEvents { cursor } }", "subscription { ticketStats { open } }"):
        for accept in (PLAIN, RESULT):
            for given in ({"method": "POST", "json": {"query": query}}, {"method": "GET", "params": {"query": query}}):
                answer = await ask(service, **given, headers={**READ, "Accept": accept})
                assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
                assert "WebSocket at /graphql" in answer.text
                assert "/graphql/stream" in answer.text


async def test_the_same_key_twice_is_one_request(service: Service) -> None:
    answer = await ask(service, content=b'{"query": "{ x }", "query": "{ viewer { role } }"}', headers=JSON)
    assert answer.json()["data"] == {"viewer": None}


async def test_pages_of_other_origins_read_what_a_setting_lets_them(url: str) -> None:
    from support.service import running

    page = "https://desk.example"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    async with running(url, allowed_origins=[page]) as service:
        preflight = await ask(service, "OPTIONS", headers={"Origin": page, **asked})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == page
        assert {"x-request-id", "x-content-type-options", "cache-control"} <= set(preflight.headers)
        other = await ask(service, "OPTIONS", headers={"Origin": "https://evil.example", **asked})
        assert (other.status_code, other.headers.get("access-control-allow-origin")) == (400, None)
        assert "x-request-id" in other.headers
        for body, status in ((QUERY, 200), (b"x", 400)):
            answer = await ask(service, content=body, headers={**JSON, "Origin": page})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, page)
            exposed = set(answer.headers["access-control-expose-headers"].split(", "))
            limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "X-Request-Id"}
            assert exposed == limits
        foreign = await ask(service, content=QUERY, headers={**JSON, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers


async def told(service: Service, monkeypatch: pytest.MonkeyPatch, result: ExecutionResult, accept: str) -> httpx2.Response:
    """How a result is told that the schema gives."""

    async def answer(*_: object) -> ExecutionResult:
        return result

    monkeypatch.setattr(Schema, "execute_request", answer)
    return await ask(service, content=QUERY, headers={**JSON, "Accept": accept})


@pytest.mark.parametrize("accept", [PLAIN, RESULT])
async def test_limits_and_outages_have_statuses_of_their_own(
    service: Service, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    for extensions, status, after in (
        ({"code": "RATE_LIMITED", "retryAfterMs": 1}, 429, "1"),
        ({"code": "RATE_LIMITED", "retryAfterMs": 2001}, 429, "3"),
        ({"code": "UNAVAILABLE"}, 503, None),
    ):
        not_run = PreExecutionError(None, [GraphQLError("no", extensions=extensions)])
        answer = await told(service, monkeypatch, not_run, accept)
        assert (answer.status_code, answer.headers.get("retry-after")) == (status, after)
        assert json.loads(answer.text)["errors"][0]["extensions"] == extensions
    run = ExecutionResult({"signIn": None}, [GraphQLError("no", extensions={"code": "RATE_LIMITED", "retryAfterMs": 5})])
    assert (await told(service, monkeypatch, run, accept)).status_code == 200


async def test_what_a_caller_may_still_ask_is_in_the_headers(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    for reset in (soon, soon.isoformat(), soon.strftime("%Y-%m-%dT%H:%M:%SZ")):
        cost = {"requested": 3, "limit": 1000, "remaining": 997, "resetAt": reset}
        answer = await told(service, monkeypatch, ExecutionResult({"viewer": None}, None, {"cost": cost}), PLAIN)
        assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("1000", "997")
        assert 3000 < int(answer.headers["ratelimit-reset"]) <= 3600
    answer = await told(service, monkeypatch, ExecutionResult({"viewer": None}, None, {}), PLAIN)
    assert not [name for name in answer.headers if name.startswith("ratelimit")]
