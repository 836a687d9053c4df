"""A running subscription.

It executes each item of its source and encodes the response as JSON, once for all subscribers that
share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from copy import copy
from typing import Any, cast

import orjson
from graphql import ExecutionResult, FieldNode, GraphQLError

from engine.execution.source import Source
from engine.graphql.errors import ErrorFormatter, has_unavailable_error
from engine.graphql.operation import Operation
from engine.limits.subscriptions import CostReservation


class ExecutionInterrupted(Exception):
    """Items could not be executed because of an outage. No response was made from them."""


MAX_COST_TOGETHER = 2000
"""The cost of the items that are executed together. A plan builds their responses without letting
other tasks run, which takes some 10 ms for this cost."""
ExecuteItems = Callable[[Any, Sequence[Any]], Awaitable[list[dict[str, Any]] | None]]
"""Takes a context and items of a source. Returns the data of each, or None."""


class SubscriptionExecution:
    """A validated subscription with an open source.

    Args:
        operation_key: See `build_operation_key`.
        personal_key: Identifies the viewer of a context, and its token. None if the operation has
            no personal field (see engine/graphql/personal_fields.py), so that viewers can share it.
        execute_items: Executes the selection for several items by a plan, with a context. Returns
            None if graphql-core must execute it.
    """

    def __init__(
        self,
        source: Source[Any],
        executor: Any,
        context: Any,
        errors: ErrorFormatter,
        operation_key: Hashable,
        personal_key: Callable[[Any], Hashable] | None = None,
        execute_items: ExecuteItems | None = None,
    ) -> None:
        self.source = source
        self.executor = executor
        self.context = context
        self.errors = errors
        self.operation_key = operation_key
        self.personal_key = personal_key
        self.execute_items = execute_items
        self.cost_reservation = CostReservation(caller="")
        """Set when the subscription is counted for its viewer."""

    @property
    def share_key(self) -> Hashable:
        """Subscriptions with equal keys can share one execution. None if it can't be shared.

        They have the same operation and variables, apart from the cursor to resume from, and
        their viewers see the same. With a personal field, they have the same viewer and token.
        """
        audience = self.source.share_key
        if audience is None:
            return None
        personal_key = None if self.personal_key is None else self.personal_key(self.context)
        return (self.operation_key, audience, personal_key)

    async def execute_batch(self, values: Sequence[Any]) -> list[bytes]:
        """Execute items together with new, shared loaders. Return the responses as JSON.

        Raises:
            ExecutionInterrupted: The database is unavailable.
        """
        self.context.renew_loaders()
        payloads: list[bytes] = []
        size = max(1, MAX_COST_TOGETHER // max(1, self.cost_reservation.item_cost))
        for start in range(0, len(values), size):
            payloads += await self.execute_together(values[start : start + size])
        return payloads

    async def execute_together(self, values: Sequence[Any]) -> list[bytes]:
        if self.execute_items is not None:
            data = await self.execute_items(self.context, values)
            if data is not None:
                return [encode_data({"data": each}) for each in data]
        results = await asyncio.gather(*(self.execute_item(value) for value in values))
        return [self.encode_result(result) for result in results]

    async def execute_item(self, value: Any) -> ExecutionResult:
        executor = self.executor.build_per_event_executor(value)
        result = executor.execute_operation(serially=False)
        return cast("ExecutionResult", await result if executor.is_awaitable(result) else result)

    def encode_result(self, result: ExecutionResult) -> bytes:
        if not result.errors:
            return encode_data({"data": result.data})
        self.errors.format_errors(result, self.context.request_id)
        if has_unavailable_error(result):
            raise ExecutionInterrupted
        errors = [error.formatted for error in result.errors or ()]
        return encode_data({"data": result.data, "errors": errors})

    def format_source_error(self, error: Exception) -> list[dict[str, Any]]:
        """The response errors for an exception that ended the source."""
        located = GraphQLError(str(error), original_error=error, path=[self.field_name])
        result = ExecutionResult(None, [located])
        self.errors.format_errors(result, self.context.request_id)
        return [cast("dict[str, Any]", each.formatted) for each in result.errors or ()]

    @property
    def field_name(self) -> str:
        selection = self.executor.operation.selection_set.selections[0]
        return selection.name.value if isinstance(selection, FieldNode) else ""

    def fork(self, context: Any, position: int) -> SubscriptionExecution:
        """The same subscription for one subscriber whose permissions have changed.

        Args:
            context: The subscriber's new request context.
            position: The subscriber has received everything up to this position.
        """
        executor = copy(self.executor)
        executor.context_value = context
        source = self.source.fork(context, position)
        key = self.operation_key
        fork = SubscriptionExecution(
            source, executor, context, self.errors, key, self.personal_key, self.execute_items
        )
        fork.cost_reservation = self.cost_reservation
        return fork

    def move(self, context: Any, position: int) -> SubscriptionExecution:
        """A fork that takes the place of this subscription, which ends."""
        try:
            return self.fork(context, position)
        finally:
            self.source.close()

    def discard(self) -> None:
        """Release everything, if no subscriber joins a group with this subscription."""
        self.source.close()
        self.cost_reservation.release()


def encode_data(response: Mapping[str, Any]) -> bytes:
    """A response as JSON, with times as responses over HTTP have them."""
    return orjson.dumps(response, option=orjson.OPT_UTC_Z)


def build_operation_key(
    operation: Operation, variables: Mapping[str, Any] | None, cursor_argument: str | None
) -> Hashable:
    """Equal for equal operations and variables. The cursor to resume from makes no difference."""
    compared = dict(variables or {})
    cursor_variable = operation.cursor_variable(cursor_argument) if cursor_argument else None
    if cursor_variable is not None:
        compared.pop(cursor_variable, None)
    encoded = orjson.dumps(compared, option=orjson.OPT_SORT_KEYS)
    return (operation.text, operation.name, encoded)
