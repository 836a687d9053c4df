"""Executes validated operations within limits on time and concurrency."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, GraphQLSchema, OperationType
from graphql.execution import create_source_event_stream
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.execution.core_executor import build_core_executor
from engine.execution.plans import CoreFallback, Planner
from engine.execution.subscription import SubscriptionExecution, build_operation_key
from engine.execution.timeout import SharedTimeout, TimeoutScope
from engine.graphql.errors import ErrorFormatter, RequestError
from engine.graphql.operation import Operation
from engine.graphql.personal_fields import find_personal_fields, has_field
from engine.graphql.response import as_graphql_error, request_error_result
from engine.limit_refusals import count_refusal
from engine.limits.concurrency import FairExecutor, PerCallerLimit
from engine.viewer_confirmation import ViewerOutdated, confirm_viewer

FAIR_SCHEDULING_COST_THRESHOLD = 100
"""Of the queries that cost more, each caller may run MAX_EXPENSIVE_QUERIES_PER_CALLER at once,
because their steps block the event loop for some milliseconds each."""
MAX_EXPENSIVE_QUERIES_PER_CALLER = 4
MAX_MUTATIONS_PER_CALLER = 8
"""The mutations of all callers compete for the same connections and row locks."""
MAX_INLINE_SCHEMA_OBJECTS = 2000
"""Introspection that returns more objects is executed in a worker thread. It may select no other
fields, because the thread can't read the database."""


class OperationExecutor:
    """Executes operations by compiled plans or by graphql-core.

    Args:
        timeout: For queries, and for starting subscriptions.
        worker: The worker thread for long introspection queries.
        limit_key: Returns the key under which the limits count a context's caller.
        token_key: Returns the key of the token that a context's viewer uses, if any.
        is_schema_hidden: Returns whether the viewer of a context may not see the schema.
    """

    planner: Planner | None = None
    """Executes operations by compiled plans. None if graphql-core executes all operations."""

    def __init__(
        self,
        schema: GraphQLSchema,
        timeout: SharedTimeout,
        worker: FairExecutor,
        limit_key: Callable[[Any], str],
        token_key: Callable[[Any], Hashable],
        is_schema_hidden: Callable[[Any], bool],
    ) -> None:
        self.schema = schema
        self.timeout = timeout
        self.worker = worker
        self.limit_key = limit_key
        self.token_key = token_key
        self.is_schema_hidden = is_schema_hidden
        self.expensive_query_limit = PerCallerLimit(MAX_EXPENSIVE_QUERIES_PER_CALLER)
        self.personal_fields = find_personal_fields(schema)
        self.mutation_limit = PerCallerLimit(MAX_MUTATIONS_PER_CALLER)

    async def execute(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any, cost: int
    ) -> ExecutionResult:
        """Execute a query or mutation.

        A mutation has no time limit: a client whose mutation times out could not know whether it
        was committed.

        Raises ViewerOutdated if the context's viewer is provisional and can't be confirmed. Only
        plans of queries are executed before the viewer is confirmed.
        """
        caller = self.limit_key(context)
        if operation.type is not OperationType.QUERY:
            await confirm_viewer(context)
            async with self.mutation_limit.semaphore_of(caller):
                return await self.execute_unlimited(operation, variables, context)
        try:
            with TimeoutScope(self.timeout):
                if cost <= FAIR_SCHEDULING_COST_THRESHOLD:
                    result = await self.execute_unlimited(operation, variables, context)
                else:
                    async with self.expensive_query_limit.semaphore_of(caller):
                        result = await self.execute_unlimited(operation, variables, context)
                await confirm_viewer(context)  # a plan without a statement has not confirmed it
                return result
        except TimeoutError:
            return ExecutionResult(None, [self.build_timeout_error(context)])

    async def execute_unlimited(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult:
        try:
            outcome: dict[str, Any] | CoreFallback
            if self.planner is None:
                outcome = CoreFallback()
            else:
                outcome = await self.planner.execute(operation, variables, context)
            if not isinstance(outcome, CoreFallback):
                return ExecutionResult(outcome, None)
            await confirm_viewer(context)
            return await self.execute_by_core(operation, variables, context, outcome)
        except ViewerOutdated:
            raise
        except Exception as error:
            return ExecutionResult(None, [as_graphql_error(error)])

    async def execute_by_core(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Any,
        fallback: CoreFallback,
    ) -> ExecutionResult:
        executor = self.build_core_executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        result: Any
        if operation.query_cost.schema_objects > MAX_INLINE_SCHEMA_OBJECTS:
            if not operation.query_cost.is_introspection_only:
                message = "A long introspection query must not select other fields."
                return request_error_result(message, "BAD_REQUEST")
            result = await self.worker.run(self.limit_key(context), executor.execute_operation)
        else:
            middleware = fallback.build_middleware()
            if middleware is not None:
                executor.middleware_manager = middleware
            result = executor.execute_operation()
        result = await result if executor.is_awaitable(result) else result
        return ExecutionResult(result.data, result.errors)

    def build_core_executor(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> Any:
        """See `build_core_executor` in core_executor.py."""
        hide_suggestions = self.is_schema_hidden(context)
        return build_core_executor(
            self.schema, operation, variables, context, hide_suggestions=hide_suggestions
        )

    def build_timeout_error(self, context: Any) -> GraphQLError:
        count_refusal("operation_seconds")
        message = f"The operation took more than {self.timeout.seconds:g} seconds."
        return RequestError(message, "UNAVAILABLE", requestId=context.request_id)

    async def subscribe(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Any,
        error_formatter: ErrorFormatter,
    ) -> SubscriptionExecution | PreExecutionError:
        """Call the resolver of a subscription, which opens its source."""
        executor = self.build_core_executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        scope = TimeoutScope(self.timeout)
        try:
            with scope:
                source: Any = create_source_event_stream(executor)
                source = await source if executor.is_awaitable(source) else source
        except TimeoutError as error:
            is_timeout = scope.expired  # or else the resolver has raised it
            reported = self.build_timeout_error(context) if is_timeout else as_graphql_error(error)
            return PreExecutionError(None, [reported])
        if isinstance(source, CoreResult):
            return PreExecutionError(None, source.errors)
        key = build_operation_key(operation, variables, source.cursor_argument)
        is_personal = has_field(operation.document, self.personal_fields)
        personal_key = self.personal_key if is_personal else None
        execute_items = None
        if self.planner is not None:
            execute_items = partial(self.planner.execute_items, operation, executor.variable_values)
        return SubscriptionExecution(
            source, executor, context, error_formatter, key, personal_key, execute_items
        )

    def personal_key(self, context: Any) -> Hashable:
        """A key of the viewer and its token, on which the values of personal fields depend."""
        return (self.limit_key(context), self.token_key(context))
