"""graphql-core's executor, which executes what compiled plans don't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from graphql import GraphQLSchema
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import PreExecutionError

from engine.graphql.operation import Operation


class CoreExecutor(StrawberryGraphQLCoreExecutionContext):
    """Works around a memory leak of graphql-core 3.3.2. We know of no upstream issue.

    graphql-core copies the executor for each event of a subscription. All copies share one dict of
    collected sub-fields, keyed by objects of the event. It grows by about 5 KiB for each event as
    long as the subscription lives.
    """

    def build_per_event_executor(self, payload: Any) -> Any:
        executor: Any = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


def build_core_executor(
    schema: GraphQLSchema,
    operation: Operation,
    variables: Mapping[str, Any] | None,
    context: Any,
    *,
    hide_suggestions: bool,
) -> Any:
    """Return an executor with coerced variables; a PreExecutionError if they are invalid."""
    executor: Any = CoreExecutor.build(
        schema,
        operation.document,
        None,
        context,
        dict(variables) if variables else None,
        operation.name,
        is_awaitable=cast("Any", optimized_is_awaitable),
        hide_suggestions=hide_suggestions,
    )
    return PreExecutionError(None, executor) if isinstance(executor, list) else executor
