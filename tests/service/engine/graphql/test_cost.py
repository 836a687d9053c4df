"""The cost of operations: expensive ones are refused before execution, and the schema states the
weights."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query
from support import Service, World
from support.service import running

from engine.execution.schema import Schema
from engine.graphql.cost import COST, REPEATED_LEAF_FACTOR, QueryCost
from engine.graphql.document_cache import Document
from engine.graphql.document_limits import DocumentLimits
from schema import root
from schema.cost import (
    HTML_COST,
    LEDGER_COST,
    MUTATION_COST,
    SEARCH_COST,
    STATS_COST,
    SUBSCRIPTION_COST,
    TEXT_COST,
    TOTAL_COUNT_COST,
)

PAGE = """query($first: Int, $last: Int) {
  tickets(first: $first, last: $last) { nodes { id team { slug } } }
}"""
SEARCH = """query($filter: TicketFilter, $text: String) {
  a: tickets(filter: $filter, first: 1) { nodes { id } }
  b: tickets(filter: {search: $text}, first: 1) { nodes { id } }
}"""


@pytest.fixture(scope="module")
def schema() -> Schema:
    return root.build()


def cost(schema: Schema, query: str, **variables: Any) -> int:
    document = Document(query, DocumentLimits())
    query_cost = QueryCost(schema._schema, document.operations[0])
    computed = query_cost.get(variables)
    assert query_cost.get(variables) == computed, "the cached cost is the same"
    return computed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 0),
        ("{ viewer { role scopes } }", 1),
        ("{ viewer { user { organization { name } teams { slug } } } }", 1 + 1 + 1 + 5),
        ("{ tickets { totalCount } }", 1 + TOTAL_COUNT_COST),
        ("{ tickets { nodes { id } } }", 1 + 25),
        ("{ tickets { edges { cursor node { id } } pageInfo { hasNextPage } } }", 1 + 25),
        (
            "{ tickets(first: 50) { nodes { "
            "id category { slug } team { slug } requester { id } } } }",
            1 + 50 * 4,
        ),
        (
            "{ tickets(last: 3) { nodes { "
            "messages(first: 10) { nodes { author { displayName } } } } } }",
            1 + 3 * (1 + 1 + 10 * 2),
        ),
        ('{ tickets(first: 2, filter: {search: "vpn"}) { nodes { id } } }', 1 + SEARCH_COST + 2),
        ("{ tickets(first: 2, filter: {search: null}) { nodes { id } } }", 1 + 2),
        ("{ ticketStats { cursor } }", STATS_COST),
        ('{ ticket(id: "x") { clocks { ledger { spent } } } }', 1 + 5 * (1 + LEDGER_COST + 5)),
        ('{ nodes(ids: ["a", "b", "c"]) { id ... on Ticket { team { id } } } }', 3 * 2),
        ("{ viewer { role } ...F } fragment F on Query { viewer { role } a: viewer { role } }", 2),
        # the most expensive type of event counts
        (
            "{ events(first: 10) { nodes { actor { displayName } "
            "... on TicketReplied { reply { body author { displayName } } } "
            "... on TicketNoted { note { body } } "
            "... on TicketUpdated { changes { field } ticket { id } } } } }",
            1 + 10 * (1 + 1 + TEXT_COST + 2),
        ),
        (
            "{ events(first: 10) { nodes { ... on TicketReplied { ticket { id } } "
            "... on TicketNoted { ticket { id } } } } }",
            1 + 20,
        ),
        ("{ viewer @skip(if: true) { role } }", 1),
        (
            "{ events(first: 10) { nodes { "
            "id ... on TicketReplied { reply { body } } ticket { id } } } }",
            1 + 10 * (3 + TEXT_COST),
        ),
        (
            "{ tickets(first: 10) { nodes { "
            "description bodies: messages(first: 2) { nodes { body bodyHtml } } } } }",
            1 + 10 * (1 + TEXT_COST + 1 + 2 * (1 + TEXT_COST + HTML_COST)),
        ),
        (
            "{ tickets(first: 10) { nodes { a: description b: description ref c: ref } } }",
            1 + 10 * (1 + TEXT_COST + REPEATED_LEAF_FACTOR * TEXT_COST),
        ),
        (
            "{ events(first: 10) { nodes { ... on TicketReplied { a: id x: reply { body } } "
            "... on TicketRated { b: comment } "
            "... on TicketStatusChanged { b2: comment c: comment } } } }",
            1 + 10 * (1 + TEXT_COST + REPEATED_LEAF_FACTOR * TEXT_COST),
        ),
        (
            "{ tickets(first: 1) { nodes { messages(first: 10) { nodes { "
            "... on Reply { a: body } ... on Note { b: body } } } } } }",
            1 + 2 + 10 * (1 + TEXT_COST),
        ),
        (
            "{ tickets(first: 1) { nodes { messages(first: 10) { nodes { "
            "... on Reply { a: body } b: body } } } } }",
            1 + 2 + 10 * (1 + TEXT_COST + REPEATED_LEAF_FACTOR * TEXT_COST),
        ),
        (
            "{ tickets(first: 10) { nodes { "
            f"timeline(first: 1, types: [{'TICKET_CREATED ' * 100}]) {{ totalCount }} }} }} }}",
            1 + 10 * (1 + 1 + 3 + TOTAL_COUNT_COST),
        ),
        ("mutation { signOut { userErrors { code } } }", MUTATION_COST),
        ("subscription { ticketEvents { id ticket { id } } }", SUBSCRIPTION_COST + 1),
    ],
)
async def test_an_operation_has_its_cost(schema: Schema, query: str, expected: int) -> None:
    assert cost(schema, query) == expected


async def test_the_cost_depends_on_variables(schema: Schema) -> None:
    assert cost(schema, PAGE) == 1 + 25 * 2
    assert cost(schema, PAGE, first=50) == cost(schema, PAGE, last=50) == 1 + 50 * 2
    assert cost(schema, PAGE, first=None) == cost(schema, PAGE, first="x") == 1 + 25 * 2
    assert cost(schema, PAGE, first=10**9) == 1 + 101 * 2, "the resolver refuses it"
    assert cost(schema, PAGE, first=-5) == 1
    assert cost(schema, PAGE, first=50.0) == 1 + 50 * 2, "GraphQL accepts it as an integer"
    default = PAGE.replace("$first: Int", "$first: Int = 7")
    assert (cost(schema, default), cost(schema, default, first=3)) == (1 + 7 * 2, 1 + 3 * 2)
    assert cost(schema, SEARCH) == 4
    assert cost(schema, SEARCH, text="x") == 4 + SEARCH_COST
    assert cost(schema, SEARCH, filter={"search": "x"}) == 4 + SEARCH_COST
    many_values = {"or": [{"number": {"in": [1] * 15}}, {"tags": {"some": ["x"] * 15}}]}
    assert cost(schema, SEARCH, filter=many_values) == 4 + 3
    ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert [cost(schema, ids, ids=["a"] * count) for count in (0, 1, 90)] == [0, 1, 90]


async def test_costs_are_cached_for_each_set_of_variables(schema: Schema) -> None:
    query_cost = QueryCost(schema._schema, Document(PAGE, DocumentLimits()).operations[0])
    assert [query_cost.get({"first": count}) for count in (1, 2, 1, 50, 2)] == [3, 5, 3, 101, 5]
    values = (1, 50.0, True, 2.5, 1.0, "x")
    assert [query_cost.get({"first": value}) for value in values] == [3, 101, 51, 51, 3, 51]
    for count in range(1000):
        query_cost.get({"first": count, "other": count})
    assert len(query_cost.cached_costs) <= 64


async def test_one_full_introspection_is_within_the_limit_and_a_nested_one_is_not(
    schema: Schema,
) -> None:
    full = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    assert 300 < cost(schema, full) < 700
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert cost(schema, deep) > 1000


async def test_the_schema_states_valid_cost_weights(schema: Schema) -> None:
    for type in schema._schema.type_map.values():
        for name, field in getattr(type, "fields", {}).items():
            definition = field.extensions.get("strawberry-definition")
            weights = getattr(definition, "metadata", {}).get(COST, {})
            assert set(weights) <= {"flat", "each", "items", "by", "given"}, (type, name)
            paths = [*weights.get("given", {}), weights.get("by", "")]
            arguments = {path.partition(".")[0] for path in paths if path}
            assert arguments <= set(getattr(field, "args", {})), (type, name)
    assert schema._schema.query_type is not None
    description = schema._schema.query_type.description or ""
    assert f"| `totalCount` | {TOTAL_COUNT_COST} |" in description


# ---------------------------------------------------------------- over HTTP and WebSocket


async def test_each_response_contains_its_cost_and_the_remaining_budget(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    first = (await ada.answer("{ tickets(first: 10) { nodes { id } } }"))["extensions"]["cost"]
    second = (await ada.answer("{ tickets(first: 10) { nodes { id } } }"))["extensions"]["cost"]
    assert (first["requested"], first["limit"]) == (11, 50_000)
    assert first["remaining"] <= 50_000 - 11
    assert second["remaining"] <= second["limit"] - 11
    assert first["resetAt"] <= second["resetAt"]


EXPENSIVE = "{ tickets(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }"


async def test_an_expensive_operation_is_refused_over_http_and_websocket(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    (error,) = (await ada.answer(EXPENSIVE))["errors"]
    assert error["extensions"] == {
        "code": "QUERY_TOO_EXPENSIVE",
        "requested": 10_201,
        "limit": 1000,
    }
    async with ada.socket() as socket:
        await socket.subscribe(EXPENSIVE)
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
        await socket.subscribe(f"subscription {{ {WIDE} }}")
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


WIDE = (
    "ticketEvents { ticket { timeline(first: 100) { nodes { "
    "ticket { timeline(first: 100) { nodes { id } } } } } } }"
)


async def test_the_rate_limit_applies_to_each_caller_separately(url: str) -> None:
    """The bucket refills for hours, so the test also passes on a slow machine."""
    async with running(
        url, max_operation_cost=20_000, cost_bucket_size=25_000, cost_refill_per_second=1
    ) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        anonymous = service.client()
        for _ in range(2):
            answer = await ada.answer(EXPENSIVE)
            assert answer["extensions"]["cost"]["requested"] == 10_201
        refused = await ada.answer(EXPENSIVE)
        (error,) = refused["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        missing = 3 * 10_201 - 25_000
        assert (missing - 1000) * 1000 < error["extensions"]["retryAfterMs"] <= missing * 1000
        assert refused["extensions"]["cost"]["remaining"] < 10_201
        assert "errors" not in await ada.answer("{ viewer { role } }"), (
            "a cheap operation is still within the limit"
        )
        assert "errors" not in await cora.answer(EXPENSIVE)
        assert "errors" not in await anonymous.answer("{ viewer { role } }")
        async with ada.socket() as socket:
            await socket.subscribe(f"subscription {{ {WIDE} }}")
            message = await socket.receive()
            assert message["type"] == "error"
            assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_without_a_bucket_there_is_no_rate_limit(url: str) -> None:
    async with running(url, cost_bucket_size=0) as service:
        await World.make()
        cost = (await service.client().answer("{ viewer { role } }"))["extensions"]["cost"]
        assert cost == {"requested": 1, "limit": None, "remaining": None, "resetAt": None}
