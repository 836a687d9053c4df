"""/graphql/stream: every operation gets an event stream, and a malformed request gets JSON with a
code."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs
from support import Client, Service, World
from support.assert_unchanged import assert_nothing_stored
from support.client import EVENTS, TIMEOUT_SECONDS, TLS
from support.event_stream_client import (
    EVENT_STREAM_HEADERS,
    error_codes,
    open_stream,
    parse_events,
    send_request,
)
from support.live import until
from support.service import running

from models.log.event import encode_cursor
from schema import root

NAME = "{ __typename }"
VIEWER = "{ viewer { role } }"
CREATE = """mutation {
  createTicket(input: {subject: "s", description: "d", category: "sales"}) { ticket { subject } }
}"""


async def result(client: Client, method: str = "GET", **request: Any) -> dict[str, Any]:
    """The result of a query or mutation, which `complete` must follow."""
    parameters = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in request.items()
    }
    answer = await send_request(
        client, method, **({"params": parameters} if method == "GET" else {"json": request})
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == (
        "private, no-cache",
        "no",
    )
    events = parse_events(answer.text)
    assert [event.type for event in events] == ["next", "complete"]
    assert (events[1].data, events[1].id) == ("", None)
    return events[0].payload


# ---------------------------------------------------------------- operations


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_gets_one_result_and_complete(
    service: Service, world: World, method: str
) -> None:
    ada = service.client(world.ada.token)
    assert (await result(ada, method, query=VIEWER))["data"] == {"viewer": {"role": "AGENT"}}
    two = "query A { __typename } query B($id: ID!) { ticket(id: $id) { id } viewer { role } }"
    named = await result(
        ada, method, query=two, operationName="B", variables={"id": "x"}, extensions={"any": [1]}
    )
    assert named["data"] == {"ticket": None, "viewer": {"role": "AGENT"}}
    assert named["extensions"]["requestId"]
    assert (await result(service.client(), method, query=VIEWER))["data"] == {"viewer": None}


async def test_mutations_need_post(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    async with assert_nothing_stored():
        for query in (CREATE, f"query A {NAME} {CREATE.replace('mutation', 'mutation B')}"):
            named = {"operationName": "B"} if "mutation B" in query else {}
            refused = await send_request(cora, params={"query": query, **named})
            assert (refused.status_code, error_codes(refused), refused.headers["allow"]) == (
                405,
                ["BAD_REQUEST"],
                "POST",
            )
        unnamed = await result(
            cora, query=f"{CREATE.replace('mutation', 'mutation A')} mutation B {NAME}"
        )
        assert [error["extensions"]["code"] for error in unnamed["errors"]] == ["BAD_REQUEST"]
    assert (await result(cora, "POST", query=CREATE))["data"] == {
        "createTicket": {"ticket": {"subject": "s"}}
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "BAD_REQUEST"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { ticketEvents { cursor } notifications { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("query A { __typename } query B { __typename }", "BAD_REQUEST"),
        ("subscription A { ticketEvents { cursor } } query B { __typename }", "BAD_REQUEST"),
        ("fragment F on Viewer { role }", "BAD_REQUEST"),
        ("query($x: ID!) { ticket(id: $x) { id } }", "BAD_REQUEST"),
        (
            "subscription($x: [TicketEventType!]!) { ticketEvents(types: $x) { cursor } }",
            "BAD_REQUEST",
        ),
        ('subscription { ticketEvents(after: "x") { cursor } }', "CURSOR_INVALID"),
        ("{" + "a{" * 400 + "b" + "}" * 400 + "}", "GRAPHQL_PARSE_FAILED"),
        ("{" + " a" * 3000 + " }", "GRAPHQL_PARSE_FAILED"),
    ],
)
async def test_errors_of_an_operation_come_in_its_stream(
    service: Service, world: World, method: str, query: str, code: str
) -> None:
    payload = await result(service.client(world.ada.token), method, query=query)
    assert {error["extensions"]["code"] for error in payload["errors"]} == {code}
    assert payload.get("data") is None


async def test_a_forbidden_subscription_gets_its_error_in_the_stream(
    service: Service, world: World
) -> None:
    payload = await result(service.client(), query=EVENTS)
    assert [error["extensions"]["code"] for error in payload["errors"]] == ["UNAUTHENTICATED"]


async def test_each_subscription_with_a_cursor_resumes_after_the_last_id(
    service: Service, world: World
) -> None:
    schema = root.build()
    kinds = schema._schema.subscription_type
    assert kinds is not None
    resumed: set[str] = set()
    for name, field in kinds.fields.items():
        required = [
            argument for argument in field.args.values() if str(argument.type).endswith("!")
        ]
        if "after" in field.args and not required:
            query = f"subscription {{ {name} {{ __typename }} }}"
            answer = await send_request(
                service.client(world.ada.token),
                params={"query": query},
                headers={"Last-Event-ID": encode_cursor(10**9)},
            )
            payload = parse_events(answer.text)[0].payload
            assert [error["extensions"]["code"] for error in payload["errors"]] == [
                "CURSOR_INVALID"
            ], name
            resumed.add(name)
    assert {"ticketEvents", "ticketStatusChanged"} <= resumed


# ---------------------------------------------------------------- malformed requests


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY"])
async def test_methods_other_than_get_and_post_are_refused(
    service: Service, world: World, method: str
) -> None:
    answer = await send_request(service.client(), method, params={"query": NAME})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert method == "HEAD" or error_codes(answer) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "accept", ["application/json", "text/event-stream;q=0, */*", "text/html", "nonsense"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_that_does_not_accept_event_streams_gets_406(
    service: Service, world: World, method: str, accept: str
) -> None:
    arguments = {"params": {"query": EVENTS}} if method == "GET" else {"json": {"query": EVENTS}}
    answer = await send_request(service.client(), method, headers={"Accept": accept}, **arguments)
    assert (answer.status_code, error_codes(answer)) == (406, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "accept", ["*/*", "text/*;q=0.1", "application/json, text/event-stream;q=0.5"]
)
async def test_a_wildcard_in_accept_gets_an_event_stream(
    service: Service, world: World, accept: str
) -> None:
    answer = await send_request(
        service.client(), params={"query": NAME}, headers={"Accept": accept}
    )
    assert (answer.status_code, len(parse_events(answer.text))) == (200, 2)


async def test_compressed_bodies_are_refused(service: Service) -> None:
    answer = await send_request(
        service.client(),
        "POST",
        content=gzip.compress(json.dumps({"query": NAME}).encode()),
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    assert (answer.status_code, error_codes(answer)) == (415, ["BAD_REQUEST"])
    assert answer.headers["accept-encoding"] == "identity"


async def test_only_json_bodies_are_accepted(service: Service, world: World) -> None:
    body = json.dumps({"query": NAME}).encode()
    for kind in (
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        'application/json; charset="iso-8859-1"',
        "",
    ):
        answer = await send_request(
            service.client(), "POST", content=body, headers={"Content-Type": kind}
        )
        assert (answer.status_code, error_codes(answer)) == (415, ["BAD_REQUEST"]), kind
    for kind in (
        "application/json",
        "application/json; charset=utf-8",
        "application/json ;charset=UTF-8",
        "Application/JSON",
    ):
        assert (
            await send_request(
                service.client(), "POST", content=body, headers={"Content-Type": kind}
            )
        ).status_code == 200, kind


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


BAD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half a JSON": b'{"query": "{ viewer',
    "invalid UTF-8": b'{"query": "\xff\xfe"}',
    "an array": b"[]",
    "a batch": b'[{"query": "{ __typename }"}]',
    "a text": b'"{ __typename }"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "no query": b"{}",
    "a query that is null": b'{"query": null}',
    "a query that is a number": b'{"query": 1}',
    "a query that is a list": b'{"query": ["{ __typename }"]}',
    "a query that is an object": b'{"query": {}}',
    "variables that are a list": b'{"query": "{ __typename }", "variables": []}',
    "variables that are a text": b'{"query": "{ __typename }", "variables": "{}"}',
    "an operation name that is a number": b'{"query": "{ __typename }", "operationName": 1}',
    "extensions that are a list": b'{"query": "{ __typename }", "extensions": [1]}',
    "a lone surrogate": b'{"query": "{ __typename }", "variables": {"x": "\\ud800"}}',
    "not a number": b'{"query": "{ __typename }", "variables": {"x": NaN}}',
    "nesting that can't be written": b'{"query": "{ __typename }", "variables": {"x": '
    + nested(400).encode()
    + b"}}",
    "deep nesting": b'{"query": "{ __typename }", "variables": {"x": '
    + nested(100_000).encode()
    + b"}}",
}


async def test_a_malformed_body_is_refused_in_json(service: Service, world: World) -> None:
    for name, body in BAD_BODIES.items():
        answer = await send_request(
            service.client(), "POST", content=body, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, error_codes(answer)) == (400, ["BAD_REQUEST"]), name
    assert (await result(service.client(), query=NAME))["data"] == {"__typename": "Query"}, (
        "the server still works"
    )


async def test_a_body_over_one_mebibyte_is_refused(service: Service, world: World) -> None:
    answer = await send_request(service.client(), "POST", json={"query": "x" * 1024 * 1024})
    assert (answer.status_code, error_codes(answer)) == (413, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query",
        "quer=%7B__typename%7D",
        "query=%7B__typename%7D&query=%7B__typename%7D",
        "query=%ff",
        "query=%ed%a0%80",
        "query=%7B__typename%7D&variables=x",
        "query=%7B__typename%7D&variables=[1]",
        "query=%7B__typename%7D&variables=7",
        "query=%7B__typename%7D&variables=%7B%22x%22:NaN%7D",
        "query=%7B__typename%7D&extensions=%22x%22",
        "query=%7B__typename%7D&variables=" + "%7B%22x%22:" + nested(400) + "%7D",
        "query=%7B__typename%7D&" + "&".join(f"x{number}=1" for number in range(100)),
    ],
)
async def test_a_malformed_query_string_is_refused_in_json(
    service: Service, world: World, query_string: str
) -> None:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        answer = await http.get(
            f"{service.http}/stream?{query_string}", headers=EVENT_STREAM_HEADERS
        )
    if query_string == "query":  # an empty query, which is an error of the operation
        (error,) = parse_events(answer.text)[0].payload["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
    else:
        assert (answer.status_code, error_codes(answer)) == (400, ["BAD_REQUEST"])


async def test_variables_and_extensions_may_be_blank_or_null_in_a_url(
    service: Service, world: World
) -> None:
    for blank in ("", "null"):
        answer = await send_request(
            service.client(), params={"query": NAME, "variables": blank, "extensions": blank}
        )
        assert parse_events(answer.text)[0].payload["data"] == {"__typename": "Query"}


async def test_a_long_query_string_is_refused(service: Service, world: World) -> None:
    async def get_with_padding(size: int) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        target = b"/graphql/stream?query=%7B__typename%7D%23" + b"x" * size
        writer.write(
            b"GET %b HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n"
            % target
        )
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
        return head.split(b" ", 2)[1], body

    status, body = await get_with_padding(40_000)
    assert (status, [each.type for each in parse_events(body.decode())]) == (
        b"200",
        ["next", "complete"],
    )
    status, body = await get_with_padding(50_000)
    assert (status, json.loads(body)["errors"][0]["extensions"]["code"]) == (b"414", "BAD_REQUEST")
    for size in (70_000, 1024 * 1024):
        assert (await get_with_padding(size))[0] == b"414"
    assert (await result(service.client(), query=NAME))["data"] == {"__typename": "Query"}, (
        "the server still works"
    )


# ---------------------------------------------------------------- authentication


async def test_a_token_may_be_in_the_header_or_the_url_but_not_both(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    for credentials in (
        {"headers": ada.headers},
        {"params": {"query": VIEWER, "access_token": ada.token}},
    ):
        arguments = {"params": {"query": VIEWER}, **credentials}
        answer = await send_request(service.client(), **arguments)
        assert parse_events(answer.text)[0].payload["data"] == {"viewer": {"role": "AGENT"}}
    posted = await send_request(
        service.client(), "POST", params={"access_token": ada.token}, json={"query": VIEWER}
    )
    assert (posted.status_code, error_codes(posted)) == (400, ["BAD_REQUEST"])
    both = await send_request(ada, params={"query": VIEWER, "access_token": ada.token})
    assert (both.status_code, error_codes(both)) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "token", ["twk_unknown", "", " ", "two words", "x" * 5000, "\u00fc", "a\nb"]
)
async def test_an_invalid_token_in_the_url_gets_401_before_the_stream(
    service: Service, world: World, token: str
) -> None:
    answer = await send_request(service.client(), params={"query": EVENTS, "access_token": token})
    assert (answer.status_code, error_codes(answer), answer.headers["www-authenticate"]) == (
        401,
        ["UNAUTHENTICATED"],
        "Bearer",
    )


@pytest.mark.parametrize("header", ["Bearer twk_unknown", "Bearer", "Basic x", ""])
async def test_an_invalid_header_gets_401_before_the_stream(
    service: Service, world: World, header: str
) -> None:
    answer = await send_request(
        service.client(), params={"query": EVENTS}, headers={"Authorization": header}
    )
    assert (answer.status_code, error_codes(answer)) == (401, ["UNAUTHENTICATED"])


async def test_a_token_in_the_url_works_only_here_and_is_never_logged(
    service: Service, world: World
) -> None:
    token = world.ada.token
    with capture_logs() as lines:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
            params = {"query": VIEWER, "access_token": token}
            elsewhere = await http.get(
                service.http, params=params, headers={"X-Requested-With": "x"}
            )
            assert (elsewhere.status_code, error_codes(elsewhere)) == (400, ["BAD_REQUEST"])
            assert "header" in elsewhere.json()["errors"][0]["message"]
            async with http.stream(
                "GET",
                f"{service.http}/stream",
                params={**params, "query": EVENTS},
                headers=EVENT_STREAM_HEADERS,
            ) as answer:
                assert "retry" in await anext(answer.aiter_text())
        await send_request(service.client(), params={"query": "{ nothing }", "access_token": token})
        await send_request(service.client(), "PUT", params={"query": VIEWER, "access_token": token})
        await send_request(service.client(), params={"query": VIEWER, "access_token": token + "x"})

        async def are_logged() -> bool:
            return (
                sum(
                    line["event"] == "request" and line["path"] == "/graphql/stream"
                    for line in lines
                )
                >= 4
            )

        await until(are_logged)
    assert token not in repr(lines)


async def test_pages_of_allowed_origins_can_read_streams(url: str) -> None:
    async with running(url, allowed_origins=["https://portal.example.com"]) as service:
        for origin, allowed in (
            ("https://portal.example.com", True),
            ("https://other.example.com", False),
        ):
            answer = await send_request(
                service.client(), params={"query": NAME}, headers={"Origin": origin}
            )
            assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
            preflight_headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight_headers["Access-Control-Request-Headers"] = (
                "authorization, content-type, last-event-id"
            )
            preflight = await send_request(service.client(), "OPTIONS", headers=preflight_headers)
            assert (preflight.status_code == 200) is allowed
        async with open_stream(
            service.client(),
            "subscription { nothing }",
            headers={"Origin": "https://portal.example.com"},
        ) as events:
            assert (
                events.response.headers["access-control-allow-origin"]
                == "https://portal.example.com"
            )
            await events.read_to_end()
