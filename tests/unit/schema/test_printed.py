"""The printed schema, its descriptions, and rules that every root field follows."""

from __future__ import annotations

import re
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
from models.core.errors import UserErrorCode
from schema import root
from schema.fields import permission_of

SCHEMA_FILE = Path(__file__).parents[3] / "schema" / "schema.graphql"
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}
WITHOUT_VERSION = {"CreateTicketInput", "UpsertTicketInput"}
"""The ticket may not exist yet, so these have no version to expect."""
WITHOUT_KEY = {
    "cancelJob": "a job that has ended stays as it is",
    "pingWebhook": "a repetition sends another ping, and changes nothing",
    "signIn": "the text of a token is not stored, so a repetition could not return it",
    "signInWithCode": "a code can be used once, and the text of a token is not stored",
    "changePassword": "a hash of the input, with the password, would be stored with the key",
    "resetPassword": "the token of a link can be used once, and the password must not be stored",
    "requestPasswordReset": "a repetition sends at most another link, and the requests are limited",
    "registerUser": "a repetition sends at most another link, and the requests are limited",
    "signOut": "a repetition changes nothing",
    "revokeApiToken": "a repetition changes nothing",
    "markNotificationsRead": "a repetition changes nothing",
    "setNotificationPreference": "a repetition changes nothing",
    "upsertUsers": "a repetition changes nothing",
    "upsertOrganizations": "a repetition changes nothing",
    "setPresence": "clients repeat it every few seconds, and the last call counts",
}
"""The mutations without an idempotency key, each with the reason."""
OTHER_WORDS = {"caller": "viewer", "callers": "viewers", "rights": "permissions"}
"""Words that descriptions don't use, each with the one for the same concept that they use."""
KEY_ERRORS = {UserErrorCode.IDEMPOTENCY_KEY_REUSED, UserErrorCode.IDEMPOTENCY_IN_PROGRESS}


@pytest.fixture(scope="module")
def built() -> root.Schema:
    return root.build()


@pytest.fixture(scope="module")
def schema(built: root.Schema) -> GraphQLSchema:
    return built._schema


def test_the_committed_schema_equals_the_served_one(built: root.Schema) -> None:
    assert SCHEMA_FILE.read_text().rstrip("\n") == built.as_str().rstrip("\n"), (
        "schema.graphql is out of date: run `make schema`"
    )


def iterate_descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """The schema coordinates and the description of every type, field, argument and enum value."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in BUILT_IN:
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from (
                (f"{name}.{value}", spec.description) for value, spec in kind.values.items()
            )
        if isinstance(kind, GraphQLInputObjectType):
            yield from (
                (f"{name}.{field}", spec.description) for field, spec in kind.fields.items()
            )
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field, spec in kind.fields.items():
                yield f"{name}.{field}", spec.description
                yield from (
                    (f"{name}.{field}({arg}:)", argument.description)
                    for arg, argument in spec.args.items()
                )


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    descriptions = dict(iterate_descriptions(schema))
    assert len(descriptions) > 400
    assert [place for place, text in descriptions.items() if not (text and text.strip())] == []


def test_every_description_begins_and_ends_like_a_sentence(schema: GraphQLSchema) -> None:
    for place, text in iterate_descriptions(schema):
        assert text is not None
        assert text[0].isupper(), place
        assert text[-1] in ".`" or text.splitlines()[-1].startswith("- "), place


def test_no_description_has_an_unfilled_placeholder(schema: GraphQLSchema) -> None:
    unfilled = re.compile(r"(?<!\{)\{[a-z_]+\}")
    found = {place: unfilled.findall(text or "") for place, text in iterate_descriptions(schema)}
    assert [place for place, names in found.items() if names] == []


def test_descriptions_use_one_word_per_concept(schema: GraphQLSchema) -> None:
    other_word = re.compile(rf"\b({'|'.join(OTHER_WORDS)})\b", re.IGNORECASE)
    found = {place: other_word.findall(text or "") for place, text in iterate_descriptions(schema)}
    assert {place: words for place, words in found.items() if words} == {}


def test_every_mutation_lists_its_user_errors(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        assert field.description is not None
        _, _, errors = field.description.partition("User errors:")
        assert errors, name
        codes = {UserErrorCode[code] for code in re.findall(r"^- ([A-Z_]+)", errors, re.MULTILINE)}
        assert codes or errors == " none.", name
        assert (codes >= KEY_ERRORS) is (name not in WITHOUT_KEY), name


def test_every_mutation_with_an_expected_version_lists_its_error(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        input_fields: Any = field.args["input"].type.of_type.fields if field.args else {}
        is_listed = "- STALE_VERSION (expectedVersion)" in (field.description or "")
        assert is_listed is ("expectedVersion" in input_fields), name


def root_fields(built: root.Schema) -> Iterator[tuple[str, Any]]:
    for kind in (built.query, built.mutation, built.subscription):
        for field in kind.__strawberry_definition__.fields:
            yield f"{kind.__name__}.{field.python_name}", field


def test_every_root_field_requires_a_permission(built: root.Schema) -> None:
    permissions = {name: permission_of(field) for name, field in root_fields(built)}
    assert len(permissions) >= 38
    assert [
        name for name, permission in permissions.items() if not isinstance(permission, Permission)
    ] == []


def test_every_payload_is_nullable_and_has_user_errors(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        assert not is_non_null_type(field.type), name
        assert isinstance(field.type, GraphQLObjectType), name
        assert str(field.type.fields["userErrors"].type) == "[UserError!]!", name


def test_every_ticket_mutation_takes_a_key_and_an_expected_version(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    inputs = set()
    for name, field in schema.mutation_type.fields.items():
        if str(field.type) not in ("TicketPayload", "ReplyPayload", "NotePayload"):
            continue
        input_type: Any = field.args["input"].type.of_type
        inputs.add(input_type.name)
        assert str(input_type.fields["idempotencyKey"].type) == "String", name
        assert "replayed" in field.type.fields, name
        if input_type.name not in WITHOUT_VERSION:
            assert str(input_type.fields["expectedVersion"].type) == "Int", name
    assert len(inputs) >= 15


def test_every_mutation_takes_a_key_unless_there_is_a_reason(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        input_fields: Any = field.args["input"].type.of_type.fields if field.args else {}
        assert ("idempotencyKey" in input_fields) is (name not in WITHOUT_KEY), name
        payload: Any = field.type
        assert ("replayed" in payload.fields) is (name not in WITHOUT_KEY), name
    assert set(schema.mutation_type.fields) >= WITHOUT_KEY.keys()


def test_every_node_has_an_id_and_all_connections_have_the_same_fields(
    schema: GraphQLSchema,
) -> None:
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
