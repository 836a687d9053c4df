"""Executes operations by compiled plans. graphql-core executes those that no plan can execute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues

from engine.execution.plans.input_objects import InputConverters
from engine.execution.plans.plan import OperationPlans
from engine.execution.plans.plan_run import PlanRun
from engine.execution.plans.schema_map import SchemaMap
from engine.execution.plans.variable_coercion import InputCoercers
from engine.graphql.operation import Operation
from engine.viewer_confirmation import ViewerOutdated

COMPILE_AT_ONCE_COST_THRESHOLD = 200
"""Operations that can cost more are compiled at their first execution, because graphql-core
completes a whole list without letting other tasks run."""
log = structlog.get_logger("ticketwire.plans")


@dataclass(frozen=True, slots=True)
class CoreFallback:
    """Returned for an operation that graphql-core must execute instead of a plan.

    `resolved` holds what the resolvers of a mutation's root fields returned before its plan was
    abandoned, by response key: a value, or the exception that the resolver raised.
    """

    resolved: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def build_middleware(self) -> MiddlewareManager | None:
        """The middleware that makes graphql-core use the resolved values, if there are any.

        So no mutation is executed twice.
        """
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
        schema_map: What plans need to know about the application's records.
        compile_at_once: Compile every operation at its first execution, for tests. By default only
            expensive operations are; all others are compiled at their second execution.
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
        """The number of operations, and of batches of subscription items, that plans executed."""
        self.fallbacks = 0
        """The number of those that graphql-core executed because their plan was missing or
        abandoned."""

    async def execute(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Any
    ) -> dict[str, Any] | CoreFallback:
        """Execute an operation by its plan.

        If anything fails, the plan is abandoned. graphql-core must then execute the operation and
        report the errors.

        Args:
            operation: A validated operation whose query cost is known.
            variables: The values that the client sent.
            context: The request context. If CoreFallback is returned without `resolved`, its
                loaders are unused or new.

        Returns:
            The response's data, or CoreFallback. Raises ViewerOutdated.
        """
        plans = self.get_plans(operation)
        values = plans.variable_coercer.coerce(variables) if plans is not None else None
        if plans is None or values is None:
            return CoreFallback()
        plan = plans.get(values)
        if plan is None:
            self.fallbacks += 1
            return CoreFallback()
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
            return CoreFallback(resolved)
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

        None if graphql-core executes the operation: introspection, and the first execution of cheap
        operations. The first call creates `operation.compiled`, which compiles a plan only when it
        is used. So later calls know that the operation was executed before.
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
