"""Saved views: defaults, who sees and changes them, their order, and their counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import SAVED_VIEW_FIELDS, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.statements import statements

from models import migrate
from models.audit.entry import AuditEntry
from models.background_metrics import read_background_metrics
from models.core.time import now
from models.log import event
from models.people.team import Membership, Team
from models.people.user import User
from models.views.saved_view import SavedView

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]

DEFAULTS = [
    "My open tickets",
    "Unassigned in my teams",
    "At risk or breached",
    "Waiting for the customer",
    "Recently resolved",
]
MINE = {"name": "Mine"}
SUPPORT = {"name": "Support", "audience": "TEAM", "team": "support"}
EVERYONE = {"name": "All", "audience": "EVERYONE"}


async def list_views(client: Client, **arguments: Any) -> list[dict[str, Any]]:
    query = f"""query($first: Int, $after: String, $all: Boolean) {{
      savedViews(first: $first, after: $after, allTeams: $all) {{
        nodes {{ {SAVED_VIEW_FIELDS} }} }} }}"""
    return list((await client.run(query, **arguments))["savedViews"]["nodes"])


async def view_names(client: Client, **arguments: Any) -> list[str]:
    """The names of the views without the default ones."""
    views = await list_views(client, first=100, **arguments)
    return [view["name"] for view in views if view["name"] not in DEFAULTS]


async def forbidden(client: Client, mutation: str, **input: Any) -> None:
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refused:
            await send_mutation(client, mutation, **input)
    assert refused.value.code == "FORBIDDEN"


async def test_a_new_installation_has_views_for_everyone(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    mine, unassigned, waiting, resolved = [await cora.raise_ticket() for _ in range(4)]
    foreign = await cora.raise_ticket(category="billing")
    await ada.do("assignTicket", ticketId=mine["id"], assigneeId=world.ada.gid)
    await ada.do("awaitCustomer", ticketId=waiting["id"])
    await ada.do("resolveTicket", ticketId=resolved["id"], resolution="Done.")
    views = await list_views(ada)
    assert [view["name"] for view in views] == DEFAULTS
    assert {view["audience"] for view in views} == {"EVERYONE"}
    assert [view["filterError"] for view in views] == [None] * 5
    assert [view["count"] for view in views] == [1, 2, 0, 1, 1]
    bill = service.client(world.bill.token)
    assert [view["count"] for view in await list_views(bill)] == [0, 1, 0, 1, 1]
    root = service.client(world.root.token)
    assert [view["count"] for view in await list_views(root)] == [0, 0, 0, 1, 1]
    del unassigned, foreign


async def test_defaults_that_an_admin_deletes_do_not_come_back(admin: Client) -> None:
    for view in await list_views(admin):
        await send_mutation(admin, "deleteSavedView", viewId=view["id"])
    await migrate.create_required_rows()
    assert await list_views(admin) == []


async def test_the_filter_of_a_view_lists_its_tickets(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("Printer", tags=["Hardware"])
    await cora.raise_ticket("Screen")
    filter = {
        "or": [{"tags": {"some": ["hardware"]}}, {"subject": {"eq": "no"}}],
        "status": {"in": ["NEW", "OPEN"]},
        "createdAt": {"within": "P1DT2H", "lt": "2999-01-01T00:00:00Z"},
        "escalationLevel": {"eq": 0},
        "team": None,
    }
    created = await run_mutation(
        ada,
        "createSavedView",
        name="  Hardware\n ",
        filter=filter,
        orderBy=[{"field": "PRIORITY"}, {"field": "NUMBER", "direction": "ASC"}],
        columns=["REF", "SUBJECT", "REF"],
    )
    del filter["team"]
    assert created == {
        "id": created["id"],
        "name": "Hardware",
        "audience": "PERSONAL",
        "owner": {"displayName": "Ada"},
        "team": None,
        "filter": filter,
        "filterError": None,
        "orderBy": [
            {"field": "PRIORITY", "direction": "DESC"},
            {"field": "NUMBER", "direction": "ASC"},
        ],
        "columns": ["REF", "SUBJECT"],
        "customFieldColumns": [],
        "position": 100,
        "version": 1,
        "viewerCanChange": True,
        "count": 1,
    }
    query = "query($filter: TicketFilter) { tickets(filter: $filter) { nodes { id } } }"
    found = await ada.run(query, filter=created["filter"])
    assert found["tickets"]["nodes"] == [{"id": ticket["id"]}]


async def test_personal_views_are_private(service: Service, world: World, admin: Client) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    view = await run_mutation(ada, "createSavedView", **MINE)
    assert await view_names(ada) == ["Mine"]
    for other in (bill, admin):
        assert await view_names(other) == []
        assert (await other.run("query($id: ID!) { node(id: $id) { id } }", id=view["id"])) == {
            "node": None
        }
        for mutation in ("updateSavedView", "deleteSavedView"):
            async with assert_nothing_stored():
                payload = await send_mutation(other, mutation, viewId=view["id"])
            assert payload["userErrors"][0]["code"] == "NOT_FOUND"
    assert await view_names(admin, all=True) == []
    assert await AuditEntry.filter(action="createSavedView").count() == 0
    query = "query($id: ID!) { node(id: $id) { ... on SavedView { name } } }"
    assert (await ada.run(query, id=view["id"])) == {"node": {"name": "Mine"}}


async def test_members_and_admins_change_the_views_of_a_team(
    service: Service, world: World, admin: Client
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    view = await run_mutation(ada, "createSavedView", **SUPPORT)
    assert (view["team"], view["owner"]) == ({"slug": "support"}, None)
    assert (await view_names(ada), await view_names(bill)) == (["Support"], [])
    assert (await view_names(admin), await view_names(admin, all=True)) == ([], ["Support"])
    with pytest.raises(Refused) as refused:
        await view_names(ada, all=True)
    assert refused.value.code == "FORBIDDEN"
    await forbidden(bill, "createSavedView", **SUPPORT)
    changed = await run_mutation(admin, "updateSavedView", viewId=view["id"], name="Ours")
    assert (changed["name"], changed["version"], changed["viewerCanChange"]) == ("Ours", 2, True)
    await Membership.create(team=await Team.get(slug="support"), user_id=world.bill.id)
    assert await view_names(bill) == ["Ours"]
    payload = await send_mutation(bill, "deleteSavedView", viewId=view["id"])
    assert payload["deletedViewId"] == view["id"]
    assert await view_names(ada) == []


async def test_only_admins_change_the_views_for_everyone(
    service: Service, world: World, admin: Client
) -> None:
    ada = service.client(world.ada.token)
    view = await run_mutation(admin, "createSavedView", **EVERYONE)
    assert await view_names(ada) == ["All"]
    assert not (await list_views(ada))[-1]["viewerCanChange"]
    await forbidden(ada, "createSavedView", **EVERYONE)
    await forbidden(ada, "updateSavedView", viewId=view["id"], name="Mine")
    await forbidden(ada, "deleteSavedView", viewId=view["id"])
    mine = await run_mutation(ada, "createSavedView", **MINE)
    await forbidden(ada, "updateSavedView", viewId=mine["id"], audience="EVERYONE")
    narrow = service.client(
        await token_of(await User.get(id=world.root.id), ["tickets:read", "tickets:write"])
    )
    await forbidden(narrow, "updateSavedView", viewId=view["id"], name="Mine")


async def test_customers_and_api_clients_have_no_views(service: Service, world: World) -> None:
    for token in (world.cora.token, await api_client_token("Other")):
        client = service.client(token)
        for query in (
            "{ savedViews { nodes { id } } }",
            'mutation { createSavedView(input: {name: "X"}) { savedView { id } } }',
        ):
            with pytest.raises(Refused) as refused:
                await client.run(query)
            assert refused.value.code == "FORBIDDEN"
        view = await SavedView.first()
        assert view is not None
        found = await client.run("query($id: ID!) { node(id: $id) { id } }", id=f"svw_{view.id}")
        assert found == {"node": None}


async def test_views_are_ordered_by_audience_and_position(
    service: Service, world: World, admin: Client
) -> None:
    ada = service.client(world.ada.token)
    for name, position in (("c", None), ("a", 1), ("b", 1), ("d", 2**31 - 1), ("e", None)):
        await run_mutation(ada, "createSavedView", name=name, position=position)
    await run_mutation(ada, "createSavedView", **SUPPORT)
    await run_mutation(admin, "createSavedView", position=0, **EVERYONE)
    expected = ["a", "b", "c", "d", "e", "Support", "All", *DEFAULTS]
    assert [view["name"] for view in await list_views(ada)] == expected
    names: list[str] = []
    after: str | None = None
    query = """query($after: String) { savedViews(first: 3, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } nodes { name } } }"""
    while True:
        page = (await ada.run(query, after=after))["savedViews"]
        assert page["totalCount"] == len(expected)
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == expected


async def test_a_view_can_be_given_to_other_people(
    service: Service, world: World, admin: Client
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    view = await run_mutation(ada, "createSavedView", **MINE)
    shared = await run_mutation(
        ada, "updateSavedView", viewId=view["id"], audience="TEAM", team="support"
    )
    assert (shared["owner"], shared["team"]) == (None, {"slug": "support"})
    await run_mutation(admin, "updateSavedView", viewId=view["id"], audience="EVERYONE")
    assert await view_names(bill) == ["Mine"]
    taken = await run_mutation(admin, "updateSavedView", viewId=view["id"], audience="PERSONAL")
    assert (taken["owner"], taken["team"]) == ({"displayName": "Root"}, None)
    assert await view_names(ada) == await view_names(bill) == []
    entries = await AuditEntry.filter(action="updateSavedView").order_by("occurred_at", "id")
    assert [sorted(entry.changes) for entry in entries] == [
        ["audience", "owner_id", "team_id"],
        ["audience", "team_id"],
        ["audience", "owner_id"],
    ]


async def test_the_audit_log_has_changes_of_shared_views(admin: Client, world: World) -> None:
    head = await event.read_head()
    view = await run_mutation(admin, "createSavedView", filter={"unread": True}, **EVERYONE)
    await run_mutation(admin, "updateSavedView", viewId=view["id"], name="Renamed")
    await send_mutation(admin, "deleteSavedView", viewId=view["id"])
    assert await event.read_head() == head, "views are not in the log of the directory"
    query = """{ auditLog(filter: {recordKind: SAVED_VIEW}) { nodes {
      action recordId record { id } changes { field from to } } } }"""
    deleted, updated, created = (await admin.run(query))["auditLog"]["nodes"]
    assert [each["action"] for each in (created, updated, deleted)] == [
        "createSavedView",
        "updateSavedView",
        "deleteSavedView",
    ]
    assert {each["recordId"] for each in (created, updated, deleted)} == {view["id"]}
    assert deleted["record"] is None
    assert updated["changes"] == [{"field": "name", "from": "All", "to": "Renamed"}]
    filters = {"field": "ticketFilter", "from": None, "to": '{"unread":true}'}
    assert filters in created["changes"]
    assert {"field": "name", "from": "Renamed", "to": None} in deleted["changes"]


async def test_a_view_with_an_invalid_filter_does_not_break_the_list(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    view = await run_mutation(ada, "createSavedView", **MINE)
    broken: list[tuple[Any, str]] = [
        ({"status": {"eq": "ARCHIVED"}}, "status.eq"),
        ({"mood": {"eq": "GOOD"}}, "mood"),
        ([], "JSON object"),
        ({"and": [{"status": {"eq": "NEW"}}] * 51}, "at most 100 conditions"),
    ]
    for data, part in broken:
        await SavedView.filter(name="Mine").update(ticket_filter=data)
        found, *others = await list_views(ada)
        assert (found["id"], found["count"], found["filter"]) == (view["id"], None, data)
        assert part in found["filterError"]
        assert [other["count"] for other in others] == [0] * 5
    await SavedView.filter(name="Mine").update(
        ticket_filter={"team": {"eq": "gone"}},
        order_by=[{"field": "GONE", "direction": "ASC"}],
        columns=["GONE", "REF"],
    )
    found = (await list_views(ada))[0]
    assert (found["filterError"], found["count"]) == (None, 0)
    assert (found["orderBy"], found["columns"]) == ([], ["REF"])


async def test_columns_of_custom_fields_outlast_the_fields(
    service: Service, world: World, admin: Client
) -> None:
    ada = service.client(world.ada.token)
    field = await run_mutation(
        admin, "createCustomField", key="region", label="Region", type="TEXT"
    )
    given = {"columns": ["REF"], "customFieldColumns": ["region", "gone", "region"]}
    view = await run_mutation(ada, "createSavedView", **MINE, **given)
    assert (view["columns"], view["customFieldColumns"]) == (["REF"], ["region", "gone"])
    await run_mutation(admin, "archiveCustomField", fieldId=field["id"])
    assert (await list_views(ada))[0] == view
    changed = await run_mutation(ada, "updateSavedView", viewId=view["id"], columns=["SLA"])
    assert (changed["columns"], changed["customFieldColumns"]) == (["SLA"], ["region", "gone"])
    given = {"customFieldColumns": ["seats"]}
    changed = await run_mutation(ada, "updateSavedView", viewId=view["id"], **given)
    assert (changed["columns"], changed["customFieldColumns"]) == (["SLA"], ["seats"])
    given = {"customFieldColumns": None}
    changed = await run_mutation(ada, "updateSavedView", viewId=view["id"], **given)
    assert (changed["columns"], changed["customFieldColumns"]) == (["SLA"], [])
    assert changed["version"] == 4


async def test_counting_takes_a_constant_number_of_statements(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    query = "{ savedViews(first: 50) { nodes { name count viewerCanChange } } }"
    await ada.run(query)
    with statements() as before:
        await ada.run(query)
    for index in range(20):
        filter = {"number": {"in": list(range(index * 10))}}
        await run_mutation(ada, "createSavedView", name=f"View {index}", filter=filter)
    with statements() as after:
        assert len((await ada.run(query))["savedViews"]["nodes"]) == 25
    assert len(after.sent) == len(before.sent), after.sent


async def test_concurrent_changes_of_a_view_keep_its_version(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    view = await run_mutation(ada, "createSavedView", **MINE)
    payloads = await asyncio.gather(
        *(
            send_mutation(
                ada, "updateSavedView", viewId=view["id"], name=f"Name {index}", expectedVersion=1
            )
            for index in range(5)
        )
    )
    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["STALE_VERSION"] * 4
    assert (await list_views(ada))[0]["version"] == 2


async def test_a_metric_counts_the_views(world: World, admin: Client) -> None:
    await run_mutation(admin, "createSavedView", **MINE)
    await run_mutation(admin, "createSavedView", **SUPPORT)
    samples = await read_background_metrics(now(), now())
    counts = {
        each.labels["audience"]: each.value
        for each in samples
        if each.name == "ticketwire_saved_views"
    }
    assert counts == {"personal": 1, "team": 1, "everyone": 5}
