"""Creating, changing and finding organizations by the API."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.actors import api_client_token
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.loop_limits import count_pages
from support.statements import statements

from models.audit.entry import AuditEntry
from models.core import ids
from models.people.domains import find_organization_by_domain
from models.people.user import Organization, User
from models.queries.directory import organizations

MISSING = ids.encode(ids.ORGANIZATION, UUID(int=7))


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def test_an_organization_is_created_changed_archived_and_restored(admin: Client) -> None:
    created = await run_mutation(
        admin,
        "createOrganization",
        name=" Globex ",
        externalId="crm-1",
        domains=["Globex.example", "globex.test", "globex.example"],
    )
    assert created == {
        "id": created["id"],
        "name": "Globex",
        "shared": False,
        "externalId": "crm-1",
        "active": True,
        "domains": ["globex.example", "globex.test"],
        "matchesDomains": True,
        "version": 1,
    }
    key = created["id"]
    changed = await run_mutation(
        admin, "updateOrganization", organizationId=key, domains=["globex.test"], externalId=None
    )
    assert (changed["domains"], changed["externalId"]) == (["globex.test"], None)
    only_domains = await run_mutation(admin, "updateOrganization", organizationId=key, domains=[])
    assert (only_domains["domains"], only_domains["version"]) == ([], 3)
    assert not (await run_mutation(admin, "archiveOrganization", organizationId=key))["active"]
    restored = await run_mutation(admin, "updateOrganization", organizationId=key, active=True)
    assert (restored["active"], restored["version"]) == (True, 5)
    assert await AuditEntry.filter(record_id=ids.key_of(ids.ORGANIZATION, key)).count() == 5


async def test_the_scope_users_write_manages_organizations(service: Service, world: World) -> None:
    client = service.client(await api_client_token("Portal", ["users:write"]))
    created = await run_mutation(client, "createOrganization", name="Globex")
    assert created["name"] == "Globex"


async def test_invalid_values_are_refused(admin: Client) -> None:
    await run_mutation(
        admin, "createOrganization", name="Taken", externalId="taken", domains=["taken.example"]
    )
    other = await run_mutation(admin, "createOrganization", name="Other 2")
    for fields, code in (
        ({"name": " "}, "REQUIRED name"),
        ({"name": "x" * 201}, "TOO_LONG name"),
        ({"externalId": "x" * 256}, "TOO_LONG externalId"),
        ({"externalId": " taken "}, "TAKEN externalId"),
        ({"domains": ["TAKEN.example"]}, "TAKEN domains"),
        ({"domains": ["gmail.com"]}, "INVALID domains"),
        ({"domains": ["Outlook.com"]}, "INVALID domains"),
        ({"domains": ["example"]}, "INVALID domains"),
        ({"domains": ["@globex.example"]}, "INVALID domains"),
        ({"domains": ["globex.example."]}, "INVALID domains"),
        ({"domains": ["glo bex.example"]}, "INVALID domains"),
        ({"domains": ["*.example.com"]}, "INVALID domains"),
        ({"domains": ["bücher.example"]}, "INVALID domains"),
        ({"domains": [""]}, "REQUIRED domains"),
        ({"domains": ["x" * 254]}, "TOO_LONG domains"),
        ({"domains": [f"d{n}.example" for n in range(51)]}, "TOO_LONG domains"),
    ):
        new = {"name": "New", **fields}
        assert await refusal_of(admin, "createOrganization", **new) == code, fields
        code_of_update = await refusal_of(
            admin, "updateOrganization", organizationId=other["id"], **fields
        )
        assert code_of_update == code, fields
    for key in (MISSING, "nonsense", ""):
        for mutation in ("updateOrganization", "archiveOrganization"):
            code = await refusal_of(admin, mutation, organizationId=key)
            assert code == "NOT_FOUND organizationId"
    code = await refusal_of(
        admin, "updateOrganization", organizationId=other["id"], expectedVersion=9
    )
    assert code == "STALE_VERSION expectedVersion"


async def test_upsert_finds_by_external_id(admin: Client) -> None:
    created = await run_mutation(admin, "upsertOrganization", externalId="crm-1", name="Globex")
    changed = await run_mutation(admin, "upsertOrganization", externalId="crm-1", shared=True)
    assert changed == {**created, "shared": True, "matchesDomains": False, "version": 2}
    code = await refusal_of(admin, "upsertOrganization", externalId="crm-2")
    assert code == "REQUIRED name"
    assert await refusal_of(admin, "upsertOrganization", externalId=" ") == "REQUIRED externalId"
    results = await asyncio.gather(
        *(
            send_mutation(admin, "upsertOrganization", externalId="crm-3", name="Initech")
            for _ in range(5)
        )
    )
    assert len({each["organization"]["id"] for each in results}) == 1


async def test_a_shared_organization_matches_domains_only_on_request(admin: Client) -> None:
    shared = await run_mutation(
        admin, "createOrganization", name="Shared", shared=True, domains=["shared.example"]
    )
    assert shared["matchesDomains"] is False
    assert await find_organization_by_domain("a@shared.example") is None
    key = shared["id"]
    await run_mutation(admin, "updateOrganization", organizationId=key, matchesDomains=True)
    found = await find_organization_by_domain("A@Shared.example")
    assert found is not None
    assert found.name == "Shared"
    await run_mutation(admin, "updateOrganization", organizationId=key, shared=False)
    again = await run_mutation(admin, "updateOrganization", organizationId=key, shared=True)
    assert again["matchesDomains"] is False


async def test_an_address_matches_only_the_same_domain_of_an_active_organization(
    admin: Client,
) -> None:
    made = await run_mutation(
        admin, "createOrganization", name="Globex", domains=["globex.example"]
    )
    for address in (
        "a@sub.globex.example",
        "a@notglobex.example",
        "globex.example@evil.example",
        "a@gmail.com",
        "a@globex.example.",
        "globex",
        "",
        "a@globex.example\0",
        "a@" + "x" * 5000,
    ):
        assert await find_organization_by_domain(address) is None, address
    assert await find_organization_by_domain("a@globex.example") is not None
    await run_mutation(admin, "archiveOrganization", organizationId=made["id"])
    assert await find_organization_by_domain("a@globex.example") is None
    code = await refusal_of(admin, "createOrganization", name="X", domains=["globex.example"])
    assert code == "TAKEN domains", "an archived organization keeps its domains"


async def test_organizations_are_found_and_paged(
    service: Service, admin: Client, world: World
) -> None:
    await run_mutation(
        admin, "createOrganization", name="Globex", externalId="CRM-1", domains=["globex.example"]
    )
    await Organization.create(name="Old", active=False)
    query = """query($s: String, $i: Boolean, $a: String) {
      organizations(search: $s, includeInactive: $i, first: 2, after: $a) {
        totalCount nodes { name } pageInfo { hasNextPage endCursor } } }"""

    async def find(**arguments: Any) -> list[str]:
        names: list[str] = []
        after = None
        for _ in count_pages():
            page = (await admin.run(query, a=after, **arguments))["organizations"]
            names += [each["name"] for each in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                assert page["totalCount"] == len(names)
                break
        return names

    assert await find() == await find(s=" ") == ["Acme", "Globex", "Other"]
    assert await find(i=True) == ["Acme", "Globex", "Old", "Other"]
    assert await find(s="LOB") == await find(s="globex.example") == await find(s="crm-1")
    assert await find(s="LOB") == ["Globex"]
    assert await find(s="globex.ex") == await find(s="%") == []
    customer = service.client(world.cora.token)
    fields = "{ viewer { user { organization { name domains matchesDomains active version } } } }"
    own = (await customer.run(fields))["viewer"]["user"]["organization"]
    assert own == {
        "name": "Acme",
        "domains": [],
        "matchesDomains": None,
        "active": True,
        "version": 1,
    }


COUNTS = "memberCount openTicketCount"
ALL_COUNTS = f"{{ organizations(first: 100) {{ nodes {{ name {COUNTS} }} }} }}"


async def test_the_team_sees_how_many_members_and_open_tickets_there_are(
    service: Service, world: World
) -> None:
    cora, carl, ada = [service.client(each.token) for each in (world.cora, world.carl, world.ada)]
    tickets = [(await client.raise_ticket())["id"] for client in (cora, cora, carl)]
    await ada.do("holdTicket", ticketId=tickets[0])
    await ada.do("resolveTicket", ticketId=tickets[1], resolution="done")
    await User.filter(id=world.otto.id).update(active=False)
    expected = [
        {"name": "Acme", "memberCount": 2, "openTicketCount": 2},
        {"name": "Other", "memberCount": 1, "openTicketCount": 0},
    ]
    assert (await ada.run(ALL_COUNTS))["organizations"]["nodes"] == expected
    own = f"{{ viewer {{ user {{ organization {{ {COUNTS} }} }} }} }}"
    hidden = {"memberCount": None, "openTicketCount": None}
    assert (await cora.run(own))["viewer"]["user"]["organization"] == hidden
    people = service.client(await api_client_token("People", ["users:read"]))
    nodes = (await people.run(ALL_COUNTS))["organizations"]["nodes"]
    assert [(each["memberCount"], each["openTicketCount"]) for each in nodes] == [
        (2, None),
        (1, None),
    ]
    reader = service.client(await api_client_token("Reader", ["tickets:read"]))
    of_ticket = f"query($id: ID!) {{ ticket(id: $id) {{ organization {{ {COUNTS} }} }} }}"
    found = (await reader.run(of_ticket, id=tickets[0]))["ticket"]["organization"]
    assert found == {"memberCount": None, "openTicketCount": 2}


async def test_the_counts_of_many_organizations_take_one_statement_each(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"More {number}" for number in range(20)]
    await Organization.bulk_create([Organization(name=name) for name in names])
    with statements() as collected:
        await admin.run(ALL_COUNTS)
    for table in ("users u", "tickets t"):
        assert len([sql for sql in collected.texts if f"FROM {table} WHERE" in sql]) == 1
    with statements() as collected:
        await admin.run("{ organizations(first: 100) { nodes { memberCount } } }")
    assert not [sql for sql in collected.texts if "FROM tickets t" in sql]
    monkeypatch.setattr(organizations, "MAX_COUNTED", 1)
    nodes = (await admin.run(ALL_COUNTS))["organizations"]["nodes"]
    assert nodes[0] == {"name": "Acme", "memberCount": 1, "openTicketCount": 0}
