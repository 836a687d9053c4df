"""Limits the query cost of each operation, and of all operations of a caller over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from graphql import GraphQLSchema
from strawberry.types.execution import PreExecutionError

from engine.graphql.cost import MIN_OPERATION_COST, OperationCost, QueryCost
from engine.graphql.cost_arguments import CountWords
from engine.graphql.errors import RequestError
from engine.graphql.operation import Operation
from engine.graphql.response import request_error_result
from engine.limits.rate import LeakyBuckets, RateLimitResult
from engine.viewer_confirmation import ViewerOutdated

INVALID_DOCUMENT_COST = 100
"""The cost of a request whose document can't be parsed or is not valid. Checking a typical document
takes as long as an operation of this cost."""


@dataclass(slots=True)
class Charge:
    """The cost of one operation."""

    costs: OperationCost
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
        max_search_words: The maximum number of words that one operation may search for.
        buckets: The callers' buckets. A capacity of 0 turns the rate limit off.
        count_words: Counts the words of a search.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        max_cost: int,
        max_search_words: int,
        buckets: LeakyBuckets,
        count_words: CountWords,
    ) -> None:
        self.count_words = count_words
        self.schema = schema
        self.max_cost = max_cost
        self.max_search_words = max_search_words
        self.buckets = buckets
        self.refusals: Counter[str] = Counter()
        """How often operations were refused, by error code, for the metrics."""

    def charge(
        self, operation: Operation, variables: Mapping[str, Any] | None, caller: str
    ) -> Charge:
        """Add the operation's cost to the caller's bucket, unless it is too expensive."""
        if operation.query_cost is None:
            operation.query_cost = QueryCost(self.schema, operation, self.count_words)
        costs: OperationCost = operation.query_cost.get(variables)
        refusal = self.check_costs(costs)
        if refusal is not None:
            return Charge(costs, self.build_report(costs.cost, None), refusal)
        return self.take(costs, caller)

    def charge_without_operation(self, result: PreExecutionError, caller: str) -> Charge:
        """Charge a request that was refused before its cost was known.

        Checking an invalid document takes longer than finding out that, for example, a persisted
        document is unknown.
        """
        codes = {each.code for each in result.errors or () if isinstance(each, RequestError)}
        is_cheap = bool(codes) and "QUERY_TOO_EXPENSIVE" not in codes
        cost = MIN_OPERATION_COST if is_cheap else INVALID_DOCUMENT_COST
        return self.take(OperationCost(cost, 0), caller)

    def check_caller(self, caller: str) -> RequestError | None:
        """Return an error if the caller has no budget left for checking another document."""
        if not self.buckets.capacity:
            return None
        retry_after_ms = self.buckets.milliseconds_until(caller, MIN_OPERATION_COST)
        return self.build_rate_limit_error(retry_after_ms) if retry_after_ms else None

    def check_costs(self, costs: OperationCost) -> PreExecutionError | None:
        """Return a request error if one operation must not cost or search for so much."""
        if costs.search_words > self.max_search_words:
            message = (
                f"The operation searches for {costs.search_words} words; "
                f"the maximum is {self.max_search_words}."
            )
            requested, limit = costs.search_words, self.max_search_words
        else:
            highest = max(costs.cost, costs.update_cost + costs.item_cost)
            if highest <= self.max_cost:
                return None
            message = f"The operation costs {highest}; the maximum is {self.max_cost}."
            requested, limit = highest, self.max_cost
        self.refusals["QUERY_TOO_EXPENSIVE"] += 1
        return request_error_result(
            message, "QUERY_TOO_EXPENSIVE", requested=requested, limit=limit
        )

    def take(self, costs: OperationCost, caller: str) -> Charge:
        if not self.buckets.capacity:
            return Charge(costs, self.build_report(costs.cost, None), None)
        taken = self.buckets.take(caller, costs.cost)
        refusal = None
        if taken.retry_after_ms:
            refusal = PreExecutionError(None, [self.build_rate_limit_error(taken.retry_after_ms)])
        return Charge(costs, self.build_report(costs.cost, taken), refusal)

    def add(self, charge: Charge, caller: str, cost: int) -> None:
        """Charge a cost that became known only while the operation runs.

        The work is done in any case, so a full bucket overflows.
        """
        state = None
        if self.buckets.capacity:
            self.buckets.add(caller, cost)
            state = self.buckets.read(caller)
        charge.report = self.build_report(charge.report["requested"] + cost, state)

    def try_add(self, charge: Charge, caller: str, cost: int) -> int:
        """Charge the cost of work that has not begun, unless the bucket would overflow.

        Returns 0, or the milliseconds to wait; then nothing is charged. A bucket that is smaller
        than the cost must be empty.
        """
        capacity = self.buckets.capacity
        if capacity:
            # A bucket that is smaller than the cost must hold only this operation.
            room = capacity - charge.costs.cost
            wait_ms = self.buckets.milliseconds_until(caller, min(cost, max(0, room)))
            if wait_ms:
                self.refusals["RATE_LIMITED"] += 1
                return wait_ms
        self.add(charge, caller, cost)
        return 0

    @contextmanager
    def refund_if_repeated(self, charge: Charge, caller: str) -> Generator[None]:
        """If the block raises ViewerOutdated, let its handler give the cost back."""
        try:
            yield
        except ViewerOutdated as outdated:
            if self.buckets.capacity and charge.refusal is None:
                cost = charge.report["requested"]
                outdated.give_back = lambda: self.buckets.give_back(caller, cost)
            raise

    def build_report(self, cost: int, taken: RateLimitResult | None) -> Mapping[str, Any]:
        remaining = resets_at = None
        if taken is not None:
            remaining = taken.remaining
            resets_at = datetime.now(UTC) + timedelta(seconds=taken.reset_seconds)
        return {
            "requested": cost,
            "limit": self.buckets.capacity or None,
            "remaining": remaining,
            "resetAt": resets_at,
        }

    def build_rate_limit_error(self, retry_after_ms: int) -> RequestError:
        self.refusals["RATE_LIMITED"] += 1
        message = f"The rate limit is exceeded. Try again in {retry_after_ms} ms."
        return RequestError(message, "RATE_LIMITED", retryAfterMs=retry_after_ms)
