"""Every administrative mutation leaves an entry in the audit log, also those to come.

A new mutation with one of the permissions MANAGING fails here until it has a case, and until its
case leaves an entry.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import Client, World
from support.accounts import PASSWORD, set_password
from support.admin_mutations import WEEK
from support.files import running_with_files
from support.ticket_factory import NOON
from support.wall import approval_input

from models.access.permissions import (
    ADMINISTER,
    MANAGE_CUSTOMERS,
    MANAGE_OWN_TOKENS,
    MANAGE_WEBHOOKS,
)
from models.audit.entry import AuditEntry
from models.core import ids
from models.people.identity import Identity
from models.people.password import hash_password
from models.people.second_factor import SecondFactor
from models.people.token import Token
from schema.fields import permission_of
from schema.mutation import Mutation

Input = dict[str, Any]
MANAGING = (ADMINISTER, MANAGE_CUSTOMERS, MANAGE_OWN_TOKENS, MANAGE_WEBHOOKS)
OTHERS = {
    *("updateUser", "revokeSession", "revokeAllSessions", "revokeApiToken"),
    *("approveWallScreen", "revokeWallScreen"),
}
"""Mutations that anyone may call for the own account, and managers for those of others; and those
for wallboards, which all staff may call."""
ELSEWHERE = {"disableSecondFactor", "renewRecoveryCodes", "pingWebhook", "redeliverWebhook"}
"""Their cases need a second factor, or the receiver of a webhook: see test_second_factors.py,
test_recovery_codes.py and tests/service/webhooks/test_administration.py."""
ISSUER = "https://id.example.com"
RETENTION: Input = {"name": "Old tickets", "filter": {}, "ageDays": 365}
WEBHOOK: Input = {"url": "https://hooks.example.com/a", "types": ["TICKET_CREATED"]}
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


async def user_id(client: Client, name: str) -> str:
    query = "mutation($input: CreateUserInput!) { createUser(input: $input) { userId } }"
    input = {"email": f"{name}@example.com", "displayName": name}
    return str((await client.run(query, input=input))["createUser"]["userId"])


async def organization_id(client: Client, name: str) -> str:
    query = """mutation($input: CreateOrganizationInput!) {
      createOrganization(input: $input) { organization { id } } }"""
    payload = (await client.run(query, input={"name": name}))["createOrganization"]
    return str(payload["organization"]["id"])


async def own_token_id(client: Client, name: str) -> str:
    query = """mutation($input: CreateApiTokenInput!) {
      createApiToken(input: $input) { apiToken { id } } }"""
    input = {"name": name, "scopes": ["tickets:read"]}
    return str((await client.run(query, input=input))["createApiToken"]["apiToken"]["id"])


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
    "createRetentionPolicy": lambda _, __: constant(RETENTION),
    "createWebhook": lambda _, __: constant(WEBHOOK),
    "exportPerson": lambda _, world: constant({"userId": world.cora.gid}),
    "createCustomField": lambda _, __: constant({"key": "a", "label": "A", "type": "TEXT"}),
    "createUser": lambda _, __: constant({"email": "new@example.com", "displayName": "New"}),
    "upsertUser": lambda _, __: constant({"email": "cora@example.com", "displayName": "Nora"}),
    "upsertUsers": lambda _, __: constant(
        {"users": [{"email": "kai@example.com", "displayName": "Kai"}]}
    ),
    "upsertOrganizations": lambda _, __: constant(
        {"organizations": [{"externalId": "o", "name": "O"}]}
    ),
    "updateUser": lambda _, world: constant({"userId": world.olga.gid, "displayName": "Nora"}),
    "inviteUser": lambda _, __: constant({"email": "kim@example.com", "displayName": "Kim"}),
    "sendInvitation": lambda _, world: constant({"userId": world.otto.gid}),
    "createOrganization": lambda _, __: constant({"name": "New"}),
    "createApiToken": lambda _, __: constant({"name": "own", "scopes": ["tickets:read"]}),
    "revokeAllSessions": lambda _, world: constant({"userId": world.cora.gid}),
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


async def retention_policy_id(client: Client) -> str:
    query = """mutation($input: CreateRetentionPolicyInput!) {
      createRetentionPolicy(input: $input) { retentionPolicy { id } } }"""
    payload = (await client.run(query, input=RETENTION))["createRetentionPolicy"]
    return str(payload["retentionPolicy"]["id"])


@case("approveWallScreen")
async def _(client: Client, world: World) -> Input:
    return await approval_input()


@case("revokeWallScreen")
async def _(client: Client, world: World) -> Input:
    query = """mutation($input: ApproveWallScreenInput!) {
      approveWallScreen(input: $input) { wallScreen { id } } }"""
    payload = (await client.run(query, input=await approval_input()))["approveWallScreen"]
    return {"screenId": payload["wallScreen"]["id"]}


async def webhook_id(client: Client) -> str:
    query = """mutation($input: CreateWebhookInput!) {
      createWebhook(input: $input) { webhook { id } } }"""
    return str((await client.run(query, input=WEBHOOK))["createWebhook"]["webhook"]["id"])


@case("updateWebhook")
async def _(client: Client, _: World) -> Input:
    return {"webhookId": await webhook_id(client), "state": "PAUSED"}


@case("deleteWebhook")
async def _(client: Client, _: World) -> Input:
    return {"webhookId": await webhook_id(client)}


@case("rotateWebhookSecret")
async def _(client: Client, _: World) -> Input:
    return {"webhookId": await webhook_id(client)}


@case("replayWebhook")
async def _(client: Client, _: World) -> Input:
    return {"webhookId": await webhook_id(client), "after": "0" * 16}


@case("updateRetentionPolicy")
async def _(client: Client, world: World) -> Input:
    return {"policyId": await retention_policy_id(client), "active": True}


@case("deleteRetentionPolicy")
async def _(client: Client, world: World) -> Input:
    return {"policyId": await retention_policy_id(client)}


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


@case("deactivateUser")
async def _(client: Client, world: World) -> Input:
    return {"userId": await user_id(client, "first")}


@case("reactivateUser")
async def _(client: Client, world: World) -> Input:
    key = await user_id(client, "second")
    query = "mutation($input: DeactivateUserInput!) { deactivateUser(input: $input) { userId } }"
    await client.run(query, input={"userId": key})
    return {"userId": key}


@case("updateOrganization")
async def _(client: Client, world: World) -> Input:
    return {"organizationId": await organization_id(client, "First"), "name": "Renamed"}


@case("upsertOrganization")
async def _(client: Client, world: World) -> Input:
    return {"externalId": "crm-1", "name": "Upserted"}


@case("archiveOrganization")
async def _(client: Client, world: World) -> Input:
    return {"organizationId": await organization_id(client, "Second")}


@case("changePassword")
async def _(client: Client, world: World) -> Input:
    await set_password("root@example.com", hash_password(PASSWORD))
    return {"currentPassword": PASSWORD, "newPassword": "another horse"}


@case("rotateApiToken")
async def _(client: Client, world: World) -> Input:
    return {"tokenId": await own_token_id(client, "first")}


@case("revokeApiToken")
async def _(client: Client, world: World) -> Input:
    return {"tokenId": await own_token_id(client, "second")}


@case("revokeSession")
async def _(client: Client, world: World) -> Input:
    token = await Token.get(user_id=world.bill.id)
    return {"sessionId": ids.encode(ids.SESSION, token.id)}


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
        if permission_of(field) in MANAGING
    } - ELSEWHERE | OTHERS


def to_camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


@pytest.fixture
async def demo(url: str, tmp_path: Path) -> AsyncIterator[tuple[Client, World]]:
    settings = {"own_time": True, "mode": "demo", "public_url": "https://x.example"}
    async with running_with_files(url, tmp_path / "storage", **settings) as service:
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
