"""Strawberry's schema and graphql-core's executor, mended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType


class PerEventExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core 3.3.2 copies the executor for each event of a subscription, and all copies share one dict of collected
    sub-fields, keyed by objects of the event: it grows by some 5 KiB an event for as long as the subscription lives."""

    def build_per_event_executor(self, payload: Any) -> Any:
        executor: Any = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


class Schema(strawberry.Schema):
    async def execute(  # pyright: ignore[reportIncompatibleMethodOverride] - the view passes all but the query by name
        self, query: str | None, *, allowed_operation_types: Iterable[OperationType] | None = None, **given: Any
    ) -> ExecutionResult:
        """One answer. Strawberry would run a subscription that comes in a POST as if it were a query."""
        allowed = set(allowed_operation_types or OperationType) - {OperationType.SUBSCRIPTION}
        return await super().execute(query, allowed_operation_types=allowed, **given)

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Errors are logged where they are masked (engine/errors), with their request id."""
