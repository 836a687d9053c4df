"""Calls a field's resolver: its arguments from the operation, and its permission checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from graphql import (
    BREAK,
    FieldNode,
    GraphQLField,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    is_non_null_type,
    visit,
)
from graphql.execution.values import get_argument_values
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.field import StrawberryField

from engine.execution.plans.compilation import Compilation
from engine.execution.plans.plan_run import PlanAbandoned, PlanRun, State


class ResolverInfo:
    """The `info` that plans pass to resolvers. It has only these two attributes."""

    __slots__ = ("context", "field_name")

    def __init__(self, context: Any, field_name: str) -> None:
        self.context = context
        self.field_name = field_name


class VariableArgument(NamedTuple):
    """An argument whose value is a variable."""

    name: str
    variable: str
    default: Any
    is_required: bool
    convert: Callable[[Any], Any] | None


class ResolverArguments:
    """The arguments of a field in an operation, as its resolver takes them."""

    def __init__(
        self,
        compilation: Compilation,
        field: StrawberryField,
        definition: GraphQLField,
        node: FieldNode,
    ) -> None:
        self.schema = compilation.schema
        self.input_converters = compilation.input_converters
        self.field = field
        self.definition = definition
        self.node = node
        self.constants: dict[str, Any] = {}
        self.converted_constants: list[tuple[str, Any, Callable[[Any], Any]]] = []
        """Converted for each call, because the resolver may change them."""
        self.variables: list[VariableArgument] = []
        self.is_compiled = all(self.compile_argument(argument) for argument in field.arguments)

    def compile_argument(self, argument: StrawberryArgument) -> bool:
        """Store an argument in one of the lists.

        Returns:
            False if its value is a literal that contains variables. graphql-core then replaces
            them for each call.
        """
        name = self.schema.config.name_converter.from_argument(argument)
        definition: Any = self.definition.args[name]
        convert = self.input_converters.get(argument.type)
        value_node = self.value_node(name)
        if isinstance(value_node, VariableNode):
            default = self.constant_value(name, with_value=False)
            is_required = is_non_null_type(definition.type)
            variable = value_node.name.value
            self.variables.append(
                VariableArgument(argument.python_name, variable, default, is_required, convert)
            )
            return True
        if value_node is not None and has_variables(value_node):
            return False
        value = self.constant_value(name, with_value=True)
        if value is not Undefined:
            if convert is None or value is None:
                self.constants[argument.python_name] = value
            else:
                self.converted_constants.append((argument.python_name, value, convert))
        return True

    def value_node(self, name: str) -> ValueNode | None:
        for argument in self.node.arguments or ():
            if argument.name.value == name:
                return argument.value
        return None

    def constant_value(self, name: str, *, with_value: bool) -> Any:
        """The coerced literal of an argument, or its default; Undefined without either.

        Without `with_value`, the argument's value in the document is ignored.
        """
        definition = self.definition.args[name]
        single = GraphQLField(self.definition.type, args={name: definition})
        arguments = ()
        if with_value:
            arguments = tuple(each for each in self.node.arguments or () if each.name.value == name)
        if not arguments and is_non_null_type(definition.type) and definition.default is None:
            return Undefined
        node = FieldNode(name=self.node.name, arguments=arguments)
        return get_argument_values(single, node, None).get(name, Undefined)

    def build(self, variables: Any) -> dict[str, Any]:
        """The keyword arguments of the resolver.

        Raises:
            PlanAbandoned, GraphQLError: A value is not valid for its argument.
        """
        if not self.is_compiled:
            return self.build_by_graphql_core(variables)
        arguments = dict(self.constants)
        for name, value, convert in self.converted_constants:
            arguments[name] = convert(value)
        for name, variable, default, is_required, convert in self.variables:
            value = variables.coerced.get(variable, default)
            if value is None and is_required:
                raise PlanAbandoned
            if value is Undefined:
                continue
            if convert is not None and value is not None:
                value = convert(value)
            arguments[name] = value
        return arguments

    def build_by_graphql_core(self, variables: Any) -> dict[str, Any]:
        return convert_arguments(
            get_argument_values(self.definition, self.node, variables),
            self.field.arguments,
            scalar_registry=self.schema.schema_converter.scalar_registry,
            config=self.schema.config,
        )


class VariableFinder(Visitor):
    has_found = False

    def enter_variable(self, *_: Any) -> Any:
        self.has_found = True
        return BREAK


def has_variables(value: ValueNode) -> bool:
    finder = VariableFinder()
    visit(value, finder)
    return finder.has_found


class ResolverCall:
    """Calls a resolver without the wrappers of graphql-core and Strawberry.

    The field's extensions must be permission checks. They are checked once for each run.
    """

    def __init__(
        self,
        compilation: Compilation,
        field: StrawberryField,
        definition: GraphQLField,
        node: FieldNode,
    ) -> None:
        resolver = field.base_resolver
        assert resolver is not None
        parents = (resolver.parent_parameter, resolver.root_parameter)
        info = resolver.info_parameter
        self.name: str = definition.extensions.get("name", node.name.value)
        self.permission_checks = [
            compilation.schema_map.get_permission_check(extension) for extension in field.extensions
        ]
        self.function = cast("Callable[..., Any]", resolver.wrapped_func)
        self.takes_self = resolver.self_parameter is not None
        self.source_parameters = {each.name for each in parents if each is not None}
        self.info_parameter = info.name if info is not None else None
        self.is_async = field.is_async
        self.arguments: ResolverArguments | None = None
        if field.arguments:
            self.arguments = ResolverArguments(compilation, field, definition, node)

    def call_in_run(self, source: Any, state: State) -> Any:
        """Called by generated code: call a synchronous resolver, prepared once for each run."""
        run: PlanRun = state[0]
        resolve = run.resolvers.get(self)
        if resolve is None:
            resolve = run.resolvers[self] = self.prepare(run)
        return resolve(source)

    def prepare(self, run: PlanRun) -> Callable[[Any], Any]:
        """Return a function that calls the resolver for a source, with the run's arguments.

        Raises what the permission check raises, and what `ResolverArguments.build` raises.
        """
        for check in self.permission_checks:
            check(run.context)
        arguments = self.arguments.build(run.variables) if self.arguments is not None else {}
        if self.info_parameter is not None:
            arguments[self.info_parameter] = ResolverInfo(run.context, self.name)
        function, source_parameters = self.function, self.source_parameters
        takes_self = self.takes_self

        def resolve(source: Any) -> Any:
            for name in source_parameters:
                arguments[name] = source
            return function(source, **arguments) if takes_self else function(**arguments)

        return resolve
