"""One operation that follows a source: its items executed to ready JSON, for all who ask for the same and may see the same."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from typing import Any, cast

import orjson
from graphql import ExecutionResult, FieldNode, GraphQLError

from engine.execution.source import Source
from engine.graphql.errors import ErrorFormatter, has_unavailable_error
from engine.graphql.operation import Operation


class ExecutionInterrupted(Exception):
    """Items could not be executed for an outage; nothing was told of them."""


class SubscriptionExecution:
    """A subscription that was validated and begun.

    `key` is equal for those that may share this one: the same document, operation and variables but for the cursor to resume
    from, and the same audience; None for what nobody may share.
    """

    def __init__(
        self,
        source: Source[Any],
        executor: Any,
        context: Any,
        errors: ErrorFormatter,
        operation: Hashable,
    ) -> None:
        self.source = source
        self.executor = executor
        self.context = context
        self.errors = errors
        self.operation = operation

    @property
    def share_key(self) -> Hashable:
        audience = self.source.share_key
        return None if audience is None else (self.operation, audience)

    async def execute_batch(self, values: Sequence[Any]) -> list[bytes]:
        """What is told of the items, in order, as JSON. All read through one set of loaders, made when the items were known.

        Raises Interrupted where the database was away.
        """
        self.context.refresh()
        results = await asyncio.gather(*(self.execute_item(value) for value in values))
        return [self.encode_result(result) for result in results]

    async def execute_item(self, value: Any) -> ExecutionResult:
        executor = self.executor.build_per_event_executor(value)
        result = executor.execute_operation(False)
        return cast("ExecutionResult", await result if executor.is_awaitable(result) else result)

    def encode_result(self, result: ExecutionResult) -> bytes:
        if not result.errors:
            return orjson.dumps({"data": result.data})
        self.errors.format_errors(result, self.context.request_id)
        if has_unavailable_error(result):
            raise ExecutionInterrupted
        return orjson.dumps(
            {"data": result.data, "errors": [error.formatted for error in result.errors or ()]}
        )

    def format_source_error(self, error: Exception) -> list[dict[str, Any]]:
        """What clients are told of the exception that ended the source."""
        result = ExecutionResult(
            None, [GraphQLError(str(error), original_error=error, path=[self.field_name])]
        )
        self.errors.format_errors(result, self.context.request_id)
        return [cast("dict[str, Any]", each.formatted) for each in result.errors or ()]

    @property
    def field_name(self) -> str:
        selection = self.executor.operation.selection_set.selections[0]
        return selection.name.value if isinstance(selection, FieldNode) else ""

    def fork(self, context: Any, position: int) -> SubscriptionExecution:
        """The same for one subscriber who was told everything up to a position and whose rights are another's now."""
        executor = copy(self.executor)
        executor.context_value = context
        return SubscriptionExecution(
            self.source.fork(context, position), executor, context, self.errors, self.operation
        )


def operation_key(
    operation: Operation, variables: Mapping[str, Any] | None, cursor_argument: str | None
) -> Hashable:
    """Equal for operations that ask for the same; where they resume from makes no difference."""
    given = dict(variables or {})
    resumed = operation.cursor_variable(cursor_argument) if cursor_argument else None
    if resumed is not None:
        given.pop(resumed, None)
    return (operation.text, operation.name, orjson.dumps(given, option=orjson.OPT_SORT_KEYS))
