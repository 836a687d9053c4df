"""graphql-core's executor, which answers by an operation's plan where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, OperationType
from graphql.execution.middleware import MiddlewareManager
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from engine.plans.planner import Plans, Unplanned

if TYPE_CHECKING:
    from engine.operations import Operation
    from engine.plans.planner import Planner


DEAR = 200
"""What an operation costs from which on it is planned when it comes for the first time."""


class Resolved(MiddlewareManager):
    """Root fields whose functions ran already are not run again."""

    def __init__(self, resolved: Mapping[str, Any]) -> None:
        super().__init__()
        self.resolved = resolved

    def get_field_resolver(self, field_resolver: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(source: Any, info: Any, **given: Any) -> Any:
            if info.path.prev is not None or info.path.key not in self.resolved:
                return field_resolver(source, info, **given)
            found = self.resolved[str(info.path.key)]
            if isinstance(found, Exception):
                raise found
            return found

        return resolve


class PlanningExecutor(StrawberryGraphQLCoreExecutionContext):
    """The plans of an operation are kept with it, as long as its document is; when it comes first, it is only remembered.

    But what is dear is planned at once: graphql-core tells all that is in a list without a pause.
    """

    asked: Operation | None = None

    def execute_operation(self, serially: bool | None = None) -> Any:
        planner: Planner | None = getattr(self.schema, "_strawberry_schema").planner  # noqa: B009 - graphql-core does not know it
        asked = self.asked
        if planner is None or asked is None or asked.kind is OperationType.SUBSCRIPTION:
            return super().execute_operation(serially)
        is_new = asked.plan is None
        if is_new:
            asked.plan = Plans(planner.schema, planner.words, asked.document, asked.node)
        waits = is_new and not planner.at_once and asked.price.most <= DEAR
        return super().execute_operation(serially) if waits else self.by_plan(planner, asked.plan)

    async def by_plan(self, planner: Planner, plans: Plans) -> Any:
        try:
            return ExecutionResult(await planner.data(plans, self.context_value, self.variable_values), None)
        except Unplanned as unplanned:
            if unplanned.resolved:
                # verbs leave what they wrote with the loaders, for those who may write and not read
                self.middleware_manager = Resolved(unplanned.resolved)
            else:
                self.context_value.refresh()  # what the plan read may be half of it
            result = super().execute_operation()
            return await result if self.is_awaitable(result) else result
