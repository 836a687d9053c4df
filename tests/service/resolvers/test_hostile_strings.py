"""Hostile strings in the arguments of every root field. A refused string changes no stored data.

The String and ID arguments come from the schema, so new ones are tested automatically.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)
from support import Client, Service, World
from support.assert_unchanged import read_all_rows
from support.service import running

from schema import root

pytestmark = pytest.mark.usefixtures("cheap_passwords")

SCHEMA = root.build()._schema
STRING_TYPES = ("String", "ID")
Step = str | int

HOSTILE = {
    "NUL": "a\x00b",
    "blanks": " \t\n\u00a0\u2003",
    "zero width": "\u200b\u200d\u2060\ufeff",
    "overlong": "x" * 1_000_000,
    "right to left": "\u202e\u2067" * 20 + "txt.exe",
    "combining": "e" + "\u0301" * 3000,
    "beyond the basic plane": "\U0001f469\u200d\U0001f4bb" * 15,
}
STORABLE = ("right to left", "combining", "beyond the basic plane")
"""Valid strings if they are short enough."""
INTERNAL_TERMS = (
    "Traceback",
    "sqlite",
    "asyncpg",
    "SELECT ",
    "tortoise",
    "site-packages",
    "Error(",
)
VALUES_BY_TYPE: dict[str, Any] = {
    "Int": 1,
    "Boolean": True,
    "DateTime": "2999-01-01T00:00:00Z",
    "Date": "2999-01-01",
    "Duration": "PT1H",
    "ID": "tkt_01890a5d-ac96-774b-bcce-b302099a8057",
    "String": "x",
}
VALUES_BY_NAME = {
    "category": "technical",
    "timeZone": "Europe/Berlin",
    "start": "09:00",
    "end": "17:00",
    "email": "a@example.com",
}
ROOT_FIELDS = [
    f"{type.name}.{name}"
    for type in (SCHEMA.query_type, SCHEMA.mutation_type)
    if type is not None
    for name in type.fields
]


@dataclass(frozen=True)
class StringArgument:
    """A String or ID at a path in the arguments of a root field."""

    field: str
    path: tuple[Step, ...]
    arguments: dict[str, Any]
    """Valid arguments, with a valid value at the path."""

    def variables(self, text: str) -> dict[str, Any]:
        """The arguments with this text at the path."""
        variables: Any = json.loads(json.dumps(self.arguments))
        parent = variables
        for step in self.path[:-1]:
            parent = parent[step]
        parent[self.path[-1]] = text
        return variables


def find_field(name: str) -> GraphQLField:
    type, _, field = name.partition(".")
    return getattr(SCHEMA.get_type(type), "fields")[field]  # noqa: B009 - both are object types


def string_arguments(name: str) -> Iterator[StringArgument]:
    arguments = find_field(name).args
    required = {
        key: valid_value(each, key)
        for key, each in arguments.items()
        if isinstance(each.type, GraphQLNonNull)
    }
    for key, each in arguments.items():
        for path, value in string_paths(each, key, ()):
            yield StringArgument(name, (key, *path), {**required, key: value})


def string_paths(
    argument: GraphQLArgument | GraphQLInputField, key: str, ancestors: tuple[str, ...]
) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield the path of each String and ID in an argument, with a value that contains the path."""
    type, wrap, prefix = get_nullable_type(argument.type), lambda value: value, ()
    while isinstance(type, GraphQLList):
        type = get_nullable_type(type.of_type)
        wrap, prefix = lambda value, outer=wrap: outer([value]), (*prefix, 0)
    named = get_named_type(type)
    if named.name in STRING_TYPES:
        yield prefix, wrap(valid_leaf(key, named.name))
    elif isinstance(named, GraphQLInputObjectType) and named.name not in ancestors:
        required = {
            name: valid_value(each, name)
            for name, each in named.fields.items()
            if isinstance(each.type, GraphQLNonNull)
        }
        for name, each in named.fields.items():
            for path, value in string_paths(each, name, (*ancestors, named.name)):
                yield (*prefix, name, *path), wrap({**required, name: value})


def valid_value(argument: GraphQLArgument | GraphQLInputField, key: str) -> Any:
    """A valid value for an argument or an input field."""
    type, list_depth = get_nullable_type(argument.type), 0
    while isinstance(type, GraphQLList):
        type, list_depth = get_nullable_type(type.of_type), list_depth + 1
    if isinstance(type, GraphQLEnumType):
        value: Any = next(iter(type.values))
    elif isinstance(type, GraphQLInputObjectType):
        value = {
            name: valid_value(each, name)
            for name, each in type.fields.items()
            if isinstance(each.type, GraphQLNonNull)
        }
    else:
        value = valid_leaf(key, type.name)
    for _ in range(list_depth):
        value = [value]
    return value


def valid_leaf(key: str, type: str) -> Any:
    return VALUES_BY_NAME.get(key, VALUES_BY_TYPE[type])


