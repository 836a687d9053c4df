"""Every administrative mutation leaves an entry in the audit log, also those to come.

A new mutation with the permission ADMINISTER fails here until it has a case, and until its case
leaves an entry.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from support import Client, World
from support.admin_mutations import WEEK
from support.service import running
from support.ticket_factory import NOON

from models.access.permissions import ADMINISTER
from models.audit.entry import AuditEntry
from models.people.identity import Identity
from models.people.second_factor import SecondFactor
from schema.fields import permission_of
from schema.mutation import Mutation

Input = dict[str, Any]
ISSUER = "https://id.example.com"
STEP = {"after": "PT0S", "action": "NOTIFY_TEAM"}


async def first_id(client: Client, field: str) -> str:
    return str((await client.run(f"{{ {field} {{ id }} }}"))[field][0]["id"])


async def unused_calendar(client: Client, name: str) -> str:
    query = """mutation($input: CreateSlaCalendarInput!) {
      createSlaCalendar(input: $input) { slaCalendar { id } } }"""
    input = {"name": name, "timeZone": "UTC", "week": WEEK}
    return str((await client.run(query, input=input))["createSlaCalendar"]["slaCalendar"]["id"])


async def path_id(client: Client) -> str:
    query = """mutation($input: CreateEscalationPathInput!) {
      createEscalationPath(input: $input) { escalationPath { id } } }"""
    input = {"name": "Other", "trigger": "UNTOUCHED", "steps": [STEP]}
    payload = (await client.run(query, input=input))["createEscalationPath"]
    return str(payload["escalationPath"]["id"])


async def api_client_id(client: Client, name: str) -> str:
    query = """mutation($input: CreateApiClientInput!) {
      createApiClient(input: $input) { apiClient { id } } }"""
    payload = (await client.run(query, input={"displayName": name}))["createApiClient"]
    return str(payload["apiClient"]["id"])


async def policy_input(client: Client) -> Input:
    return {
        "name": "Gold",
        "calendarId": await first_id(client, "slaCalendars"),
        "resolution": "PT8H",
    }


async def constant(input: Input) -> Input:
    return input


CASES: dict[str, Callable[[Client, World], Awaitable[Input]]] = {
    "updateTeam": lambda _, __: constant({"team": "support", "name": "Help"}),
    "createApiClient": lambda _, __: constant({"displayName": "Nightly"}),
    "createTeam": lambda _, __: constant({"slug": "new", "name": "New"}),
    "addTeamMember": lambda _, world: constant({"team": "sales", "userId": world.ada.gid}),
    "removeTeamMember": lambda _, world: constant({"team": "support", "userId": world.ada.gid}),
    "createCategory": lambda _, __: constant({"slug": "new", "name": "New", "team": "sales"}),
    "updateCategory": lambda _, __: constant({"category": "billing", "name": "Bills"}),
    "erasePerson": lambda _, world: constant({"userId": world.carl.gid, "reason": "A request"}),
    "advanceClock": lambda _, __: constant({"by": "PT1H"}),
    "createSlaCalendar": lambda _, __: constant({"name": "New", "timeZone": "UTC", "week": WEEK}),
    "createEscalationPath": lambda _, __: constant(
        {"name": "Ours", "trigger": "UNTOUCHED", "steps": [STEP]}
    ),
    "createSlaPolicy": lambda client, _: policy_input(client),
    "createCustomField": lambda _, __: constant({"key": "a", "label": "A", "type": "TEXT"}),
}


def case(name: str) -> Callable[[Callable[[Client, World], Awaitable[Input]]], None]:
    def add(function: Callable[[Client, World], Awaitable[Input]]) -> None:
        CASES[name] = function

    return add


async def custom_field_id(client: Client, key: str) -> str:
    query = """mutation($input: CreateCustomFieldInput!) {
      createCustomField(input: $input) { customField { id } } }"""
    input = {"key": key, "label": "Site", "type": "TEXT"}
    return str((await client.run(query, input=input))["createCustomField"]["customField"]["id"])


@case("updateCustomField")
async def _(client: Client, world: World) -> Input:
    return {"fieldId": await custom_field_id(client, "first"), "label": "Renamed"}


@case("archiveCustomField")
async def _(client: Client, world: World) -> Input:
    return {"fieldId": await custom_field_id(client, "second")}


@case("updateApiClient")
async def _(client: Client, world: World) -> Input:
    return {"clientId": await api_client_id(client, "First"), "displayName": "Renamed"}


@case("deactivateApiClient")
async def _(client: Client, world: World) -> Input:
    return {"clientId": await api_client_id(client, "Second")}


@case("reactivateApiClient")
async def _(client: Client, world: World) -> Input:
    key = await api_client_id(client, "Third")
    query = """mutation($input: DeactivateApiClientInput!) {
      deactivateApiClient(input: $input) { apiClient { active } } }"""
    await client.run(query, input={"clientId": key})
    return {"clientId": key}


@case("linkIdentity")
async def _(client: Client, world: World) -> Input:
    return {"userId": world.ada.gid, "issuer": ISSUER, "subject": "ada"}


@case("unlinkIdentity")
async def _(client: Client, world: World) -> Input:
    await Identity.create(issuer=ISSUER, subject="bill", user_id=world.bill.id)
    return {"userId": world.bill.gid, "issuer": ISSUER, "subject": "bill"}


@case("resetSecondFactor")
async def _(client: Client, world: World) -> Input:
    await SecondFactor.create(user_id=world.ada.id, secret="", confirmed_at=NOON, created_at=NOON)
    return {"userId": world.ada.gid}


@case("archiveTeam")
async def _(client: Client, world: World) -> Input:
    query = "mutation($input: CreateTeamInput!) { createTeam(input: $input) { team { slug } } }"
    await client.run(query, input={"slug": "unused", "name": "Unused"})
    return {"team": "unused"}


@case("archiveCategory")
async def _(client: Client, world: World) -> Input:
    query = """mutation($input: CreateCategoryInput!) {
      createCategory(input: $input) { category { slug } } }"""
    await client.run(query, input={"slug": "unused", "name": "Unused", "team": "sales"})
    return {"category": "unused"}


@case("updateSlaCalendar")
async def _(client: Client, world: World) -> Input:
    return {"calendarId": await unused_calendar(client, "First"), "name": "Renamed"}


@case("archiveSlaCalendar")
async def _(client: Client, world: World) -> Input:
    return {"calendarId": await unused_calendar(client, "Second")}


@case("updateSlaPolicy")
async def _(client: Client, world: World) -> Input:
    return {"policyId": await first_id(client, "slaPolicies"), "name": "Renamed"}


@case("archiveSlaPolicy")
async def _(client: Client, world: World) -> Input:
    return {"policyId": await first_id(client, "slaPolicies")}


@case("updateEscalationPath")
async def _(client: Client, world: World) -> Input:
    return {"pathId": await path_id(client), "name": "Renamed"}


@case("archiveEscalationPath")
async def _(client: Client, world: World) -> Input:
    return {"pathId": await path_id(client)}


def list_administrative_mutations() -> set[str]:
    definition: Any = Mutation.__strawberry_definition__
    return {
        field.graphql_name or to_camel(field.python_name)
        for field in definition.fields
        if permission_of(field) is ADMINISTER
    }


def to_camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


@pytest.fixture
async def demo(url: str) -> AsyncIterator[tuple[Client, World]]:
    async with running(url, own_time=True, mode="demo") as service:
        world = await World.make()
        yield service.client(world.root.token), world


def test_every_administrative_mutation_has_a_case() -> None:
    assert set(CASES) == list_administrative_mutations()


async def test_every_administrative_mutation_leaves_an_entry(demo: tuple[Client, World]) -> None:
    client, world = demo
    for name in sorted(CASES):
        input = await CASES[name](client, world)
        await AuditEntry.all().delete()
        kind = name[0].upper() + name[1:] + "Input"
        query = f"""mutation($input: {kind}!) {{
          {name}(input: $input) {{ userErrors {{ code message }} }} }}"""
        assert (await client.run(query, input=input))[name] == {"userErrors": []}, name
        entries = await AuditEntry.all()
        assert entries, name
        for entry in entries:
            assert (entry.action, entry.actor_user_id) == (name, world.root.id)
            assert entry.address, name
            assert entry.request_id, name
