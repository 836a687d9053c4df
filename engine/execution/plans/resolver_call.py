"""Calling a field's own function: what it takes out of the operation, and who may call it."""

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
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from engine.execution.plans.codegen import Absent
from engine.execution.plans.context import Facts


class Info:
    """What resolvers are told of where they stand."""

    __slots__ = ("context", "field_name")

    def __init__(self, context: Any, field_name: str) -> None:
        self.context = context
        self.field_name = field_name


class Given(NamedTuple):
    """An argument that a variable gives."""

    name: str
    variable: str
    default: Any
    required: bool
    convert: Callable[[Any], Any] | None


class Arguments:
    """The arguments of a field in an operation, as its function takes them."""

    def __init__(self, facts: Facts, field: StrawberryField, definition: GraphQLField, node: FieldNode) -> None:
        self.schema, self.objects = facts.schema, facts.objects
        self.field, self.definition, self.node = field, definition, node
        self.fixed: dict[str, Any] = {}
        self.converted: list[tuple[str, Any, Callable[[Any], Any]]] = []
        """Values that are made anew for each call, for its function may change them."""
        self.variables: list[Given] = []
        self.is_known = all(self.known(argument) for argument in field.arguments)

    def known(self, argument: Any) -> bool:
        """Sort in an argument. False for a literal that holds variables, which graphql-core puts in their places."""
        name = self.schema.config.name_converter.from_argument(argument)
        definition: Any = self.definition.args[name]
        required = is_non_null_type(definition.type)
        convert = self.objects.converter(argument.type)
        given = next((each.value for each in self.node.arguments or () if each.name.value == name), None)
        if isinstance(given, VariableNode):
            absent = self.constant(name, with_value=False)
            self.variables.append(Given(argument.python_name, given.name.value, absent, required, convert))
            return True
        if given is not None and holds_variables(given):
            return False
        value = self.constant(name, with_value=True)
        if value is not Undefined:
            if convert is None or value is None:
                self.fixed[argument.python_name] = value
            else:
                self.converted.append((argument.python_name, value, convert))
        return True

    def constant(self, name: str, *, with_value: bool) -> Any:
        """The value of one argument that no variable gives, or its default; Undefined without either."""
        alone = GraphQLField(self.definition.type, args={name: self.definition.args[name]})
        given = [each for each in self.node.arguments or () if with_value and each.name.value == name]
        if not given and is_non_null_type(self.definition.args[name].type) and self.definition.args[name].default is None:
            return Undefined
        node = FieldNode(name=self.node.name, arguments=tuple(given))
        return get_argument_values(alone, node, None).get(name, Undefined)

    def of(self, variables: Any) -> dict[str, Any]:
        """Raises where they are not what the field takes."""
        if not self.is_known:
            found = get_argument_values(self.definition, self.node, variables)
            schema = self.schema
            return convert_arguments(
                found,
                self.field.arguments,
                scalar_registry=schema.schema_converter.scalar_registry,
                config=schema.config,
            )
        found = dict(self.fixed)
        for name, value, convert in self.converted:
            found[name] = convert(value)
        for name, variable, default, required, convert in self.variables:
            value = variables.coerced.get(variable, default)
            if value is None and required:
                raise Absent
            if value is not Undefined:
                found[name] = value if convert is None or value is None else convert(value)
        return found


class Variable(Visitor):
    """Looks for one."""

    is_found = False

    def enter_variable(self, *_: Any) -> Any:
        self.is_found = True
        return BREAK


def holds_variables(value: ValueNode) -> bool:
    looking = Variable()
    visit(value, looking)
    return looking.is_found


class Call:
    """A resolver, called without graphql-core's and Strawberry's wrappers, behind the guards of its row."""

    def __init__(self, facts: Facts, field: StrawberryField, definition: GraphQLField, node: FieldNode) -> None:
        resolver = field.base_resolver
        assert resolver is not None
        self.name: str = definition.extensions.get("name", node.name.value)
        self.admits: list[Callable[[Any], None]] = [extension.admit for extension in field.extensions]  # type: ignore[attr-defined]
        self.function = cast("Callable[..., Any]", resolver.wrapped_func)
        self.takes_self = resolver.self_parameter is not None
        self.sources = {each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each is not None}
        self.info = resolver.info_parameter.name if resolver.info_parameter is not None else None
        self.is_async = field.is_async
        self.arguments = Arguments(facts, field, definition, node) if field.arguments else None

    def once(self, source: Any, state: Any) -> Any:
        """Call it without waiting."""
        run = state[0]
        call = run.calls.get(self)
        if call is None:
            call = run.calls[self] = self.prepared(run)
        return call(source)

    def prepared(self, run: Any) -> Callable[[Any], Any]:
        """What calls it for a source, with everything that is the same for all sources at hand. Raises for who may not."""
        for admit in self.admits:
            admit(run.context)
        given = self.arguments.of(run.variables) if self.arguments is not None else {}
        if self.info is not None:
            given[self.info] = Info(run.context, self.name)
        function, sources, takes_self = self.function, self.sources, self.takes_self

        def call(source: Any) -> Any:
            for name in sources:
                given[name] = source
            return function(source, **given) if takes_self else function(**given)

        return call
