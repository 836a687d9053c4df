"""What operations cost, that what costs too much is refused before it runs, and that the weights are the schema's own."""

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

PAGE = "query($first: Int, $last: Int) { tickets(first: $first, last: $last) { nodes { id team { slug } } } }"
SEARCHED = "query($filter: TicketFilter, $text: String) { a: tickets(filter: $filter, first: 1) { nodes { id } } "
SEARCHED += "b: tickets(filter: {search: $text}, first: 1) { nodes { id } } }"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return root.build()


def cost(schema: Schema, query: str, **variables: Any) -> int:
    document = Document(query, DocumentLimits())
    price = QueryCost(schema._schema, document.operations[0])
    found = price.get(variables)
    assert price.get(variables) == found, "what is kept is what was worked out"
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 0),
        ("{ viewer { role scopes } }", 1),
        ("{ viewer { user { organization { name } teams { slug } } } }", 1 + 1 + 1 + 5),
        ("{ tickets { totalCount } }", 1 + TOTAL_COUNT_COST),
        ("{ tickets { nodes { id } } }", 1 + 25),
        ("{ tickets { edges { cursor node { id } } pageInfo { hasNextPage } } }", 1 + 25),
        ("{ tickets(first: 50) { nodes { id category { slug } team { slug } requester { id } } } }", 1 + 50 * 4),
        ("{ tickets(last: 3) { nodes { messages(first: 10) { nodes { author { displayName } } } } } }", 1 + 3 * (1 + 1 + 10 * 2)),
        ('{ tickets(first: 2, filter: {search: "vpn"}) { nodes { id } } }', 1 + SEARCH_COST + 2),
        ("{ tickets(first: 2, filter: {search: null}) { nodes { id } } }", 1 + 2),
        ("{ ticketStats { cursor } }", STATS_COST),
        ('{ ticket(id: "x") { clocks { ledger { spent } } } }', 1 + 5 * (1 + LEDGER_COST + 5)),
        ('{ nodes(ids: ["a", "b", "c"]) { id ... on Ticket { team { id } } } }', 3 * 2),
        ("{ viewer { role } ...F } fragment F on Query { viewer { role } a: viewer { role } }", 2),
        # of the types that an entry may have, the dearest counts
        (
            "{ events(first: 10) { nodes { actor { displayName } ... on TicketReplied { reply { body author { displayName } } } "
            "... on TicketNoted { note { body } } ... on TicketUpdated { changes { field } ticket { id } } } } }",
            1 + 10 * (1 + 1 + TEXT_COST + 2),
        ),
        (
            "{ events(first: 10) { nodes { ... on TicketReplied { ticket { id } } ... on TicketNoted { ticket { id } } } } }",
            1 + 20,
        ),
        ("{ viewer @skip(if: true) { role } }", 1),
        ("{ events(first: 10) { nodes { id ... on TicketReplied { reply { body } } ticket { id } } } }", 1 + 10 * (3 + TEXT_COST)),
        (
            "{ tickets(first: 10) { nodes { description bodies: messages(first: 2) { nodes { body bodyHtml } } } } }",
            1 + 10 * (1 + TEXT_COST + 1 + 2 * (1 + TEXT_COST + HTML_COST)),
        ),
        ("{ tickets(first: 10) { nodes { a: description b: description ref c: ref } } }", 1 + 10 * (1 + TEXT_COST + REPEATED_LEAF_FACTOR * TEXT_COST)),
        (
            "{ events(first: 10) { nodes { ... on TicketReplied { a: id x: reply { body } } ... on TicketRated { b: comment } "
            "... on TicketStatusChanged { b2: comment c: comment } } } }",
            1 + 10 * (1 + TEXT_COST + REPEATED_LEAF_FACTOR * TEXT_COST),
        ),
        (
            "{ tickets(first: 1) { nodes { messages(first: 10) { nodes { ... on Reply { a: body } ... on Note { b: body } "
            "} } } } }",
            1 + 2 + 10 * (1 + TEXT_COST),
        ),
        (
            "{ tickets(first: 1) { nodes { messages(first: 10) { nodes { ... on Reply { a: body } b: body } } } } }",
            1 + 2 + 10 * (1 + TEXT_COST + REPEATED_LEAF_FACTOR * TEXT_COST),
        ),
        (
            "{ tickets(first: 10) { nodes { timeline(first: 1, types: [" + "TICKET_CREATED " * 100 + "]) { totalCount } } } }",
            1 + 10 * (1 + 1 + 3 + TOTAL_COUNT_COST),
        ),
        ("mutation { signOut { userErrors { code } } }", MUTATION_COST),
        ("subscription { ticketEvents { id ticket { id } } }", SUBSCRIPTION_COST + 1),
    ],
)
async def test_what_an_operation_costs(schema: Schema, query: str, expected: int) -> None:
    assert cost(schema, query) == expected


