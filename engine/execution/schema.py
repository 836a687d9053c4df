"""The one way from a text to its answer, for HTTP, event streams and sockets alike: found, checked, run, shown.

Strawberry keeps the schema; its own way of running operations, with extensions around them, costs 320 µs and is passed by.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import strawberry
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, OperationType
from graphql.execution import create_source_event_stream
from graphql.execution.values import VariableValues
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.execution.plans.planner import Planner, Plans, Resolved, Unplanned
from engine.execution.subscription import SubscriptionExecution, operation_key
from engine.execution.timeout import SharedTimeout, TimeoutScope
from engine.graphql.cost import QueryCost
from engine.graphql.document_cache import DocumentCache
from engine.graphql.document_limits import DocumentLimits
from engine.graphql.errors import ErrorFormatter, ExplainError, IsOutage, RequestError
from engine.graphql.operation import Operation, log_operation
from engine.graphql.persisted_documents import PersistedDocuments
from engine.graphql.request import GraphQLRequest, has_more_values
from engine.graphql.response import as_graphql_error, request_error_result
from engine.limits.concurrency import PerCallerLimit
from engine.limits.rate import LeakyBuckets, address_key

OPERATION_TYPE_PLURALS = {OperationType.QUERY: "queries", OperationType.MUTATION: "mutations", OperationType.SUBSCRIPTION: "subscriptions"}
MAX_VARIABLE_VALUES = 2500
"""Of the variables of an operation, which are coerced one by one, within some 30 ms where each makes an object."""
EXPENSIVE_QUERY_COST = 50
"""What a query costs from which on a caller's take turns: its steps hold the loop for some ms, and those of all come together."""
MAX_EXPENSIVE_QUERIES_PER_CALLER = 4
MAX_MUTATIONS_PER_CALLER = 8
"""Of a caller's, for transactions stand in line for connections and rows, and everybody's stand in the same."""
MAX_INLINE_SCHEMA_OBJECTS = 2000
"""Objects of the schema that are told at once; more are told off the loop, from which the database can't be asked."""
SUBSCRIPTIONS = (OperationType.SUBSCRIPTION,)


class PerEventExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core 3.3.2 copies the executor for each event of a subscription, and all copies share one dict of collected
    sub-fields, keyed by objects of the event: it grows by some 5 KiB an event for as long as the subscription lives."""

    def build_per_event_executor(self, payload: Any) -> Any:
        executor: Any = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


class Schema(strawberry.Schema):
    """`closed` says whether the schema is to be kept from the caller of a context: no introspection, no suggestions.

    `viewer` is one word for who calls, None for a stranger. `works_for` is told, in its task, for whom an operation is answered.
    """

    planner: Planner | None = None
    """Answers in graphql-core's place where it can."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, execution_context_class=PerEventExecutor, **named)
        self.configure()

    def with_options(self, **options: Any) -> Schema:
        """A schema with the same types, whose operations are run with these options of `configure`."""
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
        self.error_formatter = ErrorFormatter(explain_error, is_outage)
        self.is_outage = is_outage
        self.is_schema_hidden = is_schema_hidden
        self.viewer_key = viewer_key
        self.max_cost = max_cost
        self.buckets = buckets or LeakyBuckets(0, 1)
        self.persisted_documents = persisted_documents or PersistedDocuments()
        self.timeout = SharedTimeout(timeout_seconds)
        self.set_caller = set_caller
        self.expensive_queries = PerCallerLimit(MAX_EXPENSIVE_QUERIES_PER_CALLER)
        self.mutations = PerCallerLimit(MAX_MUTATIONS_PER_CALLER)
        self.document_cache = DocumentCache(self._schema, document_limits or DocumentLimits())

    def caller_key(self, context: Any) -> str:
        """By whom what is used is counted: a viewer, or a stranger's address."""
        return self.viewer_key(context) or address_key(context.address)

    async def get_operation_type(self, asked: GraphQLRequest, context: Any) -> OperationType | None:
        """What is asked for; None where that is not told, which the answer will say. Nothing is run or counted."""
        found = await self.find_operation(asked, context, schema_hidden=self.is_schema_hidden(context))
        return found.type if isinstance(found, Operation) else None

    async def is_query(self, asked: GraphQLRequest, context: Any) -> bool:
        return await self.get_operation_type(asked, context) is OperationType.QUERY

    async def find_operation(self, asked: GraphQLRequest, context: Any, *, schema_hidden: bool) -> Operation | GraphQLError:
        """The error is returned, not raised: it is the kept document's, and would keep what it was raised through."""
        try:
            text = await self.persisted_documents.find_text(asked.query, asked.extensions)
            document = self.document_cache.get_cached(text, schema_hidden=schema_hidden)
            if document is None:
                document = await self.document_cache.load(text, schema_hidden=schema_hidden, caller=self.caller_key(context))
            return document.error or document.get_operation(asked.operation_name)
        except RequestError as error:
            return error

    async def require_operation(self, asked: GraphQLRequest, context: Any, kinds: Sequence[OperationType]) -> Operation | PreExecutionError:
        """The operation, if it may be run."""
        closed = self.is_schema_hidden(context)  # once, for the caller may become another one meanwhile
        operation = await self.find_operation(asked, context, schema_hidden=closed)
        if not isinstance(operation, Operation):
            return PreExecutionError(None, [operation])
        if operation.type not in kinds:
            return request_error_result(f"{OPERATION_TYPE_PLURALS[operation.type]} are not allowed", "BAD_REQUEST")
        wrong = operation.validation_errors[closed]
        if wrong:
            return PreExecutionError(None, list(wrong))
        self.persisted_documents.register(asked.query, asked.extensions)
        if asked.variables and has_more_values(asked.variables, MAX_VARIABLE_VALUES):
            return request_error_result(f"Variables hold at most {MAX_VARIABLE_VALUES} values.", "BAD_REQUEST", limit=MAX_VARIABLE_VALUES)
        return operation

    async def execute_request(self, asked: GraphQLRequest, context: Any, kinds: Sequence[OperationType]) -> ExecutionResult:
        """One answer to a query or mutation; a PreExecutionError where it was not run. Operations of other kinds are refused."""
        started = time.perf_counter()
        context.refresh()
        self.set_caller(self.caller_key(context))
        operation = await self.require_operation(asked, context, kinds)
        charged: dict[str, Any] = {}
        if isinstance(operation, Operation):
            refusal = self.charge(operation, asked.variables, context, charged)
            result = refusal or await self.execute_within_limits(operation, asked.variables, context, charged["cost"]["requested"])
        else:
            result, operation = operation, None
        if result.errors:
            self.error_formatter.format_errors(result, context.request_id, schema_hidden=self.is_schema_hidden(context), executed=operation is not None)
        result.extensions = {"requestId": context.request_id, **charged}
        log_operation(context.request_id, operation, result, started)
        return result

    def charge(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any, told: dict[str, Any]
    ) -> PreExecutionError | None:
        """Count what it costs, unless that is too much; `told` is given what the caller is told of it."""
        if operation.query_cost is None:
            operation.query_cost = QueryCost(self._schema, operation)
        cost = operation.query_cost.get(variables)
        told["cost"] = {"requested": cost, "limit": self.buckets.capacity or None, "remaining": None, "resetAt": None}
        if cost > self.max_cost:
            what = f"An operation costs at most {self.max_cost}; this one would cost {cost}."
            return request_error_result(what, "QUERY_TOO_EXPENSIVE", requested=cost, limit=self.max_cost)
        if not self.buckets.capacity:
            return None
        taken = self.buckets.take(self.caller_key(context), cost)
        told["cost"]["remaining"] = taken.remaining
        told["cost"]["resetAt"] = datetime.now(UTC) + timedelta(seconds=taken.reset_seconds)
        if taken.retry_after_ms:
            return request_error_result("Too much at once; try again later.", "RATE_LIMITED", retryAfterMs=taken.retry_after_ms)
        return None

    async def execute_within_limits(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any, cost: int) -> ExecutionResult:
        """Queries end after some seconds. Mutations are not cut off: who is told of that could not know what was done."""
        if operation.type is not OperationType.QUERY:
            async with self.mutations.semaphore_of(self.caller_key(context)):
                return await self.execute_operation(operation, variables, context)
        try:
            with TimeoutScope(self.timeout):
                if cost <= EXPENSIVE_QUERY_COST:
                    return await self.execute_operation(operation, variables, context)
                async with self.expensive_queries.semaphore_of(self.caller_key(context)):
                    return await self.execute_operation(operation, variables, context)
        except TimeoutError:
            return ExecutionResult(None, [self.timeout_error(context)])

    async def execute_operation(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> ExecutionResult:
        plans = self.planner.plans(operation) if self.planner is not None else None
        try:
            values = plans.variables.values(variables) if plans is not None else None
            if plans is None or values is None:  # graphql-core says what is wrong with them
                return await self.execute_by_core(operation, variables, context)
            return await self.execute_by_plan(plans, values, operation, variables, context)
        except Exception as error:
            return ExecutionResult(None, [as_graphql_error(error)])

    async def execute_by_plan(
        self, plans: Plans, values: VariableValues, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult:
        assert self.planner is not None
        try:
            return ExecutionResult(await self.planner.data(plans, context, values), None)
        except Unplanned as unplanned:
            resolved = unplanned.resolved
        if not resolved:
            context.refresh()  # what the plan read may be half of it
        return await self.execute_by_core(operation, variables, context, resolved)

    async def execute_by_core(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Any,
        resolved: Mapping[str, Any] | None = None,
    ) -> ExecutionResult:
        """`resolved` is what functions at the root gave already."""
        executor = self.build_core_executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        if operation.query_cost.schema_objects > MAX_INLINE_SCHEMA_OBJECTS:
            if not operation.query_cost.is_introspection_only:
                return request_error_result("Ask for the schema in an operation of its own.", "BAD_REQUEST")
            found: Any = await self.document_cache.executor.run(self.caller_key(context), executor.execute_operation)
        else:
            if resolved:
                # verbs leave what they wrote with the loaders, for those who may write and not read
                executor.middleware_manager = Resolved(resolved)
            found = executor.execute_operation()
        result = await found if executor.is_awaitable(found) else found
        return ExecutionResult(result.data, result.errors)

    def timeout_error(self, context: Any) -> GraphQLError:
        return RequestError(f"It took more than {self.timeout.seconds:g} seconds.", "UNAVAILABLE", requestId=context.request_id)

    def build_core_executor(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> Any:
        """graphql-core's, with the variables coerced; a PreExecutionError where they are wrong."""
        found: Any = PerEventExecutor.build(
            self._schema,
            operation.document,
            None,
            context,
            dict(variables) if variables else None,
            operation.name,
            is_awaitable=cast("Any", optimized_is_awaitable),
            hide_suggestions=self.is_schema_hidden(context),
        )
        return PreExecutionError(None, found) if isinstance(found, list) else found

    async def start_subscription(
        self, asked: GraphQLRequest, context: Any, resume_from: str | None = None
    ) -> SubscriptionExecution | ExecutionResult:
        """Begin a subscription and leave its source unread, or say why it can't begin.

        A cursor to resume from stands in for the field's own argument, where it has one.
        """
        started = time.perf_counter()
        context.resume_from = resume_from
        context.refresh()
        self.set_caller(self.caller_key(context))
        operation = await self.require_operation(asked, context, SUBSCRIPTIONS)
        outcome: SubscriptionExecution | ExecutionResult
        if isinstance(operation, PreExecutionError):
            outcome = operation
        else:
            refusal = self.charge(operation, asked.variables, context, {})
            outcome = refusal or await self.open_source(operation, asked.variables, context)
        began = operation if isinstance(operation, Operation) else None
        if isinstance(outcome, ExecutionResult):
            self.error_formatter.format_errors(outcome, context.request_id, schema_hidden=self.is_schema_hidden(context), executed=began is not None)
        log_operation(context.request_id, began, outcome if isinstance(outcome, ExecutionResult) else None, started)
        return outcome

    async def open_source(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> SubscriptionExecution | PreExecutionError:
        executor = self.build_core_executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        clock = TimeoutScope(self.timeout)
        try:
            with clock:
                source: Any = create_source_event_stream(executor)
                source = await source if executor.is_awaitable(source) else source
        except TimeoutError as error:
            return PreExecutionError(None, [self.timeout_error(context) if clock.expired else as_graphql_error(error)])
        if isinstance(source, CoreResult):
            return PreExecutionError(None, source.errors)
        return SubscriptionExecution(
            source, executor, context, self.error_formatter, operation_key(operation, variables, source.cursor_argument)
        )
