"""Executes operations within limits, for HTTP, server-sent events and WebSockets.

Each operation is looked up, its cost is charged, it is executed, and its errors are formatted.
Strawberry 0.341 builds the schema. Its own execution with extensions is not used, because it takes
320 µs for each operation.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import strawberry
from graphql import OperationType
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.execution.core_executor import CoreExecutor
from engine.execution.cost_limit import CostLimit
from engine.execution.operation_executor import OperationExecutor
from engine.execution.operation_lookup import OperationLookup
from engine.execution.plans import Planner
from engine.execution.subscription import SubscriptionExecution
from engine.execution.timeout import SharedTimeout
from engine.graphql.cost import OperationCost
from engine.graphql.cost_arguments import CountWords
from engine.graphql.document_cache import DocumentCache
from engine.graphql.document_limits import DocumentLimits
from engine.graphql.errors import ErrorFormatter, ExplainError, IsOutage
from engine.graphql.operation import QUERIES, SUBSCRIPTIONS, Operation, log_operation
from engine.graphql.persisted_documents import PersistedDocuments
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import request_error_result
from engine.limits.network import address_key
from engine.limits.rate import LeakyBuckets
from engine.limits.subscriptions import SubscriptionBudgets, SubscriptionLimitReached
from engine.viewer_confirmation import confirm_viewer


class Schema(strawberry.Schema):
    """A Strawberry schema that executes operations within limits."""

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
        token_key: Callable[[Any], Hashable] = lambda _: None,
        actor_id: Callable[[Any], str | None] = lambda _: None,
        head_cursor: Callable[[Any], str | None] = lambda _: None,
        document_limits: DocumentLimits | None = None,
        max_cost: int = 5000,
        max_search_words: int = 16,
        count_words: CountWords = lambda text: len(text.split()),
        buckets: LeakyBuckets | None = None,
        persisted_documents: PersistedDocuments | None = None,
        timeout_seconds: float = 10.0,
        set_caller: Callable[[str], object] = lambda _: None,
        set_charge: Callable[[Callable[[int], None]], object] = lambda _: None,
        set_try_charge: Callable[[Callable[[int], int]], object] = lambda _: None,
        subscription_budgets: SubscriptionBudgets | None = None,
    ) -> None:
        """Set how operations are executed. Removes the planner: set `planner` again afterwards.

        Args:
            explain_error: Describes the application's own exceptions to clients.
            is_outage: Tells whether an exception means that the database is unavailable.
            is_schema_hidden: Tells whether the viewer of a context may not see the schema. It
                gets no introspection and no suggestions in errors.
            viewer_key: Returns the key of a context's viewer; None if the request is anonymous.
            token_key: Returns the key of the token that a context's viewer uses; None without one.
            actor_id: Returns the id of a context's viewer for the log; None if the request is
                anonymous.
            head_cursor: Returns the cursor of the newest event, for `extensions.cursor` of a query.
                It is called before the query reads anything. None if the viewer may not have it.
            document_limits: Limits on the size and nesting of documents.
            max_cost: The maximum query cost of one operation.
            max_search_words: The maximum number of words that one operation may search for.
            count_words: Counts the words of a search as the application does, or more.
            buckets: The rate limit of each caller, in query cost.
            persisted_documents: The documents that requests may name by a hash.
            timeout_seconds: For queries, and for starting subscriptions.
            set_caller: Called in the task that executes an operation, with the caller's key.
            set_charge: Called in this task with a function that adds to the operation's cost.
            set_try_charge: Called in this task with a function that does the same only if the
                caller's budget suffices. It returns 0, or the milliseconds to wait.
            subscription_budgets: Limits the open subscriptions of each viewer.
        """
        self.error_formatter = ErrorFormatter(explain_error, is_outage)
        self.is_outage = is_outage
        self.is_schema_hidden = is_schema_hidden
        self.viewer_key = viewer_key
        self.actor_id = actor_id
        self.head_cursor = head_cursor
        self.buckets = buckets or LeakyBuckets(0, 1)  # a capacity of 0 is no rate limit
        self.persisted_documents = persisted_documents or PersistedDocuments()
        self.set_caller = set_caller
        self.set_charge = set_charge
        self.set_try_charge = set_try_charge
        self.subscription_budgets = subscription_budgets or SubscriptionBudgets()
        self.document_cache = DocumentCache(self._schema, document_limits or DocumentLimits())
        self.cost_limit = CostLimit(
            self._schema, max_cost, max_search_words, self.buckets, count_words
        )
        self.operation_lookup = OperationLookup(
            self.persisted_documents, self.document_cache, self.cost_limit.check_caller
        )
        self.executor = OperationExecutor(
            self._schema,
            SharedTimeout(timeout_seconds),
            self.document_cache.executor,
            self.limit_key,
            token_key,
            is_schema_hidden,
        )

    @property
    def planner(self) -> Planner | None:
        """Compiles and executes plans; None if graphql-core executes all operations."""
        return self.executor.planner

    @planner.setter
    def planner(self, planner: Planner | None) -> None:
        self.executor.planner = planner

    def limit_key(self, context: Any) -> str:
        """The key under which the limits count a caller: its viewer key, or else its address."""
        return self.viewer_key(context) or address_key(context.address)

    # ------------------------------------------------------------ before execution

    async def get_operation_type(
        self, request: GraphQLRequest, context: Any
    ) -> OperationType | None:
        """The type of the requested operation, without executing or charging it.

        None if the document or the operation is invalid; `execute_request` reports the error.
        """
        operation = await self.operation_lookup.find(
            request, self.limit_key(context), is_schema_hidden=self.is_schema_hidden(context)
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
            self.limit_key(context),
            is_schema_hidden=self.is_schema_hidden(context),
        )

    # ------------------------------------------------------------ queries and mutations

    async def execute_request(
        self, request: GraphQLRequest, context: Any, allowed_types: Sequence[OperationType]
    ) -> ExecutionResult:
        """Execute a query or mutation; return the result.

        It is a PreExecutionError if the operation was not executed, for example because its type is
        not among `allowed_types`. Raises ViewerOutdated.
        """
        started = time.perf_counter()
        # Before the loaders are renewed, so that they hold nothing older than the cursor.
        cursor = self.head_cursor(context)
        context.renew_loaders()
        caller = self.limit_key(context)
        self.set_caller(caller)
        operation = await self.require_operation(request, context, allowed_types)
        if isinstance(operation, Operation):
            charge = self.cost_limit.charge(operation, request.variables, caller)
            self.set_charge(partial(self.cost_limit.add, charge, caller))
            self.set_try_charge(partial(self.cost_limit.try_add, charge, caller))
            with self.cost_limit.refund_if_repeated(charge, caller):
                result = charge.refusal or await self.executor.execute(
                    operation, request.variables, context, charge.costs.cost
                )
                await confirm_viewer(context)  # a refusal or a timeout may have run no statement
            if operation.type is not OperationType.QUERY or result.data is None:
                cursor = None
        else:
            await confirm_viewer(context)
            charge = self.cost_limit.charge_without_operation(operation, caller)
            result = charge.refusal or operation
            operation = cursor = None
        extensions = {"requestId": context.request_id, "cost": charge.report}
        if cursor is not None:
            extensions["cursor"] = cursor
        self.format_errors(result, context, validated=operation is not None)
        result.extensions = extensions
        self.log(context, operation, result, started)
        return result

    async def execute_server_query(self, request: GraphQLRequest, context: Any) -> ExecutionResult:
        """Execute a query that the server itself wrote, for example for an export.

        Use it on a schema without a rate limit. The query is not logged. Errors in the result keep
        their original exceptions.
        """
        context.renew_loaders()
        caller = self.limit_key(context)
        operation = await self.require_operation(request, context, QUERIES)
        if isinstance(operation, PreExecutionError):
            return operation
        charge = self.cost_limit.charge(operation, request.variables, caller)
        if charge.refusal is not None:
            return charge.refusal
        return await self.executor.execute(operation, request.variables, context, 0)

    async def find_query_cost(
        self, request: GraphQLRequest, context: Any
    ) -> int | PreExecutionError:
        """Validate a query for `execute_server_query`; returns its cost, or why it is refused."""
        operation = await self.require_operation(request, context, QUERIES)
        if isinstance(operation, PreExecutionError):
            self.format_errors(operation, context, validated=False)
            return operation
        charge = self.cost_limit.charge(operation, request.variables, self.limit_key(context))
        return charge.costs.cost if charge.refusal is None else charge.refusal

    def log(self, context: Any, operation: Operation | None, result: Any, started: float) -> None:
        log_operation(context.request_id, self.actor_id(context), operation, result, started)

    def format_errors(self, result: ExecutionResult, context: Any, *, validated: bool) -> None:
        if result.errors:
            self.error_formatter.format_errors(
                result,
                context.request_id,
                is_schema_hidden=self.is_schema_hidden(context),
                validated=validated,
            )

    # ------------------------------------------------------------ subscriptions

    async def start_subscription(
        self, request: GraphQLRequest, context: Any, resume_from: str | None = None
    ) -> SubscriptionExecution | ExecutionResult:
        """Start a subscription, without reading its source.

        Returns the subscription, or an ExecutionResult with errors if it can't be started. The
        cursor `resume_from` replaces the root field's own cursor argument.
        """
        started = time.perf_counter()
        context.resume_from = resume_from
        context.renew_loaders()
        caller = self.limit_key(context)
        self.set_caller(caller)
        operation = await self.require_operation(request, context, SUBSCRIPTIONS)
        if isinstance(operation, PreExecutionError):
            charge = self.cost_limit.charge_without_operation(operation, caller)
            refusal = charge.refusal or operation
            self.format_errors(refusal, context, validated=False)
            self.log(context, None, refusal, started)
            return refusal
        charge = self.cost_limit.charge(operation, request.variables, caller)
        self.set_charge(partial(self.cost_limit.add, charge, caller))
        outcome = charge.refusal or await self.executor.subscribe(
            operation, request.variables, context, self.error_formatter
        )
        if isinstance(outcome, SubscriptionExecution):
            outcome = self.reserve_subscription_cost(outcome, caller, charge.costs)
        if isinstance(outcome, ExecutionResult):
            self.format_errors(outcome, context, validated=True)
            self.log(context, operation, outcome, started)
        else:
            self.log(context, operation, None, started)
        return outcome

    def reserve_subscription_cost(
        self, execution: SubscriptionExecution, caller: str, costs: OperationCost
    ) -> SubscriptionExecution | ExecutionResult:
        """Count a subscription for its viewer, or close its source and return an error."""
        try:
            execution.cost_reservation = self.subscription_budgets.reserve(
                caller, execution.share_key, costs.update_cost, costs.item_cost
            )
        except SubscriptionLimitReached as error:
            execution.discard()
            return request_error_result(
                str(error), "QUERY_TOO_EXPENSIVE", requested=error.requested, limit=error.limit
            )
        return execution
