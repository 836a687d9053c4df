"""Upserts: of a ticket by external id, and of users and organizations in lists."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token
from support.assert_unchanged import assert_nothing_stored, format_error
from support.audit import audit
from support.custom_fields import define, read_values

from models.audit.entry import AuditEntry
from models.log.event import Event, EventType
from models.people.user import Organization, User
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

TICKET = """mutation($input: UpsertTicketInput!) { upsertTicket(input: $input) {
  ticket { id ref externalId subject description priority tags version
    category { slug } team { slug } requester { id } resources { kind externalId name } }
  event { type } version replayed userErrors { code field message } } }"""
USERS = """mutation($users: [UserRowInput!]!) { upsertUsers(input: {users: $users}) {
  results { index userId user { displayName }
    userErrors { code field message } }
  userErrors { code field message } } }"""
ORGANIZATIONS = """mutation($rows: [OrganizationRowInput!]!) {
  upsertOrganizations(input: {organizations: $rows}) {
    results { index organization { name externalId } userErrors { code field message } }
    userErrors { code field message } } }"""


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
async def sync(service: Service, world: World) -> Client:
    del world
    return service.client(await api_client_token("Sync"))


async def upsert(client: Client, **input: Any) -> dict[str, Any]:
    return dict((await client.run(TICKET, input=input))["upsertTicket"])


def new_ticket(world: World, **input: Any) -> dict[str, Any]:
    return {
        "externalId": "crm-1",
        "subject": "Printer",
        "description": "It smokes.",
        "category": "technical",
        "requesterId": world.cora.gid,
        **input,
    }


async def test_an_upsert_sets_custom_fields(
    service: Service, sync: Client, root: Client, world: World
) -> None:
    await define(root, "room")
    await define(root, "floor", requiredAt="CREATION")
    room = [{"key": "room", "text": "12"}]
    created = await upsert(sync, **new_ticket(world, customFields=room))
    assert created["userErrors"] == [], "an imported ticket needs no required field"
    id = created["ticket"]["id"]
    assert await read_values(root, id) == {"room": "12"}
    floor = [{"key": "floor", "text": "2"}, {"key": "room", "text": "13"}]
    await upsert(sync, externalId="crm-1", customFields=floor)
    assert await read_values(root, id) == {"room": "13", "floor": "2"}
    wrong = await upsert(sync, externalId="crm-1", customFields=[{"key": "none", "text": "x"}])
    assert format_error(wrong["userErrors"][0]).startswith("NOT_FOUND")
    await audit()


async def test_an_upsert_creates_and_then_changes_a_ticket(sync: Client, world: World) -> None:
    input = new_ticket(
        world,
        tags=["VPN", "new"],
        resources=[{"kind": "server", "externalId": "s1"}],
        priority="HIGH",
    )
    created = await upsert(sync, **input)
    assert created["userErrors"] == []
    assert (created["version"], created["event"]["type"]) == (1, "TICKET_CREATED")
    assert set(created["ticket"]["tags"]) == {"new", "VPN"}
    repeated = await upsert(sync, **input)
    assert repeated["ticket"] == created["ticket"]
    assert repeated["event"] is None
    changed = await upsert(
        sync,
        externalId=" crm-1 ",
        subject="Printer 2",
        description="Ignored",
        category="billing",
        tags=["vpn", "other"],
        resources=[{"kind": "server", "externalId": "s2", "name": "Two"}],
        requesterId=world.olga.gid,
    )
    assert set(changed["ticket"]["tags"]) == {"other", "VPN"}
    assert changed["ticket"] == {
        **created["ticket"],
        "subject": "Printer 2",
        "category": {"slug": "billing"},
        "team": {"slug": "billing"},
        "tags": changed["ticket"]["tags"],
        "resources": [{"kind": "server", "externalId": "s2", "name": "Two"}],
        "version": changed["version"],
    }
    kept = await upsert(sync, externalId="crm-1")
    assert kept["ticket"] == changed["ticket"]
    emptied = await upsert(sync, externalId="crm-1", tags=[], resources=[])
    assert (emptied["ticket"]["tags"], emptied["ticket"]["resources"]) == ([], [])
    await audit()


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"subject": None}, ["REQUIRED subject"]),
        (
            {"subject": None, "description": None, "category": None},
            ["REQUIRED subject", "REQUIRED description", "REQUIRED category"],
        ),
        ({"externalId": " "}, ["REQUIRED externalId"]),
        ({"externalId": "x" * 256}, ["TOO_LONG externalId"]),
        ({"externalId": "a\x00b"}, ["INVALID externalId"]),
        ({"subject": " "}, ["REQUIRED subject"]),
        ({"description": "x" * 65_537}, ["TOO_LONG description"]),
        ({"category": "nope"}, ["NOT_FOUND category"]),
        ({"requesterId": None}, ["REQUIRED requesterId"]),
        ({"tags": ["x" * 51]}, ["TOO_LONG tags"]),
        ({"tags": [f"t{number}" for number in range(21)]}, ["INVALID tags"]),
    ],
)
async def test_a_new_ticket_needs_valid_values(
    sync: Client, world: World, fields: dict[str, Any], errors: list[str]
) -> None:
    async with assert_nothing_stored():
        payload = await upsert(sync, **new_ticket(world, **fields))
    assert payload["ticket"] is None
    assert [format_error(each) for each in payload["userErrors"]] == errors


async def test_each_owner_has_its_own_external_ids(
    service: Service, world: World, sync: Client
) -> None:
    other = service.client(await api_client_token("Other"))
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    refs = [
        (await upsert(client, **new_ticket(world)))["ticket"]["ref"]
        for client in (sync, other, ada, bill)
    ]
    assert len(set(refs)) == 3
    assert refs[2] == refs[3], "agents and admins share one set"


async def test_concurrent_upserts_create_one_ticket(sync: Client, world: World) -> None:
    payloads = await asyncio.gather(
        *(upsert(sync, **new_ticket(world, subject=f"Printer {n}")) for n in range(6))
    )
    assert [each["userErrors"] for each in payloads] == [[]] * 6
    assert len({each["ticket"]["id"] for each in payloads}) == 1
    assert await Ticket.all().count() == 1
    assert await Event.filter(type=EventType.TICKET_CREATED).count() == 1
    assert sorted(each["version"] for each in payloads) == [1, 2, 3, 4, 5, 6]
    await audit()


async def test_a_key_repeats_an_upsert_once(sync: Client, world: World) -> None:
    input = new_ticket(world, idempotencyKey="once")
    first, second = await upsert(sync, **input), await upsert(sync, **input)
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["ticket"] == first["ticket"]
    reused = await upsert(sync, **{**input, "subject": "Other"})
    assert [each["code"] for each in reused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def upsert_users(client: Client, *users: dict[str, Any]) -> dict[str, Any]:
    return dict((await client.run(USERS, users=list(users)))["upsertUsers"])


def errors_of(payload: dict[str, Any]) -> list[str]:
    errors = [error for result in payload["results"] for error in result["userErrors"]]
    return [format_error(error) for error in errors]


async def test_a_list_has_a_result_for_each_user(root: Client) -> None:
    rows = [
        {"externalId": "c1", "email": "One@example.org", "displayName": "One"},
        {"externalId": "c2", "displayName": "Two"},
        {"email": "ada@example.com", "displayName": "Ada Lovelace"},
        {"externalId": "c3", "email": "nobody", "displayName": "Three"},
    ]
    payload = await upsert_users(root, *rows)
    assert [each["index"] for each in payload["results"]] == [0, 1, 2, 3]
    assert [each["user"] and each["user"]["displayName"] for each in payload["results"]] == [
        *("One", None, "Ada Lovelace", None),
    ]
    assert errors_of(payload) == ["REQUIRED users.1.email", "INVALID users.3.email"]
    assert await User.filter(external_id__in=["c2", "c3"]).count() == 0
    count = await AuditEntry.filter(action="upsertUsers").count()
    assert count == 2, "an entry for each changed record"
    async with assert_nothing_stored():
        repeated = await upsert_users(root, *rows)
    assert repeated == payload


async def test_a_key_that_occurs_twice_in_a_list_is_refused(root: Client) -> None:
    payload = await upsert_users(
        root,
        {"externalId": "c1", "email": "one@example.org", "displayName": "One"},
        {"externalId": " c1 ", "displayName": "Again"},
        {"email": "ONE@example.org ", "displayName": "And again"},
        {"externalId": "c2", "email": "two@example.org", "displayName": "Two"},
    )
    assert errors_of(payload) == ["INVALID users.1", "INVALID users.2"]
    assert [len(each["userErrors"]) for each in payload["results"]] == [0, 1, 1, 0]
    assert "index 0" in payload["results"][1]["userErrors"][0]["message"]
    assert (await User.get(external_id="c1")).display_name == "One"


async def test_a_list_has_at_most_100_rows(root: Client) -> None:
    rows = [
        {"email": f"u{number}@example.org", "displayName": f"User {number}"}
        for number in range(101)
    ]
    async with assert_nothing_stored():
        payload = await upsert_users(root, *rows)
    assert payload["results"] == []
    assert [format_error(each) for each in payload["userErrors"]] == ["INVALID users"]
    assert await upsert_users(root) == {"results": [], "userErrors": []}
    payload = await upsert_users(root, *rows[:100])
    assert errors_of(payload) == []
    assert await User.filter(email__endswith="@example.org").count() == 100


async def test_a_row_that_needs_an_admin_is_refused_alone(service: Service, world: World) -> None:
    manager = service.client(await api_client_token("Sync", ["users:write", "users:read"]))
    payload = await upsert_users(
        manager,
        {"email": "one@example.org", "displayName": "One"},
        {"email": "ada@example.com", "displayName": "Not Ada"},
        {"email": "two@example.org", "displayName": "Two", "role": "ADMIN"},
    )
    assert errors_of(payload) == ["INVALID users.1", "INVALID users.2"]
    assert (await User.get(id=world.ada.id)).display_name == "Ada"
    assert await User.filter(email="two@example.org").count() == 0


async def test_concurrent_lists_create_each_user_once(root: Client) -> None:
    rows = [
        {"externalId": f"c{n}", "email": f"u{n}@example.org", "displayName": "U"} for n in range(5)
    ]
    payloads = await asyncio.gather(
        upsert_users(root, *rows), upsert_users(root, *rows[::-1]), upsert_users(root, *rows)
    )
    assert [errors_of(each) for each in payloads] == [[]] * 3
    assert await User.filter(external_id__startswith="c").count() == 5


async def test_each_row_costs_as_much_as_a_mutation(service: Service, root: Client) -> None:
    async def cost(count: int) -> int:
        rows = [
            {"externalId": f"c{number}", "email": f"u{number}@example.org", "displayName": "U"}
            for number in range(count)
        ]
        answer = await root.answer(USERS, users=rows)
        return int(answer["extensions"]["cost"]["requested"])

    one, many = await cost(1), await cost(11)
    assert many >= one + 100


async def test_organizations_are_upserted_in_lists(root: Client) -> None:
    rows: list[dict[str, Any]] = [
        {"externalId": "o1", "name": "Globex"},
        {"externalId": "o2"},
        {"externalId": "o1", "name": "Again"},
        {"externalId": "o3", "name": "Initech", "domains": ["initech.example"]},
    ]
    payload = (await root.run(ORGANIZATIONS, rows=rows))["upsertOrganizations"]
    assert errors_of(payload) == ["REQUIRED organizations.1.name", "INVALID organizations.2"]
    names = [each["organization"] and each["organization"]["name"] for each in payload["results"]]
    assert names == ["Globex", None, None, "Initech"]
    changed = (await root.run(ORGANIZATIONS, rows=[{"externalId": "o1", "shared": True}]))[
        "upsertOrganizations"
    ]
    assert errors_of(changed) == []
    assert (await Organization.get(external_id="o1")).shared
