"""The compiled form of an operation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import structlog
from graphql import (
    DirectiveNode,
    FragmentDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues

from engine.execution.plans.compilation import Compilation, Compilers
from engine.execution.plans.input_objects import InputConverters
from engine.execution.plans.nested_fields import ResolverField
from engine.execution.plans.plan_run import PlanRun, gather_or_cancel
from engine.execution.plans.record_compiler import RecordCompiler
from engine.execution.plans.row_compiler import RowCompiler
from engine.execution.plans.row_readers import PageReader, RowReader
from engine.execution.plans.schema_map import SchemaMap
from engine.execution.plans.variable_coercion import InputCoercers, VariableCoercer
from engine.graphql.operation import Operation

COMPILERS = Compilers(RecordCompiler, RowCompiler, RowReader, PageReader)
MAX_CONCURRENT_ROOT_FIELDS = 4
"""Each root field may block the event loop for some milliseconds, while a long filter is compiled
or SQLite is read. After each group of this many fields, other clients get their turn."""
MAX_PLANS_PER_OPERATION = 16
"""An operation has one plan for each combination of values of its directive variables."""
log = structlog.get_logger("ticketwire.plans")


class Plan:
    """The compiled form of an operation, for one set of values of its directive variables."""

    def __init__(self, compilation: Compilation) -> None:
        operation = compilation.operation
        type_ = compilation.graphql_schema.get_root_type(operation.operation)
        assert type_ is not None
        self.is_mutation = operation.operation is OperationType.MUTATION
        self.constants: dict[str, Any] = {}
        """The response keys in order, with the values of __typename."""
        self.fields: list[ResolverField] = []
        groups = collect_fields(
            compilation.graphql_schema,
            compilation.fragments,
            compilation.directive_variables,
            type_,
            operation,
        ).grouped_field_set
        for key, group in groups.items():
            name = group[0].node.name.value
            if name == "__typename":
                self.constants[key] = type_.name
                continue
            self.constants[key] = None
            self.fields.append(ResolverField(compilation, key, type_.fields[name], group))

    async def execute(self, run: PlanRun, resolved: dict[str, Any]) -> dict[str, Any]:
        """Return the response's data.

        `resolved` gets the value or exception of each mutation's resolver, so that graphql-core
        can complete the operation without calling the resolver again.

        Raises whatever a resolver, a statement or generated code raises.
        """
        data = dict(self.constants)
        if not self.is_mutation:
            for start in range(0, len(self.fields), MAX_CONCURRENT_ROOT_FIELDS):
                fields = self.fields[start : start + MAX_CONCURRENT_ROOT_FIELDS]
                await gather_or_cancel([self.run_query_field(run, each, data) for each in fields])
            return data
        for each in self.fields:
            await self.run_mutation_field(run, each, data, resolved)
        return data

    async def execute_items(self, run: PlanRun, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the data of each item of a subscription's source, completed together.

        A subscription has one root field, and its value is the item itself.
        """
        [root_field] = self.fields
        responses = [dict(self.constants) for _ in items]
        await root_field.completion.complete_into(run, responses, root_field.response_key, items)
        return responses

    async def run_query_field(
        self, run: PlanRun, root_field: ResolverField, data: dict[str, Any]
    ) -> None:
        value = root_field.call.prepare(run)(None)
        if root_field.call.is_async:
            value = await value
        await root_field.completion.complete_into(run, [data], root_field.response_key, [value])

    async def run_mutation_field(
        self,
        run: PlanRun,
        root_field: ResolverField,
        data: dict[str, Any],
        resolved: dict[str, Any],
    ) -> None:
        try:
            value = root_field.call.prepare(run)(None)
            if root_field.call.is_async:
                value = await value
        except Exception as error:
            resolved[root_field.response_key] = error
            raise
        resolved[root_field.response_key] = value
        await root_field.completion.complete_into(run, [data], root_field.response_key, [value])


class DirectiveVariables(Visitor):
    """Collects the names of variables in directives, such as @include and @skip."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


class OperationPlans:
    """The plans of one operation, and the coercer of its variables."""

    def __init__(
        self,
        operation: Operation,
        schema: Any,
        schema_map: SchemaMap,
        input_coercers: InputCoercers,
        input_converters: InputConverters,
    ) -> None:
        self.schema = schema
        self.schema_map = schema_map
        self.input_converters = input_converters
        self.variable_coercer = VariableCoercer(schema._schema, input_coercers, operation.node)
        self.operation = operation
        directive_variables = DirectiveVariables()
        visit(operation.document, directive_variables)
        self.directive_variables = sorted(directive_variables.names)
        self.plans: dict[Hashable, Plan | None] = {}

    def get(self, variables: VariableValues) -> Plan | None:
        """The plan for these values, compiled on first use.

        None if the operation can't be compiled, or has MAX_PLANS_PER_OPERATION plans already.
        graphql-core then executes the operation.
        """
        key = tuple(variables.coerced.get(name) for name in self.directive_variables)
        if key not in self.plans:
            if len(self.plans) >= MAX_PLANS_PER_OPERATION:
                return None
            self.plans[key] = self.compile(variables)
        return self.plans[key]

    def compile(self, variables: VariableValues) -> Plan | None:
        try:
            compilation = Compilation(
                self.schema,
                self.schema_map,
                self.operation.node,
                self.fragments(),
                self.select_directive_variables(variables),
                self.input_converters,
                COMPILERS,
            )
            return Plan(compilation)
        except Exception as error:
            log.info("plan.not_compiled", operation=self.operation.name, error=repr(error))
            return None

    def fragments(self) -> dict[str, FragmentDetails]:
        return {
            node.name.value: FragmentDetails(node, None)
            for node in self.operation.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def select_directive_variables(self, variables: VariableValues) -> VariableValues:
        """Keep only the values of variables used in directives.

        The plan is reused for all values of the other variables.
        """
        names = self.directive_variables
        return VariableValues(
            sources={name: variables.sources[name] for name in names if name in variables.sources},
            coerced={name: variables.coerced[name] for name in names if name in variables.coerced},
        )