async def test_variables_count(schema: Schema) -> None:
    assert cost(schema, PAGE) == 1 + 25 * 2
    assert cost(schema, PAGE, first=50) == cost(schema, PAGE, last=50) == 1 + 50 * 2
    assert cost(schema, PAGE, first=None) == cost(schema, PAGE, first="x") == 1 + 25 * 2
    assert cost(schema, PAGE, first=10**9) == 1 + 101 * 2, "the field itself refuses it"
    assert cost(schema, PAGE, first=-5) == 1
    assert cost(schema, PAGE, first=50.0) == 1 + 50 * 2, "GraphQL takes it for a whole number"
    default = PAGE.replace("$first: Int", "$first: Int = 7")
    assert (cost(schema, default), cost(schema, default, first=3)) == (1 + 7 * 2, 1 + 3 * 2)
    assert cost(schema, SEARCHED) == 4
    assert cost(schema, SEARCHED, text="x") == cost(schema, SEARCHED, filter={"search": "x"}) == 4 + SEARCH_COST
    many = {"or": [{"number": {"in": [1] * 15}}, {"tags": {"some": ["x"] * 15}}]}
    assert cost(schema, SEARCHED, filter=many) == 4 + 3
    ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert [cost(schema, ids, ids=["a"] * count) for count in (0, 1, 90)] == [0, 1, 90]


async def test_one_price_tells_variables_apart(schema: Schema) -> None:
    price = QueryCost(schema._schema, Document(PAGE, DocumentLimits()).operations[0])
    assert [price.get({"first": count}) for count in (1, 2, 1, 50, 2)] == [3, 5, 3, 101, 5]
    assert [price.get({"first": count}) for count in (1, 50.0, True, 2.5, 1.0, "x")] == [3, 101, 51, 51, 3, 51]
    for count in range(1000):
        price.get({"first": count, "other": count})
    assert len(price.cached_costs) <= 64


async def test_a_look_at_the_whole_schema_is_within_the_limit_and_two_are_not(schema: Schema) -> None:
    whole = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    assert 300 < cost(schema, whole) < 700
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert cost(schema, deep) > 1000


async def test_each_row_and_field_states_weights_that_are_known(schema: Schema) -> None:
    for type in schema._schema.type_map.values():
        for name, field in getattr(type, "fields", {}).items():
            definition = field.extensions.get("strawberry-definition")
            stated = getattr(definition, "metadata", {}).get(COST, {})
            assert set(stated) <= {"flat", "each", "items", "by", "given"}, (type, name)
            arguments = {argument.partition(".")[0] for argument in (*stated.get("given", {}), stated.get("by", "")) if argument}
            assert arguments <= set(getattr(field, "args", {})), (type, name)
    assert schema._schema.query_type is not None
    assert f"| `totalCount` | {TOTAL_COUNT_COST} |" in (schema._schema.query_type.description or "")


# ---------------------------------------------------------------- over the wire


async def test_each_answer_tells_what_it_cost_and_what_is_left(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    first = (await ada.answer("{ tickets(first: 10) { nodes { id } } }"))["extensions"]["cost"]
    second = (await ada.answer("{ tickets(first: 10) { nodes { id } } }"))["extensions"]["cost"]
    assert (first["requested"], first["limit"]) == (11, 50_000)
    assert first["remaining"] <= 50_000 - 11
    assert second["remaining"] <= first["limit"]
    assert first["resetAt"] <= second["resetAt"]


EXPENSIVE = "{ tickets(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }"


async def test_what_costs_too_much_is_refused_on_each_way_in(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    (error,) = (await ada.answer(EXPENSIVE))["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", "requested": 10_201, "limit": 1000}
    async with ada.socket() as socket:
        await socket.subscribe(EXPENSIVE)
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
        await socket.subscribe(f"subscription {{ {WIDE} }}")
        message = await socket.receive()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "QUERY_TOO_EXPENSIVE")


WIDE = "ticketEvents { ticket { timeline(first: 100) { nodes { ticket { timeline(first: 100) { nodes { id } } } } } } }"


async def test_who_spends_too_fast_waits_and_others_do_not(url: str) -> None:
    """What was spent counts for hours here, however slow the machine is."""
    async with running(url, max_operation_cost=20_000, cost_bucket_size=25_000, cost_refill_per_second=1) as service:
        world = await World.make()
        ada, cora, stranger = service.client(world.ada.token), service.client(world.cora.token), service.client()
        assert [(await ada.answer(EXPENSIVE))["extensions"]["cost"]["requested"] for _ in range(2)] == [10_201, 10_201]
        refused = await ada.answer(EXPENSIVE)
        (error,) = refused["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        missing = 3 * 10_201 - 25_000
        assert (missing - 1000) * 1000 < error["extensions"]["retryAfterMs"] <= missing * 1000
        assert refused["extensions"]["cost"]["remaining"] < 10_201
        assert "errors" not in await ada.answer("{ viewer { role } }"), "what is cheap still fits"
        assert "errors" not in await cora.answer(EXPENSIVE)
        assert "errors" not in await stranger.answer("{ viewer { role } }")
        async with ada.socket() as socket:
            await socket.subscribe(f"subscription {{ {WIDE} }}")
            message = await socket.receive()
            assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "RATE_LIMITED")


async def test_without_a_bucket_nothing_is_counted(url: str) -> None:
    async with running(url, cost_bucket_size=0) as service:
        await World.make()
        told = (await service.client().answer("{ viewer { role } }"))["extensions"]["cost"]
        assert told == {"requested": 1, "limit": None, "remaining": None, "resetAt": None}
