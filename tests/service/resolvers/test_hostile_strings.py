"""Texts that mean harm, in every String and ID that a root field takes, by the schema: told what is wrong, and nothing stored.

What the schema takes tomorrow is tried by itself.
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
TEXTS = ("String", "ID")
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
"""Texts like others, where they are short enough."""
RAW = ("Traceback", "sqlite", "asyncpg", "SELECT ", "tortoise", "site-packages", "Error(")
PLAIN: dict[str, Any] = {
    "Int": 1,
    "Boolean": True,
    "DateTime": "2999-01-01T00:00:00Z",
    "Date": "2999-01-01",
    "Duration": "PT1H",
    "ID": "tkt_01890a5d-ac96-774b-bcce-b302099a8057",
    "String": "x",
}
GIVEN = {"category": "technical", "timeZone": "Europe/Berlin", "start": "09:00", "end": "17:00", "email": "a@example.com"}
ROOTS = [f"{type.name}.{name}" for type in (SCHEMA.query_type, SCHEMA.mutation_type) if type is not None for name in type.fields]


@dataclass(frozen=True)
class Place:
    """One text in the arguments of a root field."""

    field: str
    path: tuple[Step, ...]
    arguments: dict[str, Any]
    """With something plain at the place."""

    def variables(self, text: str) -> dict[str, Any]:
        found: Any = json.loads(json.dumps(self.arguments))
        inside = found
        for step in self.path[:-1]:
            inside = inside[step]
        inside[self.path[-1]] = text
        return found


def field_of(name: str) -> GraphQLField:
    type, _, field = name.partition(".")
    return getattr(SCHEMA.get_type(type), "fields")[field]  # noqa: B009 - both are object types


def places(name: str) -> Iterator[Place]:
    arguments = field_of(name).args
    needed = {key: plain(each, key) for key, each in arguments.items() if isinstance(each.type, GraphQLNonNull)}
    for key, each in arguments.items():
        for path, value in texts(each, key, ()):
            yield Place(name, (key, *path), {**needed, key: value})


def texts(taken: GraphQLArgument | GraphQLInputField, key: str, above: tuple[str, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """The ways to the texts in what is taken, each with a value that is plain but there."""
    type, wrap, way = get_nullable_type(taken.type), lambda value: value, ()
    while isinstance(type, GraphQLList):
        type, wrap, way = get_nullable_type(type.of_type), lambda value, outer=wrap: outer([value]), (*way, 0)
    named = get_named_type(type)
    if named.name in TEXTS:
        yield way, wrap(plain_text(key, named.name))
    elif isinstance(named, GraphQLInputObjectType) and named.name not in above:
        needed = {name: plain(each, name) for name, each in named.fields.items() if isinstance(each.type, GraphQLNonNull)}
        for name, each in named.fields.items():
            for path, value in texts(each, name, (*above, named.name)):
                yield (*way, name, *path), wrap({**needed, name: value})


def plain(taken: GraphQLArgument | GraphQLInputField, key: str) -> Any:
    """Something that is taken."""
    type, lists = get_nullable_type(taken.type), 0
    while isinstance(type, GraphQLList):
        type, lists = get_nullable_type(type.of_type), lists + 1
    if isinstance(type, GraphQLEnumType):
        value: Any = next(iter(type.values))
    elif isinstance(type, GraphQLInputObjectType):
        value = {name: plain(each, name) for name, each in type.fields.items() if isinstance(each.type, GraphQLNonNull)}
    else:
        value = plain_text(key, type.name)
    for _ in range(lists):
        value = [value]
    return value


def plain_text(key: str, type: str) -> Any:
    return GIVEN.get(key, PLAIN[type])


def operation(place: Place) -> str:
    field = field_of(place.field)
    kind, _, name = place.field.partition(".")
    variables = ", ".join(f"${each}: {field.args[each].type}" for each in place.arguments)
    given = ", ".join(f"{each}: ${each}" for each in place.arguments)
    type = get_named_type(field.type)
    inside = getattr(type, "fields", {})
    wanted = [each for each in ("userErrors", "nodes", "totalCount") if each in inside] or ["__typename"]
    told = " ".join(
        f"{each} {{ {'code' if each == 'userErrors' else '__typename'} }}" if each not in ("totalCount", "__typename") else each
        for each in wanted
    )
    return f"{kind.lower()}({variables}) {{ {name}({given}) {'' if is_leaf_type(type) else f'{{ {told} }}'} }}"


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """Without duties, which would write by themselves after what was taken."""
    async with running(url, run_jobs=False) as found:
        yield found


@pytest.fixture
async def admin(service: Service, world: World) -> AsyncIterator[Client]:
    ticket = await service.client(world.cora.token).raise_ticket()
    before = dict(GIVEN)
    GIVEN["ticketId"] = GIVEN["intoId"] = GIVEN["otherId"] = ticket["id"]
    yield service.client(world.root.token)
    GIVEN.clear()
    GIVEN.update(before)


async def codes(client: Client, place: Place, text: str) -> list[str]:
    """What is told to be wrong; never that we failed."""
    response = await client.post(operation(place), place.variables(text))
    assert response.status_code < 500, (place, response.text[:500])
    answer = response.json()
    errors = answer.get("errors", [])
    found = [error["extensions"]["code"] for error in errors]
    assert not {"INTERNAL", "UNAVAILABLE"} & set(found), (place, errors)
    assert not [raw for raw in RAW for error in errors if raw in error["message"]], (place, errors)
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            found += [error["code"] for error in payload.get("userErrors") or ()]
    return found


@pytest.mark.parametrize("name", [name for name in ROOTS if list(places(name))])
async def test_a_refused_string_changes_no_stored_data(admin: Client, name: str) -> None:
    for place in places(name):
        for what, text in HOSTILE.items():
            before = await read_all_rows()
            found = await codes(admin, place, text)
            is_key = place.path[-1] == "idempotencyKey"  # of which nothing is shown; any characters will do
            if found or not (is_key or what in STORABLE):
                assert await read_all_rows() == before, (place, what, found)
            if name.startswith("Mutation") and what in ("NUL", "overlong"):
                assert found, (place, what)


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
    literal = (
        f'mutation {{ createTicket(input: {{subject: {text}, description: "d", category: "technical"}}) {{ ticket {{ id }} }} }}'
    )
    assert (await client.answer(literal))["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert await read_all_rows() == before


@pytest.mark.parametrize("text", [HOSTILE["blanks"], HOSTILE["zero width"], "\u200b \u200b", "\u3164", "\u00ad\u200e"])
async def test_text_without_visible_characters_counts_as_blank(service: Service, world: World, text: str) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    assert await cora.refusal_codes("createTicket", subject=text, description="d", category="technical") == ["REQUIRED"]
    assert await cora.refusal_codes("replyToTicket", ticketId=ticket["id"], body=text) == ["REQUIRED"]
    assert await ada.refusal_codes("resolveTicket", ticketId=ticket["id"], resolution=text) == ["REQUIRED"]
    seen = await cora.raise_ticket(subject="e\u0301\u200d\U0001f469\u200d\U0001f4bb")
    assert seen["subject"] == "e\u0301\u200d\U0001f469\u200d\U0001f4bb"