def build_operation(argument: StringArgument) -> str:
    field = find_field(argument.field)
    kind, _, name = argument.field.partition(".")
    variables = ", ".join(f"${each}: {field.args[each].type}" for each in argument.arguments)
    passed = ", ".join(f"{each}: ${each}" for each in argument.arguments)
    type = get_named_type(field.type)
    selections = {
        "userErrors": "userErrors { code }",
        "nodes": "nodes { __typename }",
        "totalCount": "totalCount",
    }
    fields = getattr(type, "fields", {})
    selected = [text for each, text in selections.items() if each in fields] or ["__typename"]
    rows = fields.get("results")
    if rows is not None and "userErrors" in get_named_type(rows.type).fields:
        selected.append("results { userErrors { code } }")
    selection = "" if is_leaf_type(type) else f"{{ {' '.join(selected)} }}"
    return f"{kind.lower()}({variables}) {{ {name}({passed}) {selection} }}"


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """A service without jobs, because jobs would write after an accepted mutation."""
    async with running(url, run_jobs=False) as service:
        yield service


@pytest.fixture
async def admin(service: Service, world: World) -> AsyncIterator[Client]:
    ticket = await service.client(world.cora.token).raise_ticket()
    before = dict(VALUES_BY_NAME)
    VALUES_BY_NAME["ticketId"] = VALUES_BY_NAME["intoId"] = VALUES_BY_NAME["otherId"] = ticket["id"]
    yield service.client(world.root.token)
    VALUES_BY_NAME.clear()
    VALUES_BY_NAME.update(before)


async def run_with(client: Client, argument: StringArgument, text: str) -> list[str]:
    """The error codes of the answer. Checks that no code or message reports an internal failure."""
    response = await client.post(build_operation(argument), argument.variables(text))
    assert response.status_code < 500, (argument, response.text[:500])
    answer = response.json()
    errors = answer.get("errors", [])
    codes = [error["extensions"]["code"] for error in errors]
    assert not {"INTERNAL", "UNAVAILABLE"} & set(codes), (argument, errors)
    assert not [term for term in INTERNAL_TERMS for error in errors if term in error["message"]], (
        argument,
        errors,
    )
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            codes += [error["code"] for error in payload.get("userErrors") or ()]
            for row in payload.get("results") or ():  # of an upsert of a list
                codes += [error["code"] for error in row["userErrors"]]
    return codes


@pytest.mark.parametrize("name", [name for name in ROOT_FIELDS if list(string_arguments(name))])
async def test_a_refused_string_changes_no_stored_data(admin: Client, name: str) -> None:
    for argument in string_arguments(name):
        for kind, text in HOSTILE.items():
            before = await read_all_rows()
            codes = await run_with(admin, argument, text)
            # a key is never shown, so any characters are valid
            is_key = argument.path[-1] == "idempotencyKey"
            # the filter of a saved view only compares, as in a query
            is_operand = "filter" in argument.path
            # a viewer who has no password needs none, and the server ignores it
            is_unused = argument.path[-1] == "currentPassword"
            # a draft is stored as it is written
            is_draft = name == "Mutation.saveDraft" and argument.path[-1] == "body"
            is_stored = is_key or is_operand or is_unused or is_draft or kind in STORABLE
            if codes or not is_stored:
                assert await read_all_rows() == before, (argument, kind, codes)
            is_refused = kind == "NUL" or (kind == "overlong" and not is_operand)
            if name.startswith("Mutation") and not is_unused and is_refused:
                assert codes, (argument, kind)


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00\\ud800"'])
async def test_a_lone_surrogate_is_refused(service: Service, world: World, text: str) -> None:
    client = service.client(world.cora.token)
    before = await read_all_rows()
    variables = f'{{"i": {{"subject": {text}, "description": "d", "category": "technical"}}}}'
    query = "mutation($i: CreateTicketInput!) { createTicket(input: $i) { ticket { id } } }"
    async with httpx2.AsyncClient() as http:
        headers = {**client.headers, "content-type": "application/json"}
        sent = f'{{"query": "{query}", "variables": {variables}}}'
        assert (await http.post(client.http, content=sent, headers=headers)).status_code == 400
    fields = f'subject: {text}, description: "d", category: "technical"'
    literal = f"mutation {{ createTicket(input: {{{fields}}}) {{ ticket {{ id }} }} }}"
    answer = await client.answer(literal)
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert await read_all_rows() == before


@pytest.mark.parametrize(
    "text", [HOSTILE["blanks"], HOSTILE["zero width"], "\u200b \u200b", "\u3164", "\u00ad\u200e"]
)
async def test_text_without_visible_characters_counts_as_blank(
    service: Service, world: World, text: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    assert await cora.refusal_codes(
        "createTicket", subject=text, description="d", category="technical"
    ) == ["REQUIRED"]
    assert await cora.refusal_codes("replyToTicket", ticketId=ticket["id"], body=text) == [
        "REQUIRED"
    ]
    assert await ada.refusal_codes("resolveTicket", ticketId=ticket["id"], resolution=text) == [
        "REQUIRED"
    ]
    seen = await cora.raise_ticket(subject="e\u0301\u200d\U0001f469\u200d\U0001f4bb")
    assert seen["subject"] == "e\u0301\u200d\U0001f469\u200d\U0001f4bb"
