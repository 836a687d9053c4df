"""The comparison itself: what it takes for the same, what it does not, and how small it makes an operation that differs."""

from __future__ import annotations

from typing import Any

import pytest
from support.differential import OperationRequest
from support.generated_operations.comparison import alternative_errors, find_difference, minimize_operation, reduce_to_path

QUERY = """
  query Q($v: Int, $v1: Boolean!) { a: tickets(first: $v) { nodes { id ...F0 @include(if: $v1) } } viewer { role } }
  fragment F0 on Ticket { subject links { kind } ...F1 }
  fragment F1 on Ticket { number }
"""


def error(*path: str | int, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"message": message, "locations": [{"line": 1, "column": 3}], "path": list(path), "extensions": {"code": "X"}, **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"data": {"a": 1, "b": 2}}, {"data": {"b": 2, "a": 1}}),
        ({"data": {"a": 1}}, {"data": {"a": True}}),
        ({"data": {"a": 1}}, {"data": {"a": 1.0}}),
        ({"data": {"a": [1, 2]}}, {"data": {"a": [1]}}),
        ({"data": {"a": None}}, {"data": {}}),
        ({"data": None}, {}),
        ({"data": {"a": None}, "errors": [error("a")]}, {"data": {"a": None}}),
        ({"data": {"a": None}, "errors": [error("a")]}, {"data": {"a": None}, "errors": [error("a", message="other")]}),
        ({"data": {"a": None}, "errors": [error("a")]}, {"data": {"a": None}, "errors": [error("a", locations=[])]}),
    ],
)
def test_answers_that_differ_are_told_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert find_difference(one, one) is None
    assert find_difference(one, other) is not None
    assert not alternative_errors(one, other)


def test_the_order_of_errors_is_nobodys_promise() -> None:
    data = {"a": None, "b": None}
    assert (
        find_difference({"data": data, "errors": [error("a"), error("b")]}, {"data": data, "errors": [error("b"), error("a")]}) is None
    )


def test_of_errors_that_left_one_null_any_may_be_told() -> None:
    one, other = ({"data": {"a": None}, "errors": [error("a", 0, name)]} for name in ("x", "y"))
    assert find_difference(one, other) is not None
    assert alternative_errors(one, other) == [error("a", 0, "y")]


async def test_an_operation_is_made_as_small_as_still_differs() -> None:
    async def still(asked: OperationRequest) -> bool:
        return "subject" in asked.query

    small = await minimize_operation(OperationRequest(QUERY, {"v": 1, "v1": True}), still)
    assert " ".join(small.query.split()) == "query Q { a: tickets { nodes { ...F0 } } } fragment F0 on Ticket { subject }"
    assert small.variables == {}


def test_what_leads_to_a_path_is_cut_out() -> None:
    cut = reduce_to_path(OperationRequest(QUERY, {"v": 1, "v1": True}), ["a", "nodes", 0, "links", 1, "kind"])
    inner = "nodes { ... on Ticket @include(if: $v1) { links { kind } } }"
    assert " ".join(cut.query.split()) == f"query Q($v: Int, $v1: Boolean!) {{ a: tickets(first: $v) {{ {inner} }} }}"
