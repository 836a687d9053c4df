"""The path of every operation, for HTTP, server-sent events and WebSockets alike.

The operation is looked up, its cost is charged, it is executed, and its errors are formatted.
Strawberry builds the schema. Its own execution with extensions is not used, because it takes 320 µs
for each operation.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import strawberry
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, OperationType
from graphql.execution import create_source_event_stream
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.execution.core_executor import CoreExecutor, build_core_executor
from engine.execution.cost_limit import CostLimit
from engine.execution.operation_lookup import OperationLookup
from engine.execution.plans import Planner, Unplanned
from engine.execution.subscription import SubscriptionExecution, operation_key
from engine.execution.timeout import SharedTimeout, TimeoutScope
from engine.graphql.document_cache import DocumentCache
from engine.graphql.document_limits import DocumentLimits
from engine.graphql.errors import ErrorFormatter, ExplainError, IsOutage, RequestError
from engine.graphql.operation import SUBSCRIPTIONS, Operation, log_operation
from engine.graphql.persisted_documents import PersistedDocuments
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import as_graphql_error, request_error_result
from engine.limits.concurrency import PerCallerLimit
from engine.limits.rate import LeakyBuckets, address_key

EXPENSIVE_QUERY_COST = 50
"""Queries that cost more are scheduled fairly, because their steps block the event loop for some
milliseconds each."""
MAX_EXPENSIVE_QUERIES_PER_CALLER = 4
MAX_MUTATIONS_PER_CALLER = 8
"""Mutations of all callers wait for the same connections and row locks."""
MAX_INLINE_SCHEMA_OBJECTS = 2000
"""Introspection that returns more objects is executed in a worker thread, which has no database."""


class Schema(strawberry.Schema):
    """A Strawberry schema that executes operations within limits."""

    planner: Planner | None = None
    """Executes operations in graphql-core's place if it can."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, execution_context_class=CoreExecutor, **kwargs)
        self.configure()

    def with_options(self, **options: Any) -> Schema:
        """A schema with the same types that executes operations with options of `configure`."""
        schema = copy.copy(self)
        schema.configure(**options)
        return schema

    def configure(
        self,
        *,
        explain_error: ExplainError = lambda _: None,
        is_outage: IsOutage = lambda _: False,
        is_schema_hidden: Callable[[Any], bool] = lambda _: False,
        viewer_key: Callable[[Any], str | None] = lambda _: None,
        document_limits: DocumentLimits | None = None,
        max_cost: int = 1000,
        buckets: LeakyBuckets | None = None,
        persisted_documents: PersistedDocuments | None = None,
        timeout_seconds: float = 10.0,
        set_caller: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Set how operations are executed.

        Args:
            explain_error: Describes the application's own exceptions to clients.
            is_outage: Tells whether an exception means an outage of the database.
            is_schema_hidden: Tells whether the caller of a context may not see the schema. They
                get no introspection and no suggestions in errors.
            viewer_key: Returns the key of a context's viewer; None if the caller is anonymous.
            document_limits: Limits on the size and nesting of documents.
            max_cost: The maximum query cost of one operation.
            buckets: The rate limit of each caller, in query cost.
            persisted_documents: The documents that requests may name by a hash.
            timeout_seconds: For queries, and for starting subscriptions.
            set_caller: Called in the task that executes an operation, with the caller's key.
        """
        self.error_formatter = ErrorFormatter(explain_error, is_outage)
        self.is_outage = is_outage
        self.is_schema_hidden = is_schema_hidden
        self.viewer_key = viewer_key
        self.buckets = buckets or LeakyBuckets(0, 1)
        self.persisted_documents = persisted_documents or PersistedDocuments()
        self.timeout = SharedTimeout(timeout_seconds)
        self.set_caller = set_caller
        self.expensive_queries = PerCallerLimit(MAX_EXPENSIVE_QUERIES_PER_CALLER)
        self.mutations = PerCallerLimit(MAX_MUTATIONS_PER_CALLER)
        self.document_cache = DocumentCache(self._schema, document_limits or DocumentLimits())
        self.operation_lookup = OperationLookup(self.persisted_documents, self.document_cache)
        self.cost_limit = CostLimit(self._schema, max_cost, self.buckets)

    def caller_key(self, context: Any) -> str:
        """The key under which a caller's use is counted: the viewer, or the client's address."""
        return self.viewer_key(context) or address_key(context.address)

    # ------------------------------------------------------------ before execution

    async def get_operation_type(
        self, request: GraphQLRequest, context: Any
    ) -> OperationType | None:
        """The type of the requested operation, without executing or charging it.

        None if the document or the operation is invalid; `execute_request` reports the error.
        """
        operation = await self.operation_lookup.find(
            request, self.caller_key(context), schema_hidden=self.is_schema_hidden(context)
        )
        return operation.type if isinstance(operation, Operation) else None

    async def is_query(self, request: GraphQLRequest, context: Any) -> bool:
        return await self.get_operation_type(request, context) is OperationType.QUERY

    async def require_operation(
        self, request: GraphQLRequest, context: Any, allowed_types: Sequence[OperationType]
    ) -> Operation | PreExecutionError:
        return await self.operation_lookup.require(
            request,
            allowed_types,
            self.caller_key(context),
            schema_hidden=self.is_schema_hidden(context),
        )

    # ------------------------------------------------------------ queries and mutations

    async def execute_request(
        self, request: GraphQLRequest, context: Any, allowed_types: Sequence[OperationType]
    ) -> ExecutionResult:
        """Execute a query or mutation.

        Returns:
            The result; a PreExecutionError if the operation was not executed, for example because
            its type is not among `allowed_types`.
        """
        started = time.perf_counter()
        context.refresh()
        self.set_caller(self.caller_key(context))
        operation = await self.require_operation(request, context, allowed_types)
        extensions: dict[str, Any] = {"requestId": context.request_id}
        if isinstance(operation, Operation):
            charge = self.cost_limit.charge(operation, request.variables, self.caller_key(context))
            extensions["cost"] = charge.report
            result = charge.refusal or await self.execute_within_limits(
                operation, request.variables, context, charge.cost
            )
        else:
            result, operation = operation, None
        self.format_errors(result, context, executed=operation is not None)
        result.extensions = extensions
        log_operation(context.request_id, operation, result, started)
        return result

    def format_errors(self, result: ExecutionResult, context: Any, *, executed: bool) -> None:
        if result.errors:
            self.error_formatter.format_errors(
                result,
                context.request_id,
                schema_hidden=self.is_schema_hidden(context),
                executed=executed,
            )

    async def execute_within_limits(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Any,
        cost: int,
    ) -> ExecutionResult:
        """Execute with the limits on concurrency and, for queries, on time.

        A mutation has no time limit: a client whose mutation times out could not know whether it
        was committed.
        """
        caller = self.caller_key(context)
        if operation.type is not OperationType.QUERY:
            async with self.mutations.semaphore_of(caller):
                return await self.execute_operation(operation, variables, context)
        try:
            with TimeoutScope(self.timeout):
                if cost <= EXPENSIVE_QUERY_COST:
                    return await self.execute_operation(operation, variables, context)
                async with self.expensive_queries.semaphore_of(caller):
                    return await self.execute_operation(operation, variables, context)
        except TimeoutError:
            return ExecutionResult(None, [self.timeout_error(context)])

    async def execute_operation(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult:
        try:
            outcome: dict[str, Any] | Unplanned = Unplanned()
            if self.planner is not None:
                outcome = await self.planner.execute(operation, variables, context)
            if not isinstance(outcome, Unplanned):
                return ExecutionResult(outcome, None)
            return await self.execute_by_core(operation, variables, context, outcome)
        except Exception as error:
            return ExecutionResult(None, [as_graphql_error(error)])

    async def execute_by_core(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Any,
        unplanned: Unplanned,
    ) -> ExecutionResult:
        executor = self.build_executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        result: Any
        if operation.query_cost.schema_objects > MAX_INLINE_SCHEMA_OBJECTS:
            if not operation.query_cost.is_introspection_only:
                message = "A long introspection query must not select other fields."
                return request_error_result(message, "BAD_REQUEST")
            worker = self.document_cache.executor
            result = await worker.run(self.caller_key(context), executor.execute_operation)
        else:
            middleware = unplanned.middleware()
            if middleware is not None:
                executor.middleware_manager = middleware
            result = executor.execute_operation()
        result = await result if executor.is_awaitable(result) else result
        return ExecutionResult(result.data, result.errors)

    def build_executor(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> Any:
        hide_suggestions = self.is_schema_hidden(context)
        return build_core_executor(
            self._schema, operation, variables, context, hide_suggestions=hide_suggestions
        )

    def timeout_error(self, context: Any) -> GraphQLError:
        message = f"The operation took more than {self.timeout.seconds:g} seconds."
        return RequestError(message, "UNAVAILABLE", requestId=context.request_id)

    # ------------------------------------------------------------ subscriptions

    async def start_subscription(
        self, request: GraphQLRequest, context: Any, resume_from: str | None = None
    ) -> SubscriptionExecution | ExecutionResult:
        """Start a subscription, without reading its source.

        Args:
            request: The request; only subscriptions are allowed.
            context: The request context.
            resume_from: A cursor, used instead of the root field's own cursor argument.

        Returns:
            The subscription; an ExecutionResult with errors if it can't be started.
        """
        started = time.perf_counter()
        context.resume_from = resume_from
        context.refresh()
        self.set_caller(self.caller_key(context))
        operation = await self.require_operation(request, context, SUBSCRIPTIONS)
        if isinstance(operation, PreExecutionError):
            self.format_errors(operation, context, executed=False)
            log_operation(context.request_id, None, operation, started)
            return operation
        charge = self.cost_limit.charge(operation, request.variables, self.caller_key(context))
        outcome = charge.refusal or await self.open_source(operation, request.variables, context)
        if isinstance(outcome, ExecutionResult):
            self.format_errors(outcome, context, executed=True)
            log_operation(context.request_id, operation, outcome, started)
        else:
            log_operation(context.request_id, operation, None, started)
        return outcome

    async def open_source(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> SubscriptionExecution | PreExecutionError:
        executor = self.build_executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        scope = TimeoutScope(self.timeout)
        try:
            with scope:
                source: Any = create_source_event_stream(executor)
                source = await source if executor.is_awaitable(source) else source
        except TimeoutError as error:
            reported = self.timeout_error(context) if scope.expired else as_graphql_error(error)
            return PreExecutionError(None, [reported])
        if isinstance(source, CoreResult):
            return PreExecutionError(None, source.errors)
        key = operation_key(operation, variables, source.cursor_argument)
        return SubscriptionExecution(source, executor, context, self.error_formatter, key)
