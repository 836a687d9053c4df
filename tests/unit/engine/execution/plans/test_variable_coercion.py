"""Compiled input functions: they coerce values as graphql-core does, and convert them to inputs as
Strawberry does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from random import Random
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLEnumType,
    OperationDefinitionNode,
    Undefined,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_input_type,
    is_list_type,
    is_non_null_type,
    parse,
    print_type,
)
from graphql.execution.values import get_variable_values
from graphql.utilities import coerce_input_value
from strawberry.types.arguments import convert_argument
from support.seed import random_for

from engine.execution.plans.input_objects import InputConverters
from engine.execution.plans.variable_coercion import InputCoercers, VariableCoercer
from schema import root

SCHEMA = root.build()
CORE = SCHEMA._schema  # pyright: ignore[reportPrivateUsage]
INPUTS = [
    type_
    for type_ in CORE.type_map.values()
    if is_input_type(type_) and not type_.name.startswith("__")
]
LEAVES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**53, 1.5, "", "x", "tkt_1"),
    *("2026-11-26T10:00:00Z", "PT1H", "not a date"),
    *([], {}, [1], {"a": 1}),
)
ONE_OF = build_schema("""
  input Pet @oneOf { cat: String dog: Int }
  input Tree { leaf: Int! = 7, branches: [Tree!], deep: [[Int]] }
  type Query { pet(pet: Pet, tree: Tree): Int }
""")


def random_value(random: Random, type_: Any, depth: int = 0) -> Any:
    """A value that is often valid for the type."""
    if is_non_null_type(type_):
        return None if random.random() < 0.03 else random_value(random, type_.of_type, depth)
    if random.random() < 0.06:
        return random.choice(LEAVES)
    if is_list_type(type_):
        items = [random_value(random, type_.of_type, depth + 1) for _ in range(random.randrange(3))]
        return items[0] if items and random.random() < 0.2 else items
    if is_enum_type(type_):
        assert isinstance(type_, GraphQLEnumType)
        return random.choice([*type_.values, "NO_SUCH"])
    if is_input_object_type(type_):
        # Few fields are often valid, and a required filter is valid without any.
        share = random.choice((0.0, 0.1, 0.5)) if depth < 4 else 0.1
        chosen = {
            name: field
            for name, field in type_.fields.items()
            if is_non_null_type(field.type) or random.random() < share
        }
        values = {
            name: random_value(random, field.type, depth + 1)
            for name, field in chosen.items()
            if random.random() > 0.02
        }
        return {**values, "unknown": 1} if random.random() < 0.03 else values
    if str(type_) == "Date" and random.random() < 0.5:
        return "2026-02-28"
    return random.choice(LEAVES)


ONE_OF_INPUTS = [type_ for type_ in ONE_OF.type_map.values() if is_input_object_type(type_)]


@pytest.mark.parametrize("type_", [*INPUTS, *ONE_OF_INPUTS], ids=str)
def test_a_value_is_coerced_as_by_graphql_core(type_: Any) -> None:
    random, coerce = random_for("inputs", type_.name), InputCoercers().get(type_)
    outcomes: set[bool] = set()
    for _ in range(400):
        value = random_value(random, type_)
        expected = coerce_input_value(value, type_)
        coerced = coerce(value)
        assert (coerced is Undefined) == (expected is Undefined), (value, coerced, expected)
        assert coerced == expected, value
        outcomes.add(coerced is Undefined)
    assert False in outcomes, print_type(type_)


def field_arguments() -> dict[str, tuple[Any, Any]]:
    """Strawberry's argument and graphql-core's type for each argument of each resolver."""
    arguments: dict[str, tuple[Any, Any]] = {}
    for type_ in CORE.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            for argument in getattr(field.extensions.get("strawberry-definition"), "arguments", ()):
                key = SCHEMA.config.name_converter.from_argument(argument)
                arguments[f"{type_.name}.{name}.{key}"] = (argument, field.args[key].type)
    return arguments


def shares_no_list(converted: Any, value: Any) -> bool:
    """Whether no list of the value is part of the converted input."""
    lists = {id(each) for each in walk(value) if isinstance(each, list)}
    return not any(id(each) in lists for each in walk(converted))


def walk(value: Any) -> Iterator[Any]:
    """The value and all values inside it."""
    yield value
    children: Any = ()
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list):
        children = value
    for each in children:
        yield from walk(each)
    if is_dataclass(value):
        yield from walk(vars(value))


def test_inputs_are_converted_as_by_strawberry() -> None:
    converters = InputConverters(SCHEMA)
    config, registry = SCHEMA.config, SCHEMA.schema_converter.scalar_registry
    compared, kinds = 0, set[type]()
    for name, (argument, type_) in field_arguments().items():
        random, convert = random_for("inputs", name), converters.get(argument.type)
        for _ in range(60):
            value = coerce_input_value(random_value(random, type_), type_)
            if value is Undefined:
                continue
            expected = convert_argument(value, argument.type, registry, config)
            converted = value if convert is None else convert(value)
            assert converted == expected, (name, value)
            assert type(converted) is type(expected), name
            assert shares_no_list(converted, value), name
            compared += 1
            kinds.add(type(converted))
    assert compared > 1000
    assert len(kinds) > 30


DEFAULTS = "query($a: Tree = {leaf: 1}, $b: Pet, $c: Int! = 4, $d: [Int!]) { pet }"


@pytest.mark.parametrize(
    "variables",
    [
        *({}, {"a": None}, {"a": {}}, {"a": {"branches": [{"leaf": 2}]}}),
        *({"b": {"cat": "x"}}, {"b": {}}, {"b": {"cat": None}}, {"b": {"cat": "x", "dog": 1}}),
        *({"c": None}, {"c": 5}, {"c": "5"}),
        *({"d": 1}, {"d": [1, None]}, {"d": []}, {"e": 1}),
    ],
)
def test_defaults_and_missing_values_are_distinguished(variables: dict[str, Any]) -> None:
    (operation,) = parse(DEFAULTS).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(operation.selection_set.selections[0], FieldNode)
    expected: Any = get_variable_values(ONE_OF, operation.variable_definitions or (), variables)
    values = VariableCoercer(ONE_OF, InputCoercers(), operation).coerce(variables)
    if isinstance(expected, list):  # of errors
        assert values is None
        return
    assert values is not None
    assert values.coerced == expected.coerced
    sources = {name: source.value for name, source in values.sources.items()}
    assert sources == {name: source.value for name, source in expected.sources.items()}
