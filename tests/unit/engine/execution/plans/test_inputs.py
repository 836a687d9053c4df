"""Values of variables, by functions made once: coerced as graphql-core would, and made into inputs as Strawberry would."""

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
from engine.execution.plans.inputs import InputCoercers, VariableCoercer
from schema import root

SCHEMA = root.build()
CORE = SCHEMA._schema  # pyright: ignore[reportPrivateUsage]
INPUTS = [type_ for type_ in CORE.type_map.values() if is_input_type(type_) and not type_.name.startswith("__")]
LEAVES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**53, 1.5, "", "x", "tkt_1", "2026-11-26T10:00:00Z", "PT1H", "not a date"),
    *([], {}, [1], {"a": 1}),
)
ONE_OF = build_schema("""
  input Pet @oneOf { cat: String dog: Int }
  input Tree { leaf: Int! = 7, branches: [Tree!], deep: [[Int]] }
  type Query { pet(pet: Pet, tree: Tree): Int }
""")


def value(random: Random, type_: Any, depth: int = 0) -> Any:
    """Something for the type, often right."""
    if is_non_null_type(type_):
        return None if random.random() < 0.03 else value(random, type_.of_type, depth)
    if random.random() < 0.06:
        return random.choice(LEAVES)
    if is_list_type(type_):
        made = [value(random, type_.of_type, depth + 1) for _ in range(random.randrange(3))]
        return made[0] if made and random.random() < 0.2 else made
    if is_enum_type(type_):
        assert isinstance(type_, GraphQLEnumType)
        return random.choice([*type_.values, "NO_SUCH"])
    if is_input_object_type(type_):
        share = 0.5 if depth < 4 else 0.1
        chosen = {name: field for name, field in type_.fields.items() if is_non_null_type(field.type) or random.random() < share}
        found = {name: value(random, field.type, depth + 1) for name, field in chosen.items() if random.random() > 0.02}
        return {**found, "unknown": 1} if random.random() < 0.03 else found
    return random.choice(LEAVES)


@pytest.mark.parametrize("type_", [*INPUTS, *(t for t in ONE_OF.type_map.values() if is_input_object_type(t))], ids=str)
def test_a_value_is_coerced_as_graphql_core_does(type_: Any) -> None:
    random, coerce = random_for("inputs", type_.name), InputCoercers().get(type_)
    outcomes: set[bool] = set()
    for _ in range(400):
        given = value(random, type_)
        expected = coerce_input_value(given, type_)
        found = coerce(given)
        assert (found is Undefined) == (expected is Undefined), (given, found, expected)
        assert found == expected, given
        outcomes.add(found is Undefined)
    assert False in outcomes, print_type(type_)


def arguments() -> dict[str, tuple[Any, Any]]:
    """Each argument of each field that has a function: Strawberry's, and graphql-core's type of it."""
    found: dict[str, tuple[Any, Any]] = {}
    for type_ in CORE.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            for argument in getattr(field.extensions.get("strawberry-definition"), "arguments", ()):
                key = SCHEMA.config.name_converter.from_argument(argument)
                found[f"{type_.name}.{name}.{key}"] = (argument, field.args[key].type)
    return found


def unlike_given(made: Any, given: Any) -> bool:
    """Whether no list in what was made is one of those that were given."""
    lists = {id(each) for each in walked(given) if isinstance(each, list)}
    return not any(id(each) in lists for each in walked(made))


def walked(value: Any) -> Iterator[Any]:
    yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walked(each)
    if is_dataclass(value):
        yield from walked(vars(value))


def test_inputs_are_made_as_strawberry_makes_them() -> None:
    converters, config, registry = InputConverters(SCHEMA), SCHEMA.config, SCHEMA.schema_converter.scalar_registry
    compared, kinds = 0, set[type]()
    for name, (argument, type_) in arguments().items():
        random, convert = random_for("inputs", name), converters.get(argument.type)
        for _ in range(60):
            given = coerce_input_value(value(random, type_), type_)
            if given is Undefined:
                continue
            expected = convert_argument(given, argument.type, registry, config)
            found = given if convert is None else convert(given)
            assert found == expected, (name, given)
            assert type(found) is type(expected), name
            assert unlike_given(found, given), name
            compared += 1
            kinds.add(type(found))
    assert compared > 1000
    assert len(kinds) > 30


DEFAULTS = "query($a: Tree = {leaf: 1}, $b: Pet, $c: Int! = 4, $d: [Int!]) { pet }"


@pytest.mark.parametrize(
    "given",
    [
        *({}, {"a": None}, {"a": {}}, {"b": {"cat": "x"}}, {"b": {}}, {"b": {"cat": None}}, {"b": {"cat": "x", "dog": 1}}),
        *({"c": None}, {"c": 5}, {"c": "5"}, {"d": 1}, {"d": [1, None]}, {"d": []}, {"e": 1}, {"a": {"branches": [{"leaf": 2}]}}),
    ],
)
def test_defaults_and_absent_values_are_told_apart(given: dict[str, Any]) -> None:
    (operation,) = parse(DEFAULTS).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(operation.selection_set.selections[0], FieldNode)
    expected: Any = get_variable_values(ONE_OF, operation.variable_definitions or (), given)
    found = VariableCoercer(ONE_OF, InputCoercers(), operation).coerce(given)
    if isinstance(expected, list):
        assert found is None
        return
    assert found is not None
    assert found.coerced == expected.coerced
    assert {name: each.value for name, each in found.sources.items()} == {
        name: each.value for name, each in expected.sources.items()
    }
