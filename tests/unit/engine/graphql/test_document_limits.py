"""The limits of a document: one that exceeds a limit is refused before validation, with the limit
in the error."""

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
from services.components import explain_error

EVENTS = (
    "TicketReplied",
    "TicketNoted",
    "TicketLinked",
    "TicketMerged",
    "TicketRated",
    "TicketUpdated",
    "SlaAtRisk",
)


class Caller:
    """An anonymous caller that needs no database."""

    viewer = ANONYMOUS
    address = "192.0.2.1"
    request_id = "r"
    resume_from = None
    confirmation = None

    def renew_loaders(self) -> None: ...


@pytest.fixture(scope="module")
def schema() -> Schema:
    return root.build(explain_error=explain_error)


async def codes(schema: Schema, query: str, variables: dict[str, Any] | None = None) -> set[str]:
    request = GraphQLRequest(query, variables, None, None)
    result = build_response(await schema.execute_request(request, Caller(), QUERIES_AND_MUTATIONS))
    return {error["extensions"]["code"] for error in result.get("errors", ())}


ON_EVENTS = " ".join(f"... on {each} {{ id ticket {{ id }} }}" for each in EVENTS)
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"


def repeat(count: int, text: str) -> str:
    """The text, repeated `count` times; each # becomes the index."""
    return " ".join(text.replace("#", str(index)) for index in range(count))


def fragments(count: int, selections: str, on: str = "Ticket") -> str:
    """Fragments F0, F1 and so on. In the selections, # becomes the index and ~ the next index."""
    texts: list[str] = []
    for index in range(count):
        text = selections.replace("#", str(index)).replace("~", str(index + 1))
        texts.append(f"fragment F{index} on {on} {{ {text} }}")
    return " ".join(texts)


def nest_fields(levels: int) -> str:
    """A document with this many levels of fields."""
    start, inner = "{ ticket(id: 1) { ", levels - 2
    return start + "mergedInto { " * inner + "id" + " }" * inner + " } }"


WITHIN_LIMITS = {
    "depth": nest_fields(12),
    "aliases": "{ " + repeat(10, "a#: viewer { b#: role c#: role }") + " }",
    "root fields": "{ " + repeat(20, "a#: viewer { role }") + " }",
    "repeats": "{ " + repeat(40, "viewer { role }") + " }",
    "directives": "{ viewer { role "
    + "@skip(if: false) "
    + repeat(30, "... @skip(if: false) { role }")
    + " } }",
    "fragments": "{ viewer { " + repeat(30, "...F#") + " } } " + fragments(30, "scopes", "Viewer"),
    "a fragment that is spread often": "{ "
    + repeat(10, "a#: ticket(id: 1) { ...F0 }")
    + " } "
    + fragments(1, "id team { id }"),
    "many types of events": "{ events { nodes { " + ON_EVENTS + " } } }",
    "introspection": get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    ),
}


@pytest.mark.parametrize("query", WITHIN_LIMITS.values(), ids=WITHIN_LIMITS)
async def test_a_document_within_the_limits_is_executed(schema: Schema, query: str) -> None:
    assert await codes(schema, query) <= {"UNAUTHENTICATED"}


