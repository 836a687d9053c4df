"""Creating and changing users by the API, and who may do it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, person, token_of
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored

from models.audit.entry import AuditEntry
from models.core import ids
from models.people.team import Membership
from models.people.token import Token
from models.people.user import Organization, Role, User

MISSING_USER = ids.encode(ids.USER, UUID(int=7))
MISSING_ORGANIZATION = ids.encode(ids.ORGANIZATION, UUID(int=7))


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
async def manager(service: Service, world: World) -> Client:
    """An API client that may manage customers."""
    return service.client(await api_client_token("Portal", ["users:read", "users:write"]))


async def organization_id(name: str) -> str:
    return ids.encode(ids.ORGANIZATION, (await Organization.get(name=name)).id)


async def assert_forbidden(client: Client, mutation: str, **input: Any) -> None:
    async with assert_nothing_stored():
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send_mutation(client, mutation, **input)


async def test_a_created_user_has_the_given_values_and_no_password(admin: Client) -> None:
    created = await run_mutation(
        admin,
        "createUser",
        email="  Dora@Example.COM ",
        displayName=" Dora ",
        role="AGENT",
        teams=["support", "billing", "support"],
        externalId="crm-1",
        locale="de-CH",
        timeZone="Europe/Zurich",
    )
    assert created == {
        "id": created["id"],
        "email": "dora@example.com",
        "displayName": "Dora",
        "role": "AGENT",
        "organization": None,
        "teams": [{"slug": "billing"}, {"slug": "support"}],
        "active": True,
        "externalId": "crm-1",
        "locale": "de-CH",
        "timeZone": "Europe/Zurich",
        "version": 1,
    }
    user = await User.get(email="dora@example.com")
    assert user.password_hash is None
    assert user.name_words
    (entry,) = await AuditEntry.all()
    assert entry.changes["teams"] == [[], ["billing", "support"]]
    assert "password_hash" not in entry.changes


async def test_an_update_changes_only_the_given_fields(admin: Client, world: World) -> None:
    acme = await organization_id("Acme")
    before = await run_mutation(admin, "updateUser", userId=world.olga.gid, externalId="crm-2")
    assert before["version"] == 2
    same = await run_mutation(admin, "updateUser", userId=world.olga.gid, displayName=None)
    assert same == before
    changed = await run_mutation(
        admin, "updateUser", userId=world.olga.gid, organizationId=acme, displayName="Olga O"
    )
    assert changed == {
        **before,
        "displayName": "Olga O",
        "organization": {"id": acme, "name": "Acme"},
        "version": 3,
    }
    cleared = await run_mutation(
        admin, "updateUser", userId=world.olga.gid, organizationId=None, externalId=None
    )
    assert (cleared["organization"], cleared["externalId"]) == (None, None)
    found = await admin.run('{ users(search: "olga o") { nodes { displayName } } }')
    assert found["users"]["nodes"] == [{"displayName": "Olga O"}]


async def test_create_and_update_refuse_invalid_values(admin: Client, world: World) -> None:
    archived = ids.encode(ids.ORGANIZATION, (await Organization.create(name="Z", active=False)).id)
    for fields, code in (
        ({"email": " "}, "REQUIRED email"),
        ({"email": "nobody"}, "INVALID email"),
        ({"email": "a b@example.com"}, "INVALID email"),
        ({"email": "a\u200bb@example.com"}, "INVALID email"),
        ({"email": "a@example.com\nBcc: x@example.com"}, "INVALID email"),
        ({"email": "x" * 65 + "@example.com"}, "INVALID email"),
        ({"email": f"x@{'y' * 400}"}, "TOO_LONG email"),
        ({"email": "CORA@example.com"}, "TAKEN email"),
        ({"displayName": "\u200b"}, "REQUIRED displayName"),
        ({"displayName": "x" * 201}, "TOO_LONG displayName"),
        ({"organizationId": MISSING_ORGANIZATION}, "NOT_FOUND organizationId"),
        ({"organizationId": world.cora.gid}, "NOT_FOUND organizationId"),
        ({"organizationId": archived}, "INVALID organizationId"),
        ({"teams": ["nowhere"], "role": "AGENT"}, "NOT_FOUND teams"),
        ({"teams": ["support"], "role": "CUSTOMER"}, "INVALID teams"),
        ({"teams": ["support"] * 101, "role": "AGENT"}, "TOO_LONG teams"),
        ({"externalId": "x" * 256}, "TOO_LONG externalId"),
        ({"locale": "x" * 36}, "TOO_LONG locale"),
        ({"locale": "german!"}, "INVALID locale"),
        ({"timeZone": "Mars/Olympus"}, "INVALID timeZone"),
        ({"timeZone": "../../etc/passwd"}, "INVALID timeZone"),
    ):
        new = {"email": "new@example.com", "displayName": "New", **fields}
        assert await refusal_of(admin, "createUser", **new) == code, fields
        known = {"userId": world.olga.gid, "expectedVersion": 1}
        changed = await refusal_of(admin, "updateUser", **known, **fields)
        assert changed == code, fields
    for key in (MISSING_USER, "nonsense", ids.encode(ids.TEAM, world.cora.id)):
        for mutation in ("updateUser", "deactivateUser", "reactivateUser"):
            assert await refusal_of(admin, mutation, userId=key) == "NOT_FOUND userId"


async def test_users_edit_only_their_own_name_locale_and_time_zone(
    service: Service, world: World
) -> None:
    for who in (world.cora, world.ada):
        client = service.client(who.token)
        profile = {"displayName": "New Name", "locale": "fr", "timeZone": "Europe/Paris"}
        own = await run_mutation(client, "updateUser", userId=who.gid, **profile)
        assert profile.items() <= own.items()
        for fields in (
            {"email": "mine@example.com"},
            {"role": "ADMIN"},
            {"organizationId": None},
            {"teams": ["support"]},
            {"externalId": "x"},
        ):
            await assert_forbidden(client, "updateUser", userId=who.gid, **fields)
        for other in (world.carl.gid, world.root.gid, MISSING_USER, "nonsense"):
            await assert_forbidden(client, "updateUser", userId=other, displayName="X")
        program = service.client(await token_of(await User.get(id=who.id), ["tickets:write"]))
        await assert_forbidden(program, "updateUser", userId=who.gid, displayName="X")
    (entry,) = await AuditEntry.filter(actor_user_id=world.cora.id)
    assert entry.changes["display_name"] == ["Cora", "New Name"]


async def test_users_write_manages_customers_only(manager: Client, world: World) -> None:
    created = await run_mutation(
        manager, "createUser", email="new@example.com", displayName="New", role="CUSTOMER"
    )
    key = created["id"]
    assert (await run_mutation(manager, "updateUser", userId=key, locale="en"))["locale"] == "en"
    assert not (await run_mutation(manager, "deactivateUser", userId=key))["active"]
    assert (await run_mutation(manager, "reactivateUser", userId=key))["active"]
    staff = {"email": "staff@example.com", "displayName": "Staff", "role": "AGENT"}
    await assert_forbidden(manager, "createUser", **staff)
    await assert_forbidden(manager, "upsertUser", **staff)
    await assert_forbidden(manager, "upsertUser", email="ada@example.com", displayName="X")
    await assert_forbidden(manager, "updateUser", userId=key, role="ADMIN")
    for who in (world.ada, world.root):
        await assert_forbidden(manager, "updateUser", userId=who.gid, displayName="X")
        await assert_forbidden(manager, "deactivateUser", userId=who.gid)
        await assert_forbidden(manager, "reactivateUser", userId=who.gid)


async def test_a_token_without_users_read_gets_only_the_id(service: Service, world: World) -> None:
    client = service.client(await api_client_token("Writer", ["users:write"]))
    query = """mutation($i: UpdateUserInput!) { updateUser(input: $i) {
      userId user { email } userErrors { code } } }"""
    payload = await client.run(query, i={"userId": world.olga.gid, "locale": "en"})
    assert payload["updateUser"] == {"userId": world.olga.gid, "user": None, "userErrors": []}


async def test_the_scope_admin_includes_users_write(service: Service, world: World) -> None:
    client = service.client(await api_client_token("Admin", ["admin", "users:read"]))
    assert (await client.run("{ viewer { scopes } }"))["viewer"]["scopes"] == [
        *("admin", "users:read", "users:write")
    ]
    updated = await run_mutation(client, "updateUser", userId=world.ada.gid, displayName="Ada A")
    assert updated["displayName"] == "Ada A"


async def test_upsert_finds_by_external_id_and_then_by_email(admin: Client, world: World) -> None:
    upsert = {"externalId": "crm-7", "email": "new@example.com", "displayName": "New"}
    created = await run_mutation(admin, "upsertUser", **upsert)
    assert await run_mutation(admin, "upsertUser", **upsert) == created
    moved = await run_mutation(
        admin, "upsertUser", externalId="crm-7", email="other@example.com", displayName="Renamed"
    )
    assert (moved["id"], moved["email"], moved["displayName"]) == (
        *(created["id"], "other@example.com"),
        "Renamed",
    )
    linked = await run_mutation(admin, "upsertUser", email="Olga@example.com", externalId="crm-8")
    assert (linked["id"], linked["externalId"]) == (world.olga.gid, "crm-8")
    for fields, code in (
        ({}, "REQUIRED externalId"),
        ({"displayName": "X"}, "REQUIRED externalId"),
        ({"externalId": "crm-9"}, "REQUIRED email"),
        ({"email": "brand-new@example.com"}, "REQUIRED displayName"),
        ({"externalId": "crm-7", "email": "olga@example.com"}, "TAKEN email"),
        ({"externalId": "crm-9", "email": "olga@example.com"}, "TAKEN email"),
        ({"externalId": " ", "email": "olga@example.com"}, "REQUIRED externalId"),
    ):
        assert await refusal_of(admin, "upsertUser", **fields) == code, fields


async def test_concurrent_upserts_create_one_user(admin: Client) -> None:
    upsert = {"externalId": "crm-7", "email": "new@example.com", "displayName": "New"}
    results = await asyncio.gather(*(run_mutation(admin, "upsertUser", **upsert) for _ in range(6)))
    assert len({each["id"] for each in results}) == 1
    assert {each["version"] for each in results} == {1}


async def test_of_two_users_with_one_email_address_one_is_refused(admin: Client) -> None:
    new = {"email": "same@example.com", "displayName": "Same"}
    payloads = await asyncio.gather(*(send_mutation(admin, "createUser", **new) for _ in range(2)))
    codes = [[error["code"] for error in each["userErrors"]] for each in payloads]
    assert sorted(codes) == [[], ["TAKEN"]]
    assert await User.filter(email="same@example.com").count() == 1


async def test_of_two_admins_who_edit_one_version_one_is_refused(
    service: Service, admin: Client, world: World
) -> None:
    second = service.client((await person("rita", Role.ADMIN)).token)
    payloads = await asyncio.gather(
        send_mutation(
            admin, "updateUser", userId=world.ada.gid, teams=["sales"], expectedVersion=1
        ),
        send_mutation(second, "updateUser", userId=world.ada.gid, locale="en", expectedVersion=1),
    )
    codes = [[error["code"] for error in each["userErrors"]] for each in payloads]
    assert sorted(codes) == [[], ["STALE_VERSION"]]
    assert (await User.get(id=world.ada.id)).version == 2
    for mutation in ("updateUser", "deactivateUser", "reactivateUser"):
        code = await refusal_of(admin, mutation, userId=world.ada.gid, expectedVersion=1)
        assert code == "STALE_VERSION expectedVersion"


async def test_a_demoted_agent_leaves_the_teams(admin: Client, world: World) -> None:
    changed = await run_mutation(admin, "updateUser", userId=world.ada.gid, role="CUSTOMER")
    assert (changed["role"], changed["teams"]) == ("CUSTOMER", [])
    assert not await Membership.filter(user_id=world.ada.id).exists()


async def test_deactivation_revokes_all_tokens_for_good(
    service: Service, admin: Client, world: World
) -> None:
    ada = await User.get(id=world.ada.id)
    api_token = await token_of(ada, ["tickets:read"])
    deactivated = await run_mutation(
        admin, "deactivateUser", userId=world.ada.gid, reassignTo=world.bill.gid
    )
    assert (deactivated["active"], deactivated["version"]) == (False, 2)
    again = await run_mutation(
        admin, "deactivateUser", userId=world.ada.gid, reassignTo=world.bill.gid
    )
    assert again == deactivated
    late = await token_of(ada)  # a sign-in that began before the deactivation
    assert (await run_mutation(admin, "reactivateUser", userId=world.ada.gid))["active"]
    for token in (world.ada.token, api_token, late):
        answer = await service.client(token).post("{ viewer { role } }")
        assert answer.status_code == 401
    assert not await Token.filter(user_id=world.ada.id, revoked_at__isnull=True).exists()
    assert (await User.get(id=world.ada.id)).successor_id is None
    actions = await AuditEntry.all().order_by("id").values_list("action", flat=True)
    assert list(dict.fromkeys(actions)) == ["deactivateUser", "reactivateUser"]
    before = await AuditEntry.all().count()
    await run_mutation(admin, "reactivateUser", userId=world.ada.gid)
    assert await AuditEntry.all().count() == before


async def test_deactivation_refuses_a_wrong_successor(admin: Client, world: World) -> None:
    gone = await person("gone", Role.AGENT)
    await User.filter(id=gone.id).update(active=False)
    for reassign_to, code in (
        (MISSING_USER, "NOT_FOUND"),
        ("nonsense", "NOT_FOUND"),
        (world.cora.gid, "INVALID"),
        (gone.gid, "INVALID"),
        (world.ada.gid, "INVALID"),
    ):
        arguments = {"userId": world.ada.gid, "reassignTo": reassign_to}
        assert await refusal_of(admin, "deactivateUser", **arguments) == f"{code} reassignTo"
    arguments = {"userId": world.cora.gid, "reassignTo": world.ada.gid}
    assert await refusal_of(admin, "deactivateUser", **arguments) == "INVALID reassignTo"


async def test_a_repeated_mutation_creates_one_user(admin: Client) -> None:
    new = {"email": "new@example.com", "displayName": "New", "idempotencyKey": "create"}
    first = await send_mutation(admin, "createUser", **new)
    second = await send_mutation(admin, "createUser", **new)
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["user"] == second["user"]


async def test_users_are_found_by_organization_and_state(admin: Client, world: World) -> None:
    await run_mutation(admin, "deactivateUser", userId=world.carl.gid)
    query = """query($o: ID, $a: Boolean) { users(organizationId: $o, active: $a) {
      totalCount nodes { displayName } } }"""

    async def find(**arguments: Any) -> list[str]:
        users = (await admin.run(query, **arguments))["users"]
        assert users["totalCount"] == len(users["nodes"])
        return [each["displayName"] for each in users["nodes"]]

    acme = await organization_id("Acme")
    assert await find(o=acme) == ["Carl", "Cora"]
    assert await find(o=acme, a=True) == ["Cora"]
    assert await find(a=False) == ["Carl"]
    assert await find(o=MISSING_ORGANIZATION) == await find(o="nonsense") == []


async def test_users_are_found_by_several_roles(admin: Client) -> None:
    query = """query($one: Role, $several: [Role!]) { users(role: $one, roles: $several) {
      totalCount nodes { displayName } } }"""

    async def find(**arguments: Any) -> list[str]:
        users = (await admin.run(query, **arguments))["users"]
        assert users["totalCount"] == len(users["nodes"])
        return [each["displayName"] for each in users["nodes"]]

    staff = ["AGENT", "ADMIN"]
    assert await find(several=staff) == ["Ada", "Bill", "Root"]
    assert await find(several=staff, one="ADMIN") == await find(one="ADMIN") == ["Root"]
    assert await find(several=[]) == await find(several=["AGENT"], one="CUSTOMER") == []
    assert await find(several=None) == await find()


async def test_customers_see_no_details_of_their_colleagues(
    service: Service, admin: Client, world: World
) -> None:
    details = {"externalId": "crm-1", "locale": "de", "timeZone": "Europe/Berlin"}
    for who in (world.cora, world.carl):
        await run_mutation(
            admin, "updateUser", userId=who.gid, **{**details, "externalId": who.gid}
        )
    query = (
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { externalId locale timeZone } } }"
    )
    cora = service.client(world.cora.token)
    own, other = (await cora.run(query, ids=[world.cora.gid, world.carl.gid]))["nodes"]
    assert own == {**details, "externalId": None}
    assert other == dict.fromkeys(details)
