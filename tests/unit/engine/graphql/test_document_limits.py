"""The limits of a document: each is kept with a clear code, whatever the document is made to be, and before validation."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query

from engine.execution.schema import Schema
from engine.graphql.document_cache import Document
from engine.graphql.document_limits import (
    MAX_MERGED_PAIRS,
    MAX_SELECTIONS,
    DocumentLimits,
    LimitExceeded,
)
from engine.graphql.operation import QUERIES_AND_MUTATIONS
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import build_response
from models.access.viewer import ANONYMOUS
from schema import root
from services import explain_error

EVENTS = ("TicketReplied", "TicketNoted", "TicketLinked", "TicketMerged", "TicketRated", "TicketUpdated", "SlaAtRisk")


class Caller:
    """Who asks nothing of a database."""

    viewer = ANONYMOUS
    address = "192.0.2.1"
    request_id = "r"
    resume_from = None

    def refresh(self) -> None: ...


@pytest.fixture(scope="module")
def schema() -> Schema:
    return root.build(explain_error=explain_error)


async def codes(schema: Schema, query: str, variables: dict[str, Any] | None = None) -> set[str]:
    asked = GraphQLRequest(query, variables, None, None)
    result = build_response(await schema.execute_request(asked, Caller(), QUERIES_AND_MUTATIONS))
    return {error["extensions"]["code"] for error in result.get("errors", ())}


ON_EVENTS = " ".join(f"... on {each} {{ id ticket {{ id }} }}" for each in EVENTS)
END = " fragment F13 on Ticket { id }"
INVALID = "GRAPHQL_VALIDATION_FAILED"


def many(count: int, what: str) -> str:
    return " ".join(what.replace("#", str(place)) for place in range(count))


def fragments(count: int, what: str, on: str = "Ticket") -> str:
    """Fragments F0, F1 and so on; `~` stands for the next one."""
    texts = [what.replace("#", str(place)).replace("~", str(place + 1)) for place in range(count)]
    return " ".join(f"fragment F{place} on {on} {{ {text} }}" for place, text in enumerate(texts))


def chain(levels: int) -> str:
    text = "{ ticket(id: 1) { "
    return text + "mergedInto { " * (levels - 2) + "id" + " }" * (levels - 2) + " } }"


WITHIN = {
    "depth": chain(12),
    "aliases": "{ " + many(10, "a#: viewer { b#: role c#: role }") + " }",
    "root fields": "{ " + many(20, "a#: viewer { role }") + " }",
    "repeats": "{ " + many(40, "viewer { role }") + " }",
    "directives": "{ viewer { role " + "@skip(if: false) " + many(30, "... @skip(if: false) { role }") + " } }",
    "fragments": "{ viewer { " + many(30, "...F#") + " } } " + fragments(30, "scopes", "Viewer"),
    "a fragment that many spread": "{ " + many(10, "a#: ticket(id: 1) { ...F0 }") + " } " + fragments(1, "id team { id }"),
    "a timeline of many types": "{ events { nodes { " + ON_EVENTS + " } } }",
    "introspection": get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    ),
}


@pytest.mark.parametrize("query", WITHIN.values(), ids=WITHIN)
async def test_what_is_within_the_limits_is_run(schema: Schema, query: str) -> None:
    assert await codes(schema, query) <= {"UNAUTHENTICATED"}


BEYOND = {
    "depth": chain(13),
    "depth in fragments": "{ ticket(id: 1) { ...F0 } } "
    + fragments(13, "mergedInto { ...F~ }")
    + " fragment F13 on Ticket { id }",
    "depth in inline fragments": "{ " + "... { " * 100 + "viewer { role }" + " }" * 101,
    "depth of the schema": "{ __schema { types { " + "ofType { " * 20 + "name" + " }" * 23,
    "aliases": "{ viewer { " + many(31, "a#: role") + " } }",
    "aliases in a fragment that many spread": "{ "
    + many(6, "a#: viewer { ...F0 }")
    + " } "
    + fragments(1, many(6, "b#: role"), "Viewer"),
    "root fields": "{ " + many(21, "a#: viewer { role }") + " }",
    "root fields in a fragment": "{ ...F0 } " + fragments(1, many(21, "a#: viewer { role }"), "Query"),
    "repeats": "{ " + many(41, "viewer { role }") + " }",
    "repeats in fragments": "{ viewer { " + many(50, "...F#") + " } } " + fragments(50, "role", "Viewer"),
    "repeats below repeats": "{ " + many(20, "viewer { role role role }") + " }",
    "directives": "{ viewer { " + many(51, "... @skip(if: false) { scopes }") + " } }",
    "directives on one field": "{ viewer { role " + "@skip(if: false) " * 51 + "} }",
    "directives in a fragment that nobody spreads": "{ viewer { role } } " + fragments(1, "id " + "@skip(if: false) " * 51),
    "fragments": "{ viewer { role } } " + fragments(61, "id"),
    "operations": many(21, "query Q# { viewer { role } }"),
    "fragments that double at each level": "{ ticket(id: 1) { ...F0 } } "
    + fragments(30, "mergedInto { ...F~ } links { ticket { ...F~ } }")
    + " fragment F30 on Ticket { id }",
    "fragments that are all in all": "{ ticket(id: 1) { "
    + many(40, "...F#")
    + " } } "
    + " ".join(f"fragment F{place} on Ticket {{ mergedInto {{ {many(15, '...F#')} id }} }}" for place in range(40)),
}


@pytest.mark.parametrize("query", BEYOND.values(), ids=BEYOND)
async def test_what_is_beyond_a_limit_is_refused_and_never_validated(schema: Schema, query: str) -> None:
    document = Document(query, DocumentLimits())
    assert document.error is not None
    assert not document.validation_errors
    assert await codes(schema, query) == {"QUERY_TOO_EXPENSIVE"}


async def test_the_limit_that_was_passed_is_told(schema: Schema) -> None:
    asked = GraphQLRequest(BEYOND["aliases"], None, None, None)
    (error,) = build_response(await schema.execute_request(asked, Caller(), QUERIES_AND_MUTATIONS))["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", "requested": 31, "limit": 30}
    assert "30 aliases" in error["message"]


MESSAGES = {
    "depth": (BEYOND["depth"], "Fields may be nested at most 12 levels deep.", 12),
    "nesting": (
        BEYOND["depth in inline fragments"],
        "A selection may be inside at most 52 fields and fragments.",
        52,
    ),
    "merged selections": (
        BEYOND["repeats"],
        "A field may be selected at most 40 times in one place.",
        40,
    ),
    "directives of an unused fragment": (
        BEYOND["directives in a fragment that nobody spreads"],
        "A fragment may have at most 50 directives.",
        50,
    ),
}


@pytest.mark.parametrize(("query", "message", "limit"), MESSAGES.values(), ids=MESSAGES)
def test_the_error_names_the_limit_that_is_exceeded(query: str, message: str, limit: int) -> None:
    error = Document(query, DocumentLimits()).error
    assert isinstance(error, LimitExceeded)
    assert error.message == message
    assert (error.extensions or {})["limit"] == limit


def test_the_pairs_of_merged_selections_have_a_limit_of_their_own() -> None:
    query = "{ viewer { " + "role " * 202 + "} }"
    error = Document(query, DocumentLimits(merged_selections=10**9)).error
    assert isinstance(error, LimitExceeded)
    assert error.message == (
        f"A document may have at most {MAX_MERGED_PAIRS} pairs of selections of the same field, "
        "with fragments expanded."
    )


def test_an_unused_fragment_does_not_count_towards_the_limits_of_an_operation() -> None:
    aliases = many(30, "a#: role")
    query = f"{{ viewer {{ {aliases} }} }} fragment F0 on Viewer {{ {aliases} }}"
    assert Document(query, DocumentLimits()).error is None


async def test_no_more_selections_are_visited_than_there_may_be() -> None:
    """Below eleven levels of a thousand ways each, without any other limit in the way."""
    double = " ".join(f"a{place}: mergedInto {{ ...F~ }}" for place in range(10))
    query = "{ ticket(id: 1) { ...F0 } } " + fragments(10, double) + " fragment F10 on Ticket { id }"
    document = Document(query, DocumentLimits(aliases=10**9, merged_selections=10**9))
    assert isinstance(document.error, LimitExceeded)
    assert document.error.message == (
        f"A document may have at most {MAX_SELECTIONS} selections, with fragments expanded."
    )


CYCLES = {
    "itself": "{ viewer { ...F0 } } " + fragments(1, "role ...F0", "Viewer"),
    "each other": "{ ticket(id: 1) { ...F0 } } fragment F0 on Ticket { id ...F1 } fragment F1 on Ticket { id ...F0 }",
    "below": "{ ticket(id: 1) { ...F0 } } fragment F0 on Ticket { mergedInto { ...F0 } }",
    "unreached": "{ viewer { role } } fragment F0 on Ticket { ...F1 } fragment F1 on Ticket { ...F0 }",
}


@pytest.mark.parametrize("query", CYCLES.values(), ids=CYCLES)
async def test_fragments_that_hold_themselves_are_said_to_be_wrong(schema: Schema, query: str) -> None:
    assert await codes(schema, query) == {INVALID}


WRONG = {
    "too many tokens": ("{ " + "a " * 2001 + "}", "GRAPHQL_PARSE_FAILED"),
    "too many braces": ("{" * 1500, "GRAPHQL_PARSE_FAILED"),
    "too long": ("{ viewer { role } } #" + "x" * 16_384, "BAD_REQUEST"),
    "too long in bytes": ("{ viewer { role } } #" + "ä" * 9_000, "BAD_REQUEST"),
    "nothing": ("", "BAD_REQUEST"),
    "blank": (" \n\t", "BAD_REQUEST"),
    "a comment": ("# nothing", "GRAPHQL_PARSE_FAILED"),
    "a lone surrogate": ("{ viewer { role } } \ud800", "GRAPHQL_PARSE_FAILED"),
    "a NUL": ("{ viewer { role } } \x00", "GRAPHQL_PARSE_FAILED"),
    "no operation": ("fragment F on Viewer { role }", "BAD_REQUEST"),
    "definitions of types": ("type T { a: Int }", "BAD_REQUEST"),
    "a huge number": ("{ ticketByNumber(number: " + "9" * 16_000 + ") { id } }", INVALID),
    "a huge list": ("{ tickets(filter: {status: {in: [" + "NEW " * 1500 + "X]}}) { totalCount } }", INVALID),
    "a deep object": (
        "{ tickets(filter: " + "{and: [" * 90 + "{x: 1}" + "]}" * 90 + ") { totalCount } }",
        INVALID,
    ),
    "many unknown names": ("{ viewer { " + many(900, "tickeets#") + " } }", INVALID),
    "long unknown names": ("{ viewer { " + many(15, "r" * 1000 + "#") + " } }", INVALID),
    "many unknown arguments": ("{ tickets(" + many(300, "firsst#: 1") + ") { totalCount } }", INVALID),
    "many unused variables": ("query(" + many(300, "$v#: ID") + ") { viewer { role } }", INVALID),
    "one variable many times": ("query(" + many(300, "$v: ID") + ") { viewer { role } }", INVALID),
}


@pytest.mark.parametrize(("query", "code"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_told_with_few_errors(schema: Schema, query: str, code: str) -> None:
    asked = GraphQLRequest(query, None, None, None)
    found = build_response(await schema.execute_request(asked, Caller(), QUERIES_AND_MUTATIONS))
    assert {error["extensions"]["code"] for error in found["errors"]} == {code}, found
    assert 0 < len(found["errors"]) <= 21
    assert "data" not in found


async def test_what_asks_for_the_schema_at_length_asks_for_nothing_else(schema: Schema) -> None:
    query = "{ __schema { types { name fields { name type { name fields { name } } } } } viewer { role } }"
    assert await codes(schema, query) == {"BAD_REQUEST"}
    assert await codes(schema, '{ __type(name: "Ticket") { name fields { name } } viewer { role } }') == set()


async def test_variables_hold_a_bounded_number_of_values(schema: Schema) -> None:
    query = "query($filter: TicketFilter) { tickets(filter: $filter) { totalCount } }"
    for filter in (
        {"status": {"in": ["NEW"] * 2501}},
        {"and": [{"and": [{}] * 1000}] * 6},
        {"x": [[[[0] * 2000] * 2]] * 2},
    ):
        assert await codes(schema, query, {"filter": filter}) == {"BAD_REQUEST"}
    deep: dict[str, Any] = {}
    for _ in range(250):
        deep = {"and": [deep]}
    assert await codes(schema, query, {"filter": deep}) == {"BAD_REQUEST"}
    wrong = {"status": {"in": ["NOTHING"] * 2400}}
    result = await schema.execute_request(GraphQLRequest(query, {"filter": wrong}, None, None), Caller(), QUERIES_AND_MUTATIONS)
    assert len(result.errors or ()) <= 51
    assert await codes(schema, query, {"filter": {"status": {"in": ["NEW"] * 100}}}) == {"UNAUTHENTICATED"}
