"""Executes operations by plans, and hands over to graphql-core what a plan can't execute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues

from engine.execution.plans.input_objects import InputConverters
from engine.execution.plans.inputs import InputCoercers
from engine.execution.plans.plan import OperationPlans
from engine.execution.plans.plan_run import PlanRun
from engine.execution.plans.schema_map import SchemaMap
from engine.graphql.operation import Operation
from engine.viewer_confirmation import ViewerOutdated

COMPILE_AT_ONCE_COST_THRESHOLD = 200
"""Operations that can cost more are compiled at their first execution, because graphql-core
completes a whole list without letting other tasks run."""
log = structlog.get_logger("ticketwire.plans")


@dataclass(frozen=True, slots=True)
class Unplanned:
    """The result of an operation that graphql-core must execute.

    `resolved` holds what the resolvers of a mutation's root fields returned before its plan was
    abandoned, by response key: a value, or the exception that the resolver raised.
    """

    resolved: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def middleware(self) -> MiddlewareManager | None:
        """Makes graphql-core use the resolved values, so that no mutation is executed twice."""
        return ResolvedFields(self.resolved) if self.resolved else None


class ResolvedFields(MiddlewareManager):
    """Returns the values of root fields whose resolvers were already called."""

    def __init__(self, resolved: Mapping[str, Any]) -> None:
        super().__init__()
        self.resolved = resolved

    def get_field_resolver(self, field_resolver: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            if info.path.prev is not None or info.path.key not in self.resolved:
                return field_resolver(source, info, **arguments)
            value = self.resolved[str(info.path.key)]
            if isinstance(value, Exception):
                raise value
            return value

        return resolve


class Planner:
    """Executes operations by compiled plans.

    Args:
        schema: The Strawberry schema.
        schema_map: Describes the application's records.
        compile_at_once: Compile every operation when it first comes, for tests. By default only
            expensive ones are; others are compiled when they come for the second time.
    """

    def __init__(
        self, schema: Any, schema_map: SchemaMap, *, compile_at_once: bool = False
    ) -> None:
        self.schema = schema
        self.schema_map = schema_map
        self.input_coercers = InputCoercers()
        self.input_converters = InputConverters(schema)
        self.compile_at_once = compile_at_once
        self.executions = 0
        """Operations, and batches of items of subscriptions, that plans executed."""
        self.fallbacks = 0
        """The same that were to be executed by a plan, and were left to graphql-core."""

    async def execute(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> dict[str, Any] | Unplanned:
        """Execute an operation, unless something fails.

        Then the plan is abandoned, and graphql-core must execute the operation and report errors.

        Args:
            operation: A validated operation whose query cost is known.
            variables: The values that the client sent.
            context: The request context. If Unplanned is returned without `resolved`, its loaders
                are unused or new.

        Returns:
            The response's data, or Unplanned. Raises ViewerOutdated.
        """
        plans = self.get_plans(operation)
        values = plans.variable_coercer.coerce(variables) if plans is not None else None
        if plans is None or values is None:
            return Unplanned()
        plan = plans.get(values)
        if plan is None:
            self.fallbacks += 1
            return Unplanned()
        resolved: dict[str, Any] = {}
        try:
            data = await plan.execute(PlanRun(context, values), resolved)
        except ViewerOutdated:
            raise
        except Exception as error:
            self.fallbacks += 1
            log.debug("plan.abandoned", error=repr(error))
            if not resolved:
                context.renew_loaders()  # the loaders may hold part of what the plan read
            return Unplanned(resolved)
        self.executions += 1
        return data

    async def execute_items(
        self, operation: Operation, variables: VariableValues, context: Any, items: Sequence[Any]
    ) -> list[dict[str, Any]] | None:
        """Execute the selection of a subscription for items of its source, together.

        Args:
            variables: The coerced variables of the subscription.

        Returns:
            The data of each item; None if graphql-core must execute it for each item. Then the
            context's loaders are unused or new.
        """
        plans = self.get_plans(operation)
        if plans is None:
            return None
        plan = plans.get(variables)
        if plan is None:
            self.fallbacks += 1
            return None
        try:
            data = await plan.execute_items(PlanRun(context, variables), items)
        except Exception as error:
            self.fallbacks += 1
            log.debug("plan.abandoned", error=repr(error))
            context.renew_loaders()  # the loaders may hold part of what the plan read
            return None
        self.executions += 1
        return data

    def get_plans(self, operation: Operation) -> OperationPlans | None:
        """The operation's plans, which are kept as long as its document.

        None if graphql-core executes it: introspection, and the first execution of cheap
        operations. `operation.compiled` also tells that the operation has come before; its plans
        are compiled when they are used.
        """
        if operation.query_cost.schema_objects:
            return None
        if operation.compiled is None:
            operation.compiled = OperationPlans(
                operation, self.schema, self.schema_map, self.input_coercers, self.input_converters
            )
            is_expensive = operation.query_cost.highest > COMPILE_AT_ONCE_COST_THRESHOLD
            return operation.compiled if self.compile_at_once or is_expensive else None
        return operation.compiled
