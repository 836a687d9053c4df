"""The costs of one operation are cached by what influences them in its variables."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from engine.execution.schema import Schema
from engine.graphql.cost import QueryCost
from engine.graphql.document_cache import Document
from engine.graphql.document_limits import DocumentLimits
from models.queries.text_search.search import count_words
from schema import root

SCALARS = (None, 0, 3, 50.0, True, "x", "a b c")
VALUES = (
    *SCALARS,
    ["x", "y"],
    [3] * 40,
    {"search": "a b"},
    {"not": {"search": "a b c d"}},
    {"subject": {"eq": "a b"}},
    {"last": 30},
)
DOCUMENTS = (
    "query($v: Int, $w: Int) { tickets(first: $v, last: $w) { nodes { id team { id } } } }",
    "query($v: Int = 90, $w: Int) { tickets(first: $v, last: $w) { nodes { team { id } } } }",
    "query($v: String, $w: String) { tickets(after: $v, before: $w) { nodes { id } } }",
    "query($v: String, $w: TicketFilter) { tickets(filter: {search: $v, not: $w}) { totalCount } }",
    'query($v: String = "a b c d", $w: String) '
    "{ tickets(filter: {or: [{search: $v}, {subject: {eq: $w}}]}) { totalCount } }",
    "query($v: Int!, $w: [ID!]!) { ticketByNumber(number: $v) { id } nodes(ids: $w) { id } }",
    "query($v: Int, $w: TicketFilter) "
    "{ ticketStats(filter: $w, groupBy: DAY, period: {last: $v}) { groups { key count } } }",
)


@pytest.fixture(scope="module")
def schema() -> Schema:
    return root.build()


def query_cost(schema: Schema, text: str) -> QueryCost:
    operation = Document(text, DocumentLimits()).operations[0]
    return QueryCost(schema._schema, operation, count_words)


@pytest.mark.parametrize("text", DOCUMENTS)
async def test_a_cached_cost_is_that_of_the_variables(schema: Schema, text: str) -> None:
    pairs = [{"v": v, "w": w} for v, w in product(VALUES, VALUES)]
    variables: list[Mapping[str, Any]] = [*pairs, {}, *({"w": w} for w in VALUES)]
    shared = query_cost(schema, text)
    for each in [*variables, *reversed(variables)]:
        assert shared.get(each) == query_cost(schema, text).get(each), each


@pytest.mark.parametrize(
    "text",
    [
        "query($v: Int!) { ticketByNumber(number: $v) { id } }",
        "query($v: ID!) { ticket(id: $v) { id } }",
        "query($v: String) { tickets(first: 50, after: $v) { nodes { id } } }",
    ],
)
async def test_ids_numbers_and_cursors_share_one_cached_cost(schema: Schema, text: str) -> None:
    cost = query_cost(schema, text)
    for number in range(100):
        cost.get({"v": number})
        cost.get({"v": f"tkt_{number} a b"[: number + 5]})
    assert len(cost.cached_costs) == 1
