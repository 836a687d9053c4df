"""The comparison of responses: which differences it finds, and how it minimizes an operation."""

from __future__ import annotations

from typing import Any

import pytest
from support.differential import OperationRequest
from support.generated_operations.comparison import (
    alternative_errors,
    find_difference,
    minimize_operation,
    reduce_to_path,
)

QUERY = """
  query Q($v: Int, $v1: Boolean!) {
    a: tickets(first: $v) { nodes { id ...F0 @include(if: $v1) } } viewer { role }
  }
  fragment F0 on Ticket { subject links { kind } ...F1 }
  fragment F1 on Ticket { number }
"""


def error(*path: str | int, message: str = "no", **more: Any) -> dict[str, Any]:
    locations = [{"line": 1, "column": 3}]
    extensions = {"code": "X"}
    error = {"message": message, "locations": locations, "path": list(path)}
    return {**error, "extensions": extensions, **more}


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
        (
            {"data": {"a": None}, "errors": [error("a")]},
            {"data": {"a": None}, "errors": [error("a", message="other")]},
        ),
        (
            {"data": {"a": None}, "errors": [error("a")]},
            {"data": {"a": None}, "errors": [error("a", locations=[])]},
        ),
    ],
)
def test_a_difference_between_responses_is_found(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert find_difference(one, one) is None
    assert find_difference(one, other) is not None
    assert not alternative_errors(one, other)


def test_the_order_of_errors_does_not_matter() -> None:
    data = {"a": None, "b": None}
    one = {"data": data, "errors": [error("a"), error("b")]}
    other = {"data": data, "errors": [error("b"), error("a")]}
    assert find_difference(one, other) is None


def test_any_of_the_errors_that_cause_one_null_may_be_reported() -> None:
    one, other = ({"data": {"a": None}, "errors": [error("a", 0, name)]} for name in ("x", "y"))
    assert find_difference(one, other) is not None
    assert alternative_errors(one, other) == [error("a", 0, "y")]


async def test_an_operation_is_minimized_while_it_still_differs() -> None:
    async def differs(request: OperationRequest) -> bool:
        return "subject" in request.query

    minimal = await minimize_operation(OperationRequest(QUERY, {"v": 1, "v1": True}), differs)
    assert " ".join(minimal.query.split()) == (
        "query Q { a: tickets { nodes { ...F0 } } } fragment F0 on Ticket { subject }"
    )
    assert minimal.variables == {}


def test_an_operation_is_reduced_to_the_fields_of_a_path() -> None:
    request = OperationRequest(QUERY, {"v": 1, "v1": True})
    reduced = reduce_to_path(request, ["a", "nodes", 0, "links", 1, "kind"])
    nodes = "nodes { ... on Ticket @include(if: $v1) { links { kind } } }"
    assert " ".join(reduced.query.split()) == (
        f"query Q($v: Int, $v1: Boolean!) {{ a: tickets(first: $v) {{ {nodes} }} }}"
    )
