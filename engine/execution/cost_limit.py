"""Limits the query cost of each operation, and of all operations of a caller over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from graphql import GraphQLSchema
from strawberry.types.execution import PreExecutionError

from engine.graphql.cost import QueryCost
from engine.graphql.operation import Operation
from engine.graphql.response import request_error_result
from engine.limits.rate import LeakyBuckets


@dataclass(frozen=True, slots=True)
class Charge:
    """The cost of one operation."""

    cost: int
    report: Mapping[str, Any]
    """The response's `extensions.cost`. `limit` in it is the capacity of the caller's bucket; in a
    QUERY_TOO_EXPENSIVE error, `limit` is the maximum cost of one operation."""
    refusal: PreExecutionError | None
    """A request error if the operation must not be executed."""


class CostLimit:
    """Charges operations.

    Args:
        schema: The schema, whose fields state their weights.
        max_cost: The maximum cost of one operation.
        buckets: The callers' buckets. A capacity of 0 turns the rate limit off.
    """

    def __init__(self, schema: GraphQLSchema, max_cost: int, buckets: LeakyBuckets) -> None:
        self.schema = schema
        self.max_cost = max_cost
        self.buckets = buckets

    def charge(
        self, operation: Operation, variables: Mapping[str, Any] | None, caller: str
    ) -> Charge:
        """Add the operation's cost to the caller's bucket, unless it is too expensive."""
        if operation.query_cost is None:
            operation.query_cost = QueryCost(self.schema, operation)
        cost: int = operation.query_cost.get(variables)
        capacity = self.buckets.capacity
        report: dict[str, Any] = {
            "requested": cost,
            "limit": capacity or None,
            "remaining": None,
            "resetAt": None,
        }
        if cost > self.max_cost:
            message = f"The operation costs {cost}; the maximum is {self.max_cost}."
            refusal = request_error_result(
                message, "QUERY_TOO_EXPENSIVE", requested=cost, limit=self.max_cost
            )
            return Charge(cost, report, refusal)
        if not capacity:
            return Charge(cost, report, None)
        taken = self.buckets.take(caller, cost)
        report["remaining"] = taken.remaining
        report["resetAt"] = datetime.now(UTC) + timedelta(seconds=taken.reset_seconds)
        refusal = None
        if taken.retry_after_ms:
            message = f"The rate limit is exceeded. Try again in {taken.retry_after_ms} ms."
            refusal = request_error_result(
                message, "RATE_LIMITED", retryAfterMs=taken.retry_after_ms
            )
        return Charge(cost, report, refusal)
