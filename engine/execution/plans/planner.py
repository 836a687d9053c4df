"""Plans of operations: made once, run for each request, and given up for graphql-core where they do not know how to go on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues

from engine.execution.plans.codegen import together
from engine.execution.plans.context import Compilers, Facts
from engine.execution.plans.input_objects import Objects
from engine.execution.plans.inputs import Inputs, Variables
from engine.execution.plans.nested_fields import Called
from engine.execution.plans.row_readers import Pages, Rows
from engine.execution.plans.schema_map import Words
from engine.execution.plans.selection import Selection

if TYPE_CHECKING:
    from engine.graphql.operation import Operation

COMPILERS = Compilers(Selection, Rows, Pages)
VARIANTS = 16
"""Plans of one operation, by what its directives say."""
PLANNED_FIRST = 200
"""What an operation costs from which on it is planned when it comes for the first time: graphql-core tells all that is in a list
without a pause."""
log = structlog.get_logger("ticketwire.plans")


class Unplanned(Exception):
    """graphql-core has to answer. What mutations gave already is in `resolved`, by response key: a value, or what was raised."""

    def __init__(self, resolved: Mapping[str, Any]) -> None:
        super().__init__()
        self.resolved = resolved


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


class Run:
    """One operation that runs."""

    __slots__ = ("calls", "context", "variables")

    def __init__(self, context: Any, variables: Any) -> None:
        self.context = context
        self.variables = variables
        self.calls: dict[Any, Any] = {}


class Plan:
    """One operation with its directives decided."""

    def __init__(self, facts: Facts) -> None:
        operation = facts.operation
        type_ = facts.graphql_schema.get_root_type(operation.operation)
        assert type_ is not None
        self.is_serial = operation.operation is OperationType.MUTATION
        self.constants: dict[str, Any] = {}
        self.children: list[Called] = []
        fields = collect_fields(facts.graphql_schema, facts.fragments, facts.variables, type_, operation).grouped_field_set
        for key, group in fields.items():
            name = group[0].node.name.value
            if name == "__typename":
                self.constants[key] = type_.name
                continue
            self.constants[key] = None
            self.children.append(Called(facts, key, type_.fields[name], group))

    async def data(self, run: Run, resolved: dict[str, Any]) -> dict[str, Any]:
        found = dict(self.constants)
        if not self.is_serial:
            await together([self.query(run, child, found) for child in self.children])
            return found
        for child in self.children:
            await self.mutation(run, child, found, resolved)
        return found

    async def query(self, run: Run, child: Called, found: dict[str, Any]) -> None:
        value = child.call.prepared(run)(None)
        await child.body.fill(run, [found], child.key, [await value if child.call.is_async else value])

    async def mutation(self, run: Run, child: Called, found: dict[str, Any], resolved: dict[str, Any]) -> None:
        try:
            value = child.call.prepared(run)(None)
            resolved[child.key] = value = await value if child.call.is_async else value
        except Exception as error:
            resolved[child.key] = error
            raise
        await child.body.fill(run, [found], child.key, [value])


class Deciding(Visitor):
    """Collects the variables by which directives include and skip."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


class Plans:
    """Those of one operation of a validated document."""

    def __init__(self, planner: Planner, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.planner = planner
        self.variables = Variables(planner.schema._schema, planner.inputs, operation)
        self.document = document
        self.operation = operation
        deciding = Deciding()
        visit(document, deciding)
        self.deciding = sorted(deciding.names)
        self.plans: dict[Hashable, Plan | None] = {}

    def plan(self, variables: Any) -> Plan | None:
        """None where the operation can't be planned."""
        key = tuple(variables.coerced.get(name) for name in self.deciding)
        if key not in self.plans:
            if len(self.plans) >= VARIANTS:
                return None
            self.plans[key] = self.made(variables)
        return self.plans[key]

    def made(self, variables: Any) -> Plan | None:
        decided = VariableValues(*({name: each[name] for name in self.deciding if name in each} for each in variables))
        fragments = {
            node.name.value: FragmentDetails(node, None)
            for node in self.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        planner = self.planner
        try:
            return Plan(Facts(planner.schema, planner.words, self.operation, fragments, decided, planner.objects, COMPILERS))
        except Exception as error:
            log.info("plan.unknown", operation=self.operation.name and self.operation.name.value, error=repr(error))
            return None


class Planner:
    """Answers what it can; counts what it could not. An operation is compiled when it comes a second time, a dear one at once."""

    def __init__(self, schema: Any, words: Words, *, at_once: bool = False) -> None:
        self.schema = schema
        self.words = words
        self.inputs = Inputs()
        self.objects = Objects(schema)
        self.at_once = at_once
        """Compile also what comes for the first time: for tests."""
        self.planned = self.fallen_back = 0

    def plans(self, operation: Operation) -> Plans | None:
        """Kept with the operation, as long as its document is. None where graphql-core answers: the schema is its to tell."""
        if operation.query_cost.schema_objects or operation.type is OperationType.SUBSCRIPTION:
            return None
        if operation.compiled is None:
            operation.compiled = Plans(self, operation.document, operation.node)
            return operation.compiled if self.at_once or operation.query_cost.highest > PLANNED_FIRST else None
        return operation.compiled

    async def data(self, plans: Plans, context: Any, variables: Any) -> dict[str, Any]:
        """The data of an answer without errors. Raises Unplanned."""
        resolved: dict[str, Any] = {}
        plan = plans.plan(variables)
        if plan is None:
            self.fallen_back += 1
            raise Unplanned(resolved)
        try:
            found = await plan.data(Run(context, variables), resolved)
        except Exception as error:
            self.fallen_back += 1
            log.debug("plan.left", error=repr(error))
            raise Unplanned(resolved) from error
        self.planned += 1
        return found
