"""The cost of operations: expensive ones are refused before execution, and the schema states the
weights."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query, get_named_type
from support import Client, Service, World
from support.client import TIMEOUT_SECONDS
from support.service import running

from benchmarks.costs import OPERATIONS
from engine.execution.cost_limit import CostLimit
from engine.execution.schema import Schema
from engine.graphql import cost_arguments
from engine.graphql.cost import COST, ITEM_COST, REPEATED_LEAF_FACTOR, OperationCost, QueryCost
from engine.graphql.document_cache import Document
from engine.graphql.document_limits import DocumentLimits
from engine.limits.rate import LeakyBuckets
from models.core.paging import pagination
from models.queries import search_plan
from models.queries.text_search.search import count_words, split_words
from schema import root
from schema.cost import (
    CONDITION_COST,
    COUNT_COST,
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
    return costs(schema, query, **variables).cost


def costs(schema: Schema, query: str, **variables: Any) -> OperationCost:
    document = Document(query, DocumentLimits())
    query_cost = QueryCost(schema._schema, document.operations[0], count_words)
    computed = query_cost.get(variables)
    assert query_cost.get(variables) == computed, "the cached cost is the same"
    return computed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 1),
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
        ('{ tickets(first: 2, filter: {search: "vpn"}) { nodes { id } } }', 13 + SEARCH_COST),
        ("{ tickets(first: 2, filter: {search: null}) { nodes { id } } }", 1 + CONDITION_COST + 2),
        ('{ organizations(first: 2, search: "acme") { nodes { id } } }', 3 + SEARCH_COST),
        ('{ users(first: 2, search: "acme") { nodes { id } } }', 3 + SEARCH_COST),
        (
            "{ organizations(first: 10) { nodes { memberCount openTicketCount } } }",
            1 + 10 * (1 + 2 * COUNT_COST),
        ),
        (
            "{ organizations(first: 10) { nodes { memberCount more: memberCount } } }",
            1 + 10 * (1 + COUNT_COST + REPEATED_LEAF_FACTOR * COUNT_COST),
        ),
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
            1 + 10 * (1 + 1 + 3 + 10 + TOTAL_COUNT_COST),
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
    assert cost(schema, SEARCH) == 4 + CONDITION_COST
    assert cost(schema, SEARCH, text="x") == 4 + CONDITION_COST + SEARCH_COST
    assert cost(schema, SEARCH, filter={"search": "x y"}) == 4 + 2 * (CONDITION_COST + SEARCH_COST)
    ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert [cost(schema, ids, ids=["a"] * count) for count in (0, 1, 90)] == [1, 1, 99]


NESTED = "tickets(first: 1, filter: {not: {or: [%s]}}) { totalCount }"


@pytest.mark.parametrize("words", [1, 3, 16])
async def test_a_search_costs_the_same_in_every_position(schema: Schema, words: int) -> None:
    text = " ".join("abcdefghijklmnop"[:words])
    query = "query($f: TicketFilter, $n: TicketFilter, $o: [TicketFilter!], $t: String) { %s }"
    search = f'{{search: "{text}"}}'
    literal = costs(schema, f"{{ {NESTED % search} }}")
    assert literal.search_words == words
    assert literal.cost == 1 + TOTAL_COUNT_COST + 3 * CONDITION_COST + words * SEARCH_COST
    field = "tickets(first: 1, filter: %s) { totalCount }"
    same = [
        costs(schema, query % NESTED % "{search: $t}", t=text),
        costs(schema, query % NESTED % "$f", f={"search": text}),
        costs(schema, query % field % "{not: $n}", n={"or": [{"search": text}]}),
        costs(schema, query % field % "{not: {or: $o}}", o=[{"search": text}]),
        costs(schema, query % field % "$f", f={"not": {"or": [{"search": text}]}}),
        costs(
            schema,
            (query % NESTED % "{search: $t}").replace("$t: String", f'$t: String = "{text}"'),
        ),
        costs(
            schema,
            (query % NESTED % "$f").replace(
                "$f: TicketFilter", f'$f: TicketFilter = {{search: "{text}"}}'
            ),
        ),
    ]
    assert same == [literal] * len(same)


@pytest.mark.parametrize("field", ["tickets", "ticketStats", "events"])
async def test_every_search_of_a_filter_counts(schema: Schema, field: str) -> None:
    for operator in ("and", "or"):
        searches = '{search: "a"} ' * 32
        filter = f"{{not: {{{operator}: [{searches}]}}}}"
        result = costs(schema, f"{{ {field}(filter: {filter}) {{ __typename }} }}")
        assert result.search_words == 32
        assert result.cost > 32 * SEARCH_COST


async def test_the_cost_of_a_variable_is_not_cached_for_a_longer_search(schema: Schema) -> None:
    query = f"query($t: String, $f: TicketFilter) {{ {NESTED % '{search: $t}, $f'} }}"
    query_cost = QueryCost(
        schema._schema, Document(query, DocumentLimits()).operations[0], count_words
    )
    variables = (
        {"t": "a", "f": {}},
        {"t": "a b", "f": {}},
        {"t": "a", "f": {"search": "a b"}},
        {"t": "a", "f": {"not": {"search": "a b c"}}},
        {"t": "a", "f": {"subject": {"eq": "a b c"}}},
    )
    for _ in range(2):
        assert [query_cost.get(each).search_words for each in variables] == [1, 2, 3, 4, 1]


def test_the_page_sizes_of_costs_are_those_of_lists() -> None:
    assert cost_arguments.DEFAULT_PAGE_SIZE == pagination.DEFAULT_PAGE_SIZE
    assert cost_arguments.MAX_COUNTED_PAGE_SIZE == pagination.MAX_PAGE_SIZE + 1


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  ",
            "!?",
            "a.b/c",
            "a—b…c",
            "_a_",
            "日本 語",
            "サーバーがダウンしています",
            "नमस्ते दुनिया",
        ),
        *("\ufdfa", "½㎞", "x" * 30_000, "a " * 20, "न" * 100),
    ],
)
async def test_no_search_has_more_words_than_its_cost_counts(text: str) -> None:
    assert count_words(text) >= len(split_words(text))
    assert count_words(text) <= 16


@pytest.mark.parametrize(("values", "expected"), [(0, 50), (9, 51), (90, 59), (900, 140)])
async def test_values_cost_the_same_as_literals_and_as_variables(
    schema: Schema, values: int, expected: int
) -> None:
    base = 1 + TOTAL_COUNT_COST + 2 * CONDITION_COST
    expected = base + expected - 50
    numbers = "1 " * values
    field = "tickets(first: 1, filter: {number: {in: %s}}) { totalCount }"
    literal = cost(schema, f"{{ {field % f'[{numbers}]'} }}")
    as_list = cost(schema, f"query($n: [Int!]) {{ {field % '$n'} }}", n=[1] * values)
    default = cost(schema, f"query($n: [Int!] = [{numbers}]) {{ {field % '$n'} }}")
    variables = "$n " * values
    elements = f"query($n: Int!) {{ {field % f'[{variables}]'} }}"
    assert as_list == default
    assert literal - len(numbers) // 500 <= as_list <= literal
    assert cost(schema, elements, n=1) >= as_list
    assert as_list in (expected, expected + 1)


async def test_each_condition_and_nesting_level_counts(schema: Schema) -> None:
    deep = "not: {" * 9 + "id: {}" + "}" * 9
    wide = "or: [" + "{id: {}} " * 9 + "]"
    base = cost(schema, "{ tickets(first: 1) { nodes { id } } }")
    for filter, objects in ((deep, 11), (wide, 19)):
        query = f"{{ tickets(first: 1, filter: {{{filter}}}) {{ nodes {{ id }} }} }}"
        assert cost(schema, query) == base + objects * CONDITION_COST + 1 + objects // 19
    variables = {"f": {"not": {"not": {"id": {}}}}}
    query = "query($f: TicketFilter) { tickets(first: 1, filter: $f) { nodes { id } } }"
    assert cost(schema, query, **variables) == base + 4 * CONDITION_COST


async def test_a_subscription_has_costs_while_it_runs(schema: Schema) -> None:
    plain = costs(schema, "subscription { ticketEvents { id } }")
    assert (plain.update_cost, plain.item_cost) == (1, ITEM_COST)
    search = 'filter: {or: [{search: "a b"} {search: "c"}]}'
    for field in ("ticketEvents", "ticketStatusChanged", "ticketChanges", "ticketStats"):
        query = f"subscription {{ {field}({search}) {{ __typename }} }}"
        result = costs(schema, query)
        assert result.update_cost >= 3 * SEARCH_COST
        assert result.cost >= 3 * SEARCH_COST
        assert result.search_words == 3
    wide = costs(schema, "subscription { ticketEvents { ticket { team { id } } } }")
    assert wide.item_cost == ITEM_COST + 2


async def test_costs_are_cached_for_each_set_of_variables(schema: Schema) -> None:
    query_cost = QueryCost(
        schema._schema, Document(PAGE, DocumentLimits()).operations[0], count_words
    )
    assert [query_cost.get({"first": count}).cost for count in (1, 2, 1, 50, 2)] == [
        3,
        5,
        3,
        101,
        5,
    ]
    values = (1, 50.0, True, 2.5, 1.0, "x")
    assert [query_cost.get({"first": value}).cost for value in values] == [3, 101, 51, 51, 3, 51]
    for count in range(1000):
        query_cost.get({"first": count, "other": count})
    assert len(query_cost.cached_costs) <= 64


async def test_one_full_introspection_is_within_the_limit_and_a_nested_one_is_not(
    schema: Schema,
) -> None:
    full = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    assert 1500 < cost(schema, full) < 3500
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert cost(schema, deep) > 5000


async def test_the_schema_states_valid_cost_weights(schema: Schema) -> None:
    for type in schema._schema.type_map.values():
        for name, field in getattr(type, "fields", {}).items():
            definition = field.extensions.get("strawberry-definition")
            weights = getattr(definition, "metadata", {}).get(COST, {})
            known = {"flat", "each", "items", "by", "condition", "search", "update", "sized"}
            assert set(weights) <= known, (type, name)
            arguments = getattr(field, "args", {})
            assert "by" not in weights or weights["by"] in arguments, (type, name)
            assert ("condition" in weights) == ("filter" in arguments), (type, name)
            if "filter" in arguments:
                conditions = get_named_type(arguments["filter"].type).fields
                assert ("search" in weights) == ("search" in conditions), (type, name)
            else:
                assert "search" not in weights or "search" in arguments, (type, name)
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
    assert (first["requested"], first["limit"]) == (11, 100_000)
    assert first["remaining"] <= 100_000 - 11
    assert second["remaining"] <= second["limit"] - 11
    assert first["resetAt"] <= second["resetAt"]


def test_a_cost_that_becomes_known_later_fills_the_bucket(schema: Schema) -> None:
    buckets = LeakyBuckets(1000, 1, now=lambda: 0.0)
    limit = CostLimit(schema._schema, 5000, 16, buckets, count_words)
    charge = limit.take(OperationCost(10, 0), "ada")
    limit.add(charge, "ada", 2000)
    assert (charge.report["requested"], charge.report["remaining"]) == (2010, 0)
    assert limit.take(OperationCost(1, 0), "ada").refusal is not None
    assert limit.take(OperationCost(1, 0), "bill").refusal is None
    unlimited = CostLimit(schema._schema, 5000, 16, LeakyBuckets(0, 1), count_words)
    charge = unlimited.take(OperationCost(10, 0), "ada")
    unlimited.add(charge, "ada", 2000)
    assert (charge.report["requested"], charge.report["remaining"]) == (2010, None)


async def test_the_count_of_a_search_for_a_frequent_word_costs_more(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    for _ in range(3):
        await cora.raise_ticket("Router vx")
    for name, value in (("FREQUENT_ROWS", 3), ("FEW_TICKETS", 2), ("ROWS_PER_POINT", 1)):
        monkeypatch.setattr(search_plan, name, value)
    query = '{ tickets(first: 2, filter: {search: "vx"}) { nodes { id } %s } }'

    async def ask(client: Client, more: str) -> dict[str, Any]:
        return (await client.answer(query % more))["extensions"]["cost"]

    base = 3 + CONDITION_COST + SEARCH_COST
    assert (await ask(ada, ""))["requested"] == base
    assert (await ask(ada, "totalCount"))["requested"] == base + TOTAL_COUNT_COST + 3
    assert (await ask(cora, "totalCount"))["requested"] == base + TOTAL_COUNT_COST + 3


EXPENSIVE = "{ tickets(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }"


async def test_an_expensive_operation_is_refused_over_http_and_websocket(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    (error,) = (await ada.answer(EXPENSIVE))["errors"]
    assert error["extensions"] == {
        "code": "QUERY_TOO_EXPENSIVE",
        "requested": 10_201,
        "limit": 5000,
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


async def test_an_operation_searches_for_at_most_16_words(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    query = "query($t: String) { %s }" % (NESTED % "{search: $t}, {search: $t}")
    assert "errors" not in await ada.answer(query, t="a b c d e f g h")
    (error,) = (await ada.answer(query, t="a b c d e f g h i"))["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", "requested": 18, "limit": 16}
    async with ada.socket() as socket:
        text = " ".join("abcdefghi")
        searches = f'{{or: [{{search: "{text}"}} {{search: "{text}"}}]}}'
        await socket.subscribe(f"subscription {{ ticketEvents(filter: {searches}) {{ id }} }}")
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


async def test_the_number_of_search_terms_is_a_setting(url: str) -> None:
    async with running(url, max_operation_search_terms=2) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        query = "query($t: String) { tickets(filter: {search: $t}) { totalCount } }"
        assert "errors" not in await ada.answer(query, t="a b")
        (error,) = (await ada.answer(query, t="a b c"))["errors"]
        assert error["extensions"]["limit"] == 2


async def test_the_desks_list_of_100_tickets_passes_with_a_margin(schema: Schema) -> None:
    assert 2 * cost(schema, OPERATIONS["the desk's list of 100 tickets"]) < 5000


# ---------------------------------------------------------------- documents without an operation


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ viewer {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "a: viewer { role } " * 41 + "}", "QUERY_TOO_EXPENSIVE"),
    ],
)
async def test_an_invalid_document_is_charged_to_its_caller(
    url: str, query: str, code: str
) -> None:
    async with running(
        url, max_operation_cost=100, cost_bucket_size=350, cost_refill_per_second=1
    ) as service:
        world = await World.make()
        ada, root = service.client(world.ada.token), service.client(world.root.token)
        for count in (1, 2, 3):
            answer = await ada.answer(query)
            assert answer["errors"][0]["extensions"]["code"] == code
            assert answer["extensions"]["cost"]["requested"] == 100
            assert answer["extensions"]["cost"]["remaining"] <= 350 - 100 * count + 60
        (error,) = (await ada.answer(query))["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert (await root.answer(query))["errors"][0]["extensions"]["code"] == code
        async with ada.socket() as socket:
            await socket.subscribe(query)
            message = await socket.receive()
            assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_caller_without_budget_has_no_document_checked(url: str) -> None:
    async with running(
        url, max_operation_cost=10, cost_bucket_size=10, cost_refill_per_second=1
    ) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        for index in range(40):
            await ada.answer(f"{{ a{index}: __typename }}")
        (error,) = (await ada.answer("{ nothing }"))["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"


async def test_an_unknown_persisted_document_costs_the_minimum(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
        response = await http.post(ada.http, json={"extensions": extensions}, headers=ada.headers)
    answer = response.json()
    assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert answer["extensions"]["cost"]["requested"] == 1
