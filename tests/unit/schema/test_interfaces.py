"""Fields of types that share an interface can be selected in one query, without aliases."""

from __future__ import annotations

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from graphql.validation import OverlappingFieldsCanBeMergedRule

from schema import root

SCHEMA = root.build()._schema  # pyright: ignore[reportPrivateUsage]
ABSTRACT = sorted(
    name
    for name, type in SCHEMA.type_map.items()
    if isinstance(type, GraphQLInterfaceType | GraphQLUnionType)
)

UNRELATED = {
    *("action", "actor", "category", "customFields", "metric", "priority", "reason"),
    *("deliveries", "owner", "recordId", "resolution", "url"),
    *("kind", "status", "team", "tickets", "timeZone", "type"),
}
"""Fields that have different types in different types of Node, which no list holds together."""


def fields_of(type: GraphQLObjectType) -> str:
    """A selection of all fields of a type; of an object field, only the type name."""
    parts = (
        name if is_leaf_type(get_named_type(field.type)) else f"{name} {{ __typename }}"
        for name, field in type.fields.items()
    )
    return " ".join(parts)


@pytest.mark.parametrize("name", ABSTRACT)
def test_all_fields_of_all_implementing_types_can_be_selected_together(name: str) -> None:
    abstract = SCHEMA.type_map[name]
    assert isinstance(abstract, GraphQLInterfaceType | GraphQLUnionType)
    types = sorted(SCHEMA.get_possible_types(abstract), key=lambda each: each.name)
    assert types
    parts = " ".join(f"... on {type.name} {{ {fields_of(type)} }}" for type in types)
    document = parse(f"fragment All on {name} {{ {parts} }} query {{ __typename }}")
    errors = validate(SCHEMA, document, [OverlappingFieldsCanBeMergedRule], max_errors=1000)
    conflicts = {error.message.split("'")[1] for error in errors}
    type_names: dict[str, set[str]] = {}
    for type in types:
        for field, definition in type.fields.items():
            type_names.setdefault(field, set()).add(get_named_type(definition.type).name)
    conflicts |= {field for field, names in type_names.items() if len(names) > 1}
    assert conflicts == (UNRELATED if name == "Node" else set())
