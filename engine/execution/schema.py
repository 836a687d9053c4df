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
from engine.execution.timeout import SharedTimeout, Timed
from engine.graphql.cost import QueryCost
from engine.graphql.document_cache import DocumentCache
from engine.graphql.document_limits import DocumentLimits
from engine.graphql.errors import ErrorFormatter, Explain, IsOutage, RequestError
from engine.graphql.operation import Operation, log_operation
from engine.graphql.persisted_documents import PersistedDocuments
from engine.graphql.request import GraphQLRequest, holds_more
from engine.graphql.response import located, not_run
from engine.limits.concurrency import PerCallerLimit
from engine.limits.rate import LeakyBuckets, address_key

PLURALS = {OperationType.QUERY: "queries", OperationType.MUTATION: "mutations", OperationType.SUBSCRIPTION: "subscriptions"}
MOST_VALUES = 2500
"""Of the variables of an operation, which are coerced one by one, within some 30 ms where each makes an object."""
DEAR = 50
"""What a query costs from which on a caller's take turns: its steps hold the loop for some ms, and those of all come together."""
DEAR_AT_ONCE = 4
MUTATIONS_AT_ONCE = 8
"""Of a caller's, for transactions stand in line for connections and rows, and everybody's stand in the same."""
SCHEMA_AT_ONCE = 2000
"""Objects of the schema that are told at once; more are told off the loop, from which the database can't be asked."""
FOLLOWED = (OperationType.SUBSCRIPTION,)


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

    def configured(self, **options: Any) -> Schema:
        """A schema with the same types, whose operations are run with these options of `configure`."""
        schema = copy.copy(self)
        schema.configure(**options)
        return schema

    def configure(
        self,
        *,
        explain: Explain = lambda _: None,
        is_outage: IsOutage = lambda _: False,
        closed: Callable[[Any], bool] = lambda _: False,
        viewer: Callable[[Any], str | None] = lambda _: None,
        bounds: DocumentLimits | None = None,
        most_cost: int = 1000,
        buckets: LeakyBuckets | None = None,
        trusted: PersistedDocuments | None = None,
        seconds: float = 10.0,
        works_for: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.errors = ErrorFormatter(explain, is_outage)
        self.is_outage = is_outage
        self.closed = closed
        self.viewer = viewer
        self.most_cost = most_cost
        self.buckets = buckets or LeakyBuckets(0, 1)
        self.trusted = trusted or PersistedDocuments()
        self.deadline = SharedTimeout(seconds)
        self.works_for = works_for
        self.queries = PerCallerLimit(DEAR_AT_ONCE)
        self.mutations = PerCallerLimit(MUTATIONS_AT_ONCE)
        self.documents = DocumentCache(self._schema, bounds or DocumentLimits())

    def caller(self, context: Any) -> str:
        """By whom what is used is counted: a viewer, or a stranger's address."""
        return self.viewer(context) or address_key(context.address)

    async def kind(self, asked: GraphQLRequest, context: Any) -> OperationType | None:
        """What is asked for; None where that is not told, which the answer will say. Nothing is run or counted."""
        found = await self.found(asked, context, closed=self.closed(context))
        return found.kind if isinstance(found, Operation) else None

    async def reads(self, asked: GraphQLRequest, context: Any) -> bool:
        return await self.kind(asked, context) is OperationType.QUERY

    async def found(self, asked: GraphQLRequest, context: Any, *, closed: bool) -> Operation | GraphQLError:
        """The error is returned, not raised: it is the kept document's, and would keep what it was raised through."""
        try:
            text = await self.trusted.text(asked.query, asked.extensions)
            document = self.documents.known(text, closed=closed)
            if document is None:
                document = await self.documents.find(text, closed=closed, who=self.caller(context))
            return document.broken or document.named(asked.operation_name)
        except RequestError as error:
            return error

    async def checked(self, asked: GraphQLRequest, context: Any, kinds: Sequence[OperationType]) -> Operation | PreExecutionError:
        """The operation, if it may be run."""
        closed = self.closed(context)  # once, for the caller may become another one meanwhile
        operation = await self.found(asked, context, closed=closed)
        if not isinstance(operation, Operation):
            return PreExecutionError(None, [operation])
        if operation.kind not in kinds:
            return not_run(f"{PLURALS[operation.kind]} are not allowed", "BAD_REQUEST")
        wrong = operation.errors[closed]
        if wrong:
            return PreExecutionError(None, list(wrong))
        self.trusted.keep(asked.query, asked.extensions)
        if asked.variables and holds_more(asked.variables, MOST_VALUES):
            return not_run(f"Variables hold at most {MOST_VALUES} values.", "BAD_REQUEST", limit=MOST_VALUES)
        return operation

    async def answer(self, asked: GraphQLRequest, context: Any, kinds: Sequence[OperationType]) -> ExecutionResult:
        """One answer to a query or mutation; a PreExecutionError where it was not run. Operations of other kinds are refused."""
        started = time.perf_counter()
        context.refresh()
        self.works_for(self.caller(context))
        operation = await self.checked(asked, context, kinds)
        charged: dict[str, Any] = {}
        if isinstance(operation, Operation):
            refusal = self.charge(operation, asked.variables, context, charged)
            result = refusal or await self.run(operation, asked.variables, context, charged["cost"]["requested"])
        else:
            result, operation = operation, None
        if result.errors:
            self.errors.show(result, context.request_id, closed=self.closed(context), executed=operation is not None)
        result.extensions = {"requestId": context.request_id, **charged}
        log_operation(context.request_id, operation, result, started)
        return result

    def charge(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any, told: dict[str, Any]
    ) -> PreExecutionError | None:
        """Count what it costs, unless that is too much; `told` is given what the caller is told of it."""
        if operation.price is None:
            operation.price = QueryCost(self._schema, operation)
        cost = operation.price.of(variables)
        told["cost"] = {"requested": cost, "limit": self.buckets.size or None, "remaining": None, "resetAt": None}
        if cost > self.most_cost:
            what = f"An operation costs at most {self.most_cost}; this one would cost {cost}."
            return not_run(what, "QUERY_TOO_EXPENSIVE", requested=cost, limit=self.most_cost)
        if not self.buckets.size:
            return None
        taken = self.buckets.take(self.caller(context), cost)
        told["cost"]["remaining"] = taken.remaining
        told["cost"]["resetAt"] = datetime.now(UTC) + timedelta(seconds=taken.full_in)
        if taken.wait_ms:
            return not_run("Too much at once; try again later.", "RATE_LIMITED", retryAfterMs=taken.wait_ms)
        return None

    async def run(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any, cost: int) -> ExecutionResult:
        """Queries end after some seconds. Mutations are not cut off: who is told of that could not know what was done."""
        if operation.kind is not OperationType.QUERY:
            async with self.mutations.of(self.caller(context)):
                return await self.ran(operation, variables, context)
        try:
            with Timed(self.deadline):
                if cost <= DEAR:
                    return await self.ran(operation, variables, context)
                async with self.queries.of(self.caller(context)):
                    return await self.ran(operation, variables, context)
        except TimeoutError:
            return ExecutionResult(None, [self.late(context)])

    async def ran(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> ExecutionResult:
        plans = self.planner.plans(operation) if self.planner is not None else None
        try:
            values = plans.variables.values(variables) if plans is not None else None
            if plans is None or values is None:  # graphql-core says what is wrong with them
                return await self.by_core(operation, variables, context)
            return await self.by_plan(plans, values, operation, variables, context)
        except Exception as error:
            return ExecutionResult(None, [located(error)])

    async def by_plan(
        self, plans: Plans, values: VariableValues, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult:
        assert self.planner is not None
        try:
            return ExecutionResult(await self.planner.data(plans, context, values), None)
        except Unplanned as unplanned:
            resolved = unplanned.resolved
        if not resolved:
            context.refresh()  # what the plan read may be half of it
        return await self.by_core(operation, variables, context, resolved)

    async def by_core(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        context: Any,
        resolved: Mapping[str, Any] | None = None,
    ) -> ExecutionResult:
        """`resolved` is what functions at the root gave already."""
        executor = self.executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        if operation.price.of_schema > SCHEMA_AT_ONCE:
            if not operation.price.is_of_schema_alone:
                return not_run("Ask for the schema in an operation of its own.", "BAD_REQUEST")
            found: Any = await self.documents.executor.run(self.caller(context), executor.execute_operation)
        else:
            if resolved:
                # verbs leave what they wrote with the loaders, for those who may write and not read
                executor.middleware_manager = Resolved(resolved)
            found = executor.execute_operation()
        result = await found if executor.is_awaitable(found) else found
        return ExecutionResult(result.data, result.errors)

    def late(self, context: Any) -> GraphQLError:
        return RequestError(f"It took more than {self.deadline.seconds:g} seconds.", "UNAVAILABLE", requestId=context.request_id)

    def executor(self, operation: Operation, variables: Mapping[str, Any] | None, context: Any) -> Any:
        """graphql-core's, with the variables coerced; a PreExecutionError where they are wrong."""
        found: Any = PerEventExecutor.build(
            self._schema,
            operation.document,
            None,
            context,
            dict(variables) if variables else None,
            operation.name,
            is_awaitable=cast("Any", optimized_is_awaitable),
            hide_suggestions=self.closed(context),
        )
        return PreExecutionError(None, found) if isinstance(found, list) else found

    async def follow(
        self, asked: GraphQLRequest, context: Any, resume_from: str | None = None
    ) -> SubscriptionExecution | ExecutionResult:
        """Begin a subscription and leave its source unread, or say why it can't begin.

        A cursor to resume from stands in for the field's own argument, where it has one.
        """
        started = time.perf_counter()
        context.resume_from = resume_from
        context.refresh()
        self.works_for(self.caller(context))
        operation = await self.checked(asked, context, FOLLOWED)
        outcome: SubscriptionExecution | ExecutionResult
        if isinstance(operation, PreExecutionError):
            outcome = operation
        else:
            refusal = self.charge(operation, asked.variables, context, {})
            outcome = refusal or await self.begun(operation, asked.variables, context)
        began = operation if isinstance(operation, Operation) else None
        if isinstance(outcome, ExecutionResult):
            self.errors.show(outcome, context.request_id, closed=self.closed(context), executed=began is not None)
        log_operation(context.request_id, began, outcome if isinstance(outcome, ExecutionResult) else None, started)
        return outcome

    async def begun(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> SubscriptionExecution | PreExecutionError:
        executor = self.executor(operation, variables, context)
        if isinstance(executor, PreExecutionError):
            return executor
        clock = Timed(self.deadline)
        try:
            with clock:
                source: Any = create_source_event_stream(executor)
                source = await source if executor.is_awaitable(source) else source
        except TimeoutError as error:
            return PreExecutionError(None, [self.late(context) if clock.expired else located(error)])
        if isinstance(source, CoreResult):
            return PreExecutionError(None, source.errors)
        return SubscriptionExecution(
            source, executor, context, self.errors, operation_key(operation, variables, source.cursor_argument)
        )
