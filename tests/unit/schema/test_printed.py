"""The schema as it is printed, described and guarded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_non_null_type,
)

from models.access.permissions import Permission
from schema import root
from schema.fields import right_of

PRINTED = Path(__file__).parents[3] / "schema" / "schema.graphql"
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}
WITHOUT_VERSION = {"CreateTicketInput"}
WITHOUT_KEY = {
    **dict.fromkeys(("signIn", "signOut", "createApiToken"), "a token is shown once and not kept, so none can be shown again"),
    **dict.fromkeys(("revokeApiToken", "markNotificationsRead", "setNotificationPreference"), "again it changes nothing"),
    "setPresence": "it is said again every few seconds, and the last word counts",
}
"""Mutations that are not told apart from their repetition, and why they need not be."""


@pytest.fixture(scope="module")
def built() -> root.Schema:
    return root.build()


@pytest.fixture(scope="module")
def schema(built: root.Schema) -> GraphQLSchema:
    return built._schema


def test_the_committed_schema_is_the_one_that_is_served(built: root.Schema) -> None:
    assert PRINTED.read_text().rstrip("\n") == built.as_str().rstrip("\n"), "schema.graphql is out of date: run `make schema`"


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Every place that a reader of the schema sees, with its description."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in BUILT_IN:
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", spec.description) for value, spec in kind.values.items())
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", spec.description) for field, spec in kind.fields.items())
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field, spec in kind.fields.items():
                yield f"{name}.{field}", spec.description
                yield from ((f"{name}.{field}({arg}:)", given.description) for arg, given in spec.args.items())


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    places = dict(described(schema))
    assert len(places) > 400
    assert [place for place, text in places.items() if not (text and text.strip())] == []


def rows(built: root.Schema) -> Iterator[tuple[str, Any]]:
    for kind in (built.query, built.mutation, built.subscription):
        for field in kind.__strawberry_definition__.fields:
            yield f"{kind.__name__}.{field.python_name}", field


def test_every_row_states_who_may_call_it(built: root.Schema) -> None:
    stated = {name: right_of(row) for name, row in rows(built)}
    assert len(stated) >= 38
    assert [name for name, right in stated.items() if not isinstance(right, Permission)] == []


def test_every_payload_of_a_mutation_may_be_null_and_lists_its_refusals(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        assert not is_non_null_type(field.type), name
        assert isinstance(field.type, GraphQLObjectType), name
        assert str(field.type.fields["userErrors"].type) == "[UserError!]!", name


def test_every_mutation_of_a_ticket_can_be_repeated_and_guarded_against_stale_reads(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    seen = set()
    for name, field in schema.mutation_type.fields.items():
        if str(field.type) not in ("TicketPayload", "ReplyPayload", "NotePayload"):
            continue
        taken: Any = field.args["input"].type.of_type
        seen.add(taken.name)
        assert str(taken.fields["idempotencyKey"].type) == "String", name
        assert "replayed" in field.type.fields, name
        if taken.name not in WITHOUT_VERSION:
            assert str(taken.fields["expectedVersion"].type) == "Int", name
    assert len(seen) >= 15


def test_every_other_mutation_can_be_repeated_or_need_not_be(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        taken: Any = field.args["input"].type.of_type.fields if field.args else {}
        assert ("idempotencyKey" in taken) is (name not in WITHOUT_KEY), name
        assert ("replayed" in field.type.fields) is (name not in WITHOUT_KEY), name  # type: ignore[union-attr]
    assert set(schema.mutation_type.fields) >= WITHOUT_KEY.keys()


def test_every_node_has_an_opaque_id_and_every_list_is_a_relay_connection(schema: GraphQLSchema) -> None:
    node: Any = schema.type_map["Node"]
    for kind in schema.get_possible_types(node):
        assert str(kind.fields["id"].type) == "ID!", kind.name
    for name, kind in schema.type_map.items():
        if name.endswith("Connection"):
            item = name.removesuffix("Connection")
            assert isinstance(kind, GraphQLObjectType)
            assert {field: str(spec.type) for field, spec in kind.fields.items()} == {
                "edges": f"[{item}Edge!]!",
                "nodes": f"[{item}!]!",
                "pageInfo": "PageInfo!",
                "totalCount": "Int!",
            }, name