BEYOND_LIMITS = {
    "depth": nest_fields(13),
    "depth in fragments": "{ ticket(id: 1) { ...F0 } } "
    + fragments(13, "mergedInto { ...F~ }")
    + " fragment F13 on Ticket { id }",
    "depth in inline fragments": "{ " + "... { " * 100 + "viewer { role }" + " }" * 101,
    "depth of the schema": "{ __schema { types { " + "ofType { " * 20 + "name" + " }" * 23,
    "aliases": "{ viewer { " + repeat(31, "a#: role") + " } }",
    "aliases in a fragment that is spread often": "{ "
    + repeat(6, "a#: viewer { ...F0 }")
    + " } "
    + fragments(1, repeat(6, "b#: role"), "Viewer"),
    "root fields": "{ " + repeat(21, "a#: viewer { role }") + " }",
    "root fields in a fragment": "{ ...F0 } "
    + fragments(1, repeat(21, "a#: viewer { role }"), "Query"),
    "repeats": "{ " + repeat(41, "viewer { role }") + " }",
    "repeats in fragments": "{ viewer { "
    + repeat(50, "...F#")
    + " } } "
    + fragments(50, "role", "Viewer"),
    "repeats below repeats": "{ " + repeat(20, "viewer { role role role }") + " }",
    "directives": "{ viewer { " + repeat(51, "... @skip(if: false) { scopes }") + " } }",
    "directives on one field": "{ viewer { role " + "@skip(if: false) " * 51 + "} }",
    "directives in an unused fragment": "{ viewer { role } } "
    + fragments(1, "id " + "@skip(if: false) " * 51),
    "fragments": "{ viewer { role } } " + fragments(61, "id"),
    "operations": repeat(21, "query Q# { viewer { role } }"),
    "fragments that double at each level": "{ ticket(id: 1) { ...F0 } } "
    + fragments(30, "mergedInto { ...F~ } links { ticket { ...F~ } }")
    + " fragment F30 on Ticket { id }",
    "fragments that all spread each other": "{ ticket(id: 1) { "
    + repeat(40, "...F#")
    + " } } "
    + fragments(40, f"mergedInto {{ {' '.join(f'...F{index}' for index in range(15))} id }}"),
}


@pytest.mark.parametrize("query", BEYOND_LIMITS.values(), ids=BEYOND_LIMITS)
async def test_a_document_beyond_a_limit_is_refused_without_validation(
    schema: Schema, query: str
) -> None:
    document = Document(query, DocumentLimits())
    assert document.error is not None
    assert not document.validation_errors
    assert await codes(schema, query) == {"QUERY_TOO_EXPENSIVE"}


async def test_the_error_contains_the_limit_and_the_requested_number(schema: Schema) -> None:
    request = GraphQLRequest(BEYOND_LIMITS["aliases"], None, None, None)
    (error,) = build_response(
        await schema.execute_request(request, Caller(), QUERIES_AND_MUTATIONS)
    )["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", "requested": 31, "limit": 30}
    assert "30 aliases" in error["message"]


