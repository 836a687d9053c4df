"""Accept headers: which of them accept event streams, and which type of result they select."""

from __future__ import annotations

import pytest

from engine.http.content_negotiation import is_accepted, select_result_type

STREAM = "text/event-stream"
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "  ",
        "text/event-stream",
        "TEXT/Event-Stream",
        " text/event-stream ",
        "text/event-stream; charset=utf-8",
        "text/event-stream;q=0.1",
        "text/event-stream ; q = 1.000",
        "application/json, text/event-stream;q=0.001",
        "text/*",
        "*/*",
        "*/*;q=0.5, text/html",
        "text/event-stream, */*;q=0",
        "text/event-stream;q=1, text/*;q=0",
        "nonsense, text/event-stream",
        "text/event-stream;q=nonsense",
        URQL,
    ],
)
def test_an_event_stream_is_accepted(header: str | None) -> None:
    assert is_accepted(header, STREAM)


@pytest.mark.parametrize(
    "header",
    [
        "application/json",
        "text/event-stream;q=0",
        "text/event-stream;q=0.000",
        "text/event-stream; charset=utf-8; Q=0",
        "text/event-stream;q=0, */*",
        "text/event-stream;q=0, text/*;q=1",
        "text/*;q=0, */*",
        "application/*",
        "text/event-streams",
        "text/event-stream/x",
        "text",
        "*",
        "nonsense",
        ",",
        "application/graphql-response+json,application/json;q=0.9",
        "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,"
        "application/graphql-response+json,application/json;q=0.9",
    ],
)
def test_an_event_stream_is_not_accepted(header: str) -> None:
    assert not is_accepted(header, STREAM)


PLAIN, RESULT = "application/json", "application/graphql-response+json"


@pytest.mark.parametrize(
    ("header", "type"),
    [
        (None, PLAIN),
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/*", PLAIN),
        ("application/json", PLAIN),
        ("application/json; charset=utf-8", PLAIN),
        ("application/json, */*", PLAIN),
        ("application/json;q=0.5, */*;q=0.1", PLAIN),
        ("application/graphql-response+json;q=0.8, application/json", PLAIN),
        ("application/graphql-response+json;q=0, */*", PLAIN),
        ("text/html, */*;q=0.1", PLAIN),
        (RESULT, RESULT),
        ("Application/GraphQL-Response+JSON", RESULT),
        ("application/graphql-response+json, */*", RESULT),
        ("application/graphql-response+json;q=0.2, */*;q=0.1", RESULT),
        ("application/json, application/graphql-response+json", RESULT),
        ("application/json;q=0, application/*", RESULT),
        ("application/graphql-response+json,application/json;q=0.9", RESULT),
        (URQL, RESULT),
        ("text/html", None),
        ("text/event-stream", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("application/json;q=0, application/graphql-response+json;q=0, */*", None),
        ("application/graphql", None),
        ("nonsense", None),
    ],
)
def test_the_preferred_type_of_result_is_selected(header: str | None, type: str | None) -> None:
    assert select_result_type(header.encode() if header is not None else None) == type