MESSAGES = {
    "depth": (BEYOND_LIMITS["depth"], "Fields may be nested at most 12 levels deep.", 12),
    "nesting": (
        BEYOND_LIMITS["depth in inline fragments"],
        "A selection may be inside at most 52 fields and fragments.",
        52,
    ),
    "merged selections": (
        BEYOND_LIMITS["repeats"],
        "A field may be selected at most 40 times in one place.",
        40,
    ),
    "directives of an unused fragment": (
        BEYOND_LIMITS["directives in an unused fragment"],
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
    aliases = repeat(30, "a#: role")
    query = f"{{ viewer {{ {aliases} }} }} fragment F0 on Viewer {{ {aliases} }}"
    assert Document(query, DocumentLimits()).error is None


async def test_the_number_of_visited_selections_is_limited() -> None:
    """Ten levels of fragments with ten spreads each, without other limits."""
    spreads = " ".join(f"a{index}: mergedInto {{ ...F~ }}" for index in range(10))
    query = (
        "{ ticket(id: 1) { ...F0 } } " + fragments(10, spreads) + " fragment F10 on Ticket { id }"
    )
    document = Document(query, DocumentLimits(aliases=10**9, merged_selections=10**9))
    assert isinstance(document.error, LimitExceeded)
    assert document.error.message == (
        f"A document may have at most {MAX_SELECTIONS} selections, with fragments expanded."
    )


CYCLES = {
    "itself": "{ viewer { ...F0 } } " + fragments(1, "role ...F0", "Viewer"),
    "each other": "{ ticket(id: 1) { ...F0 } } "
    "fragment F0 on Ticket { id ...F1 } fragment F1 on Ticket { id ...F0 }",
    "in a field": "{ ticket(id: 1) { ...F0 } } fragment F0 on Ticket { mergedInto { ...F0 } }",
    "unused": "{ viewer { role } } fragment F0 on Ticket { ...F1 } fragment F1 on Ticket { ...F0 }",
}


@pytest.mark.parametrize("query", CYCLES.values(), ids=CYCLES)
async def test_cycles_of_fragments_are_invalid(schema: Schema, query: str) -> None:
    assert await codes(schema, query) == {VALIDATION_FAILED}


INVALID_DOCUMENTS = {
    "too many tokens": ("{ " + "a " * 2001 + "}", "GRAPHQL_PARSE_FAILED"),
    "too many braces": ("{" * 1500, "GRAPHQL_PARSE_FAILED"),
    "too long": ("{ viewer { role } } #" + "x" * 16_384, "BAD_REQUEST"),
    "too long in bytes": ("{ viewer { role } } #" + "ä" * 9_000, "BAD_REQUEST"),
    "an empty document": ("", "BAD_REQUEST"),
    "blank": (" \n\t", "BAD_REQUEST"),
    "a comment": ("# nothing", "GRAPHQL_PARSE_FAILED"),
    "a lone surrogate": ("{ viewer { role } } \ud800", "GRAPHQL_PARSE_FAILED"),
    "a NUL": ("{ viewer { role } } \x00", "GRAPHQL_PARSE_FAILED"),
    "no operation": ("fragment F on Viewer { role }", "BAD_REQUEST"),
    "type definitions": ("type T { a: Int }", "BAD_REQUEST"),
    "a huge number": ("{ ticketByNumber(number: " + "9" * 16_000 + ") { id } }", VALIDATION_FAILED),
    "a huge list": (
        "{ tickets(filter: {status: {in: [" + "NEW " * 1500 + "X]}}) { totalCount } }",
        VALIDATION_FAILED,
    ),
    "a deep object": (
        "{ tickets(filter: " + "{and: [" * 90 + "{x: 1}" + "]}" * 90 + ") { totalCount } }",
        VALIDATION_FAILED,
    ),
    "many unknown names": ("{ viewer { " + repeat(900, "tickeets#") + " } }", VALIDATION_FAILED),
    "long unknown names": (
        "{ viewer { " + repeat(15, "r" * 1000 + "#") + " } }",
        VALIDATION_FAILED,
    ),
    "many unknown arguments": (
        "{ tickets(" + repeat(300, "firsst#: 1") + ") { totalCount } }",
        VALIDATION_FAILED,
    ),
    "many unused variables": (
        "query(" + repeat(300, "$v#: ID") + ") { viewer { role } }",
        VALIDATION_FAILED,
    ),
    "one variable many times": (
        "query(" + repeat(300, "$v: ID") + ") { viewer { role } }",
        VALIDATION_FAILED,
    ),
}


@pytest.mark.parametrize(("query", "code"), INVALID_DOCUMENTS.values(), ids=INVALID_DOCUMENTS)
async def test_an_invalid_document_gets_a_limited_number_of_errors(
    schema: Schema, query: str, code: str
) -> None:
    request = GraphQLRequest(query, None, None, None)
    result = await schema.execute_request(request, Caller(), QUERIES_AND_MUTATIONS)
    response = build_response(result)
    assert {error["extensions"]["code"] for error in response["errors"]} == {code}, response
    assert 0 < len(response["errors"]) <= 21
    assert "data" not in response


async def test_a_large_introspection_query_may_select_nothing_else(schema: Schema) -> None:
    types = "types { name fields { name type { name fields { name } } } }"
    assert await codes(schema, f"{{ __schema {{ {types} }} viewer {{ role }} }}") == {"BAD_REQUEST"}
    small = '{ __type(name: "Ticket") { name fields { name } } viewer { role } }'
    assert await codes(schema, small) == set()


async def test_the_values_of_variables_are_limited_in_number_and_depth(schema: Schema) -> None:
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
    invalid = {"filter": {"status": {"in": ["NOTHING"] * 2400}}}
    request = GraphQLRequest(query, invalid, None, None)
    result = await schema.execute_request(request, Caller(), QUERIES_AND_MUTATIONS)
    assert len(result.errors or ()) <= 51
    valid = {"filter": {"status": {"in": ["NEW"] * 100}}}
    assert await codes(schema, query, valid) == {"UNAUTHENTICATED"}
