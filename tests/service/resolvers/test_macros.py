"""Macros: who sees and changes them, lists, and every refusal when they are saved."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import MACRO_FIELDS, refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.macros import create_macro

from models.audit.entry import AuditEntry
from models.background_metrics import read_background_metrics
from models.core import record_limits
from models.core.time import now
from models.log import event
from models.macros.macro import Macro
from models.macros.placeholders import PLACEHOLDERS
from models.people.team import Membership, Team
from models.people.user import User

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]
MINE = {"name": "Mine", "text": "Hi"}
SUPPORT = {"name": "Support", "text": "Hi", "audience": "TEAM", "team": "support"}
EVERYONE = {"name": "All", "text": "Hi", "audience": "EVERYONE"}
NODE = "query($id: ID!) { node(id: $id) { ... on Macro { name } } }"


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def bill(service: Service, world: World) -> Client:
    return service.client(world.bill.token)


async def list_names(client: Client, **arguments: Any) -> list[str]:
    query = """query($search: String, $inactive: Boolean, $all: Boolean) {
      macros(search: $search, includeInactive: $inactive, allTeams: $all, first: 100) {
        nodes { name } } }"""
    nodes = (await client.run(query, **arguments))["macros"]["nodes"]
    return [node["name"] for node in nodes]


async def forbidden(client: Client, mutation: str, **input: Any) -> None:
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refused:
            await send_mutation(client, mutation, **input)
    assert refused.value.code == "FORBIDDEN"


async def test_a_macro_has_the_values_that_were_given(ada: Client, world: World) -> None:
    created = await run_mutation(
        ada,
        "createMacro",
        name="  Ask\n for logs ",
        text=" **Hi** {{ ticket.ref }}",
        statusAction="HOLD",
        holdFor="P1DT2H",
        assignment="PERSON",
        assigneeId=world.bill.gid,
        newTeam="billing",
        priority="URGENT",
        addTags=[" a ", "A", "b"],
        removeTags=["c"],
    )
    assert created == {
        "id": created["id"],
        "name": "Ask for logs",
        "audience": "PERSONAL",
        "owner": {"displayName": "Ada"},
        "team": None,
        "text": " **Hi** {{ ticket.ref }}",
        "statusAction": "HOLD",
        "holdFor": "P1DT2H",
        "closeReason": None,
        "assignment": "PERSON",
        "assignee": {"displayName": "Bill"},
        "newTeam": {"slug": "billing"},
        "priority": "URGENT",
        "addTags": ["a", "b"],
        "removeTags": ["c"],
        "active": True,
        "version": 1,
        "viewerCanChange": True,
    }
    query = f"{{ macros {{ nodes {{ {MACRO_FIELDS} }} }} }}"
    assert (await ada.run(query))["macros"]["nodes"] == [created]


async def test_an_update_changes_what_is_given_and_null_removes(ada: Client, world: World) -> None:
    macro = await create_macro(
        ada,
        text="Hi",
        statusAction="HOLD",
        holdFor="PT1H",
        assignment="PERSON",
        assigneeId=world.bill.gid,
        newTeam="billing",
        priority="LOW",
        addTags=["a"],
        removeTags=["b"],
    )

    async def update(**input: Any) -> dict[str, Any]:
        return await run_mutation(ada, "updateMacro", macroId=macro, **input)

    renamed = await update(name="New", team=None, audience=None, active=None)
    assert (renamed["name"], renamed["holdFor"], renamed["version"]) == ("New", "PT1H", 2)
    updated = await update(statusAction="CLOSE", closeReason="SPAM", assignment="APPLIER")
    assert (updated["holdFor"], updated["closeReason"], updated["assignee"]) == (None, "SPAM", None)
    awaiting = await update(statusAction="AWAIT_CUSTOMER")
    assert (awaiting["statusAction"], awaiting["closeReason"]) == ("AWAIT_CUSTOMER", None)
    cleared = await update(
        text=None, statusAction=None, newTeam=None, priority=None, addTags=None, removeTags=None
    )
    empty = {"text", "statusAction", "newTeam", "priority"}
    assert {name for name in empty if cleared[name] is not None} == set()
    assert (cleared["addTags"], cleared["removeTags"], cleared["assignment"]) == ([], [], "APPLIER")
    assert (await update(name="New"))["version"] == cleared["version"], "nothing has changed"
    assert await refusal_of(ada, "updateMacro", macroId=macro, assignment=None) == "REQUIRED text"


@pytest.mark.parametrize(
    ("input", "refusal"),
    [
        ({"name": " "}, "REQUIRED name"),
        ({"name": "n" * 201}, "TOO_LONG name"),
        ({"name": "a\0"}, "INVALID name"),
        ({"text": None}, "REQUIRED text"),
        ({"text": " \n"}, "REQUIRED text"),
        ({"text": "t" * 20_001}, "TOO_LONG text"),
        ({"text": " " * 20_000 + "t"}, "TOO_LONG text"),
        ({"text": "a\0"}, "INVALID text"),
        ({"text": "{{requester.email}}"}, "INVALID text"),
        ({"text": "{{ticket.ref}"}, "INVALID text"),
        ({"text": "{{{{ticket.ref}}}}"}, "INVALID text"),
        ({"text": "{{ticket.ref}}" * 10_000}, "TOO_LONG text"),
        ({"text": "{{" * 10_000}, "INVALID text"),
        ({"text": None, "statusAction": "RESOLVE"}, "REQUIRED text"),
        ({"statusAction": "CLOSE"}, "REQUIRED closeReason"),
        ({"closeReason": "SPAM"}, "INVALID closeReason"),
        ({"statusAction": "HOLD", "closeReason": "SPAM"}, "INVALID closeReason"),
        ({"holdFor": "PT1H"}, "INVALID holdFor"),
        ({"statusAction": "HOLD", "holdFor": "PT59S"}, "INVALID holdFor"),
        ({"statusAction": "HOLD", "holdFor": "P365DT1S"}, "INVALID holdFor"),
        ({"statusAction": "HOLD", "holdFor": "PT60.5S"}, "INVALID holdFor"),
        ({"assignment": "PERSON"}, "REQUIRED assigneeId"),
        ({"assignment": "APPLIER", "assigneeId": "usr_1"}, "INVALID assigneeId"),
        ({"assigneeId": "usr_1"}, "INVALID assigneeId"),
        ({"assignment": "PERSON", "assigneeId": "usr_1"}, "NOT_FOUND assigneeId"),
        ({"newTeam": "gone"}, "NOT_FOUND newTeam"),
        ({"newTeam": "a\0"}, "NOT_FOUND newTeam"),
        ({"addTags": [""]}, "REQUIRED addTags"),
        ({"addTags": ["t" * 51]}, "TOO_LONG addTags"),
        ({"addTags": [f"t{n}" for n in range(21)]}, "INVALID addTags"),
        ({"removeTags": [f"t{n}" for n in range(21)]}, "INVALID removeTags"),
        ({"addTags": ["a"], "removeTags": ["A"]}, "INVALID removeTags"),
        ({"audience": "TEAM"}, "REQUIRED team"),
        ({"audience": "TEAM", "team": "gone"}, "NOT_FOUND team"),
        ({"team": "support"}, "INVALID team"),
        ({"idempotencyKey": ""}, "INVALID idempotencyKey"),
    ],
)
async def test_macros_that_can_not_be_saved_are_refused(
    ada: Client, input: dict[str, Any], refusal: str
) -> None:
    assert await refusal_of(ada, "createMacro", **{**MINE, **input}) == refusal
    macro = await create_macro(ada, text="Hi")
    assert await refusal_of(ada, "updateMacro", macroId=macro, **input) == refusal


async def test_people_and_teams_that_can_not_get_tickets_are_refused(
    ada: Client, world: World
) -> None:
    person = {**MINE, "assignment": "PERSON"}
    assert (
        await refusal_of(ada, "createMacro", **person, assigneeId=world.cora.gid)
        == "INVALID assigneeId"
    )
    await User.filter(id=world.bill.id).update(active=False)
    assert (
        await refusal_of(ada, "createMacro", **person, assigneeId=world.bill.gid)
        == "INVALID assigneeId"
    )
    await Team.filter(slug="sales").update(active=False)
    assert await refusal_of(ada, "createMacro", **MINE, newTeam="sales") == "INVALID newTeam"


async def test_unknown_placeholders_are_named_with_the_known_ones(ada: Client) -> None:
    payload = await send_mutation(ada, "createMacro", name="M", text="{{a}} {{requester.email}}")
    (error,) = payload["userErrors"]
    assert error["message"] == (
        "has unknown placeholders: {{a}}, {{requester.email}}. "
        f"Known placeholders: {', '.join(PLACEHOLDERS)}"
    )


async def test_personal_macros_are_private(ada: Client, bill: Client, admin: Client) -> None:
    macro = await create_macro(ada, **MINE)
    assert await ada.run(NODE, id=macro) == {"node": {"name": "Mine"}}
    for other in (bill, admin):
        assert await list_names(other) == []
        assert await other.run(NODE, id=macro) == {"node": None}
        for mutation in ("updateMacro", "archiveMacro"):
            assert await refusal_of(other, mutation, macroId=macro) == "NOT_FOUND macroId"
    assert await list_names(admin, all=True) == []
    await run_mutation(ada, "archiveMacro", macroId=macro)
    assert await AuditEntry.filter(record_kind="macro").count() == 0


async def test_members_and_admins_change_the_macros_of_a_team(
    ada: Client, bill: Client, admin: Client, world: World
) -> None:
    macro = await create_macro(ada, **SUPPORT)
    assert (await list_names(ada), await list_names(bill)) == (["Support"], [])
    assert (await list_names(admin), await list_names(admin, all=True)) == ([], ["Support"])
    with pytest.raises(Refused) as refused:
        await list_names(ada, all=True)
    assert refused.value.code == "FORBIDDEN"
    await forbidden(bill, "createMacro", **SUPPORT)
    await run_mutation(admin, "updateMacro", macroId=macro, name="Ours")
    await Membership.create(team=await Team.get(slug="support"), user_id=world.bill.id)
    assert await list_names(bill) == ["Ours"]
    assert not (await run_mutation(bill, "archiveMacro", macroId=macro))["active"]


async def test_only_admins_change_the_macros_for_everyone(
    service: Service, ada: Client, admin: Client, world: World
) -> None:
    macro = await create_macro(admin, **EVERYONE)
    assert await list_names(ada) == ["All"]
    query = "query($id: ID!) { node(id: $id) { ... on Macro { viewerCanChange } } }"
    assert await ada.run(query, id=macro) == {"node": {"viewerCanChange": False}}
    await forbidden(ada, "createMacro", **EVERYONE)
    await forbidden(ada, "updateMacro", macroId=macro, name="Mine")
    await forbidden(ada, "archiveMacro", macroId=macro)
    own = await create_macro(ada, **MINE)
    await forbidden(ada, "updateMacro", macroId=own, audience="EVERYONE")
    root = await User.get(id=world.root.id)
    narrow = service.client(await token_of(root, ["tickets:read", "tickets:write"]))
    await forbidden(narrow, "updateMacro", macroId=macro, name="Mine")


async def test_customers_and_api_clients_have_no_macros(
    service: Service, world: World, admin: Client
) -> None:
    macro = await create_macro(admin, **EVERYONE)
    for token in (world.cora.token, await api_client_token("Other")):
        client = service.client(token)
        for query in (
            "{ macros { nodes { id } } }",
            '{ previewMacro(macroId: "a", ticketId: "b") { text } }',
            'mutation { applyMacro(input: {ticketId: "a", macroId: "b"}) { ref } }',
            'mutation { createMacro(input: {name: "X", text: "x"}) { macro { id } } }',
        ):
            async with assert_nothing_stored():
                with pytest.raises(Refused) as refused:
                    await client.run(query)
            assert refused.value.code == "FORBIDDEN"
        assert await client.run(NODE, id=macro) == {"node": None}


async def test_macros_are_found_by_a_part_of_their_name_or_text(ada: Client, admin: Client) -> None:
    await create_macro(ada, name="Zebra", text="Restart the ROUTER")
    await create_macro(admin, name="ask for logs", text="x", audience="EVERYONE")
    archived = await create_macro(ada, name="Router (old)", priority="LOW")
    await run_mutation(ada, "archiveMacro", macroId=archived)
    assert sorted(await list_names(ada)) == ["Zebra", "ask for logs"]
    assert await list_names(ada, search=" router ") == ["Zebra"]
    assert sorted(await list_names(ada, search="router", inactive=True)) == [
        "Router (old)",
        "Zebra",
    ]
    for search, names in (("LOGS", ["ask for logs"]), ("%", []), ("_", []), ("nothing", [])):
        assert await list_names(ada, search=search) == names
    assert len(await list_names(ada, search=" ")) == 2
    with pytest.raises(Refused) as refused:
        await list_names(ada, search="\0")
    assert refused.value.code == "BAD_REQUEST"


async def test_pages_of_macros_follow_each_other(ada: Client) -> None:
    for number in (3, 1, 2, 1):
        await create_macro(ada, name=f"M{number}", text="x")
    query = """query($after: String) { macros(first: 3, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } nodes { name } } }"""
    first = (await ada.run(query))["macros"]
    rest = (await ada.run(query, after=first["pageInfo"]["endCursor"]))["macros"]
    names = [node["name"] for page in (first, rest) for node in page["nodes"]]
    assert (names, first["totalCount"]) == (["M1", "M1", "M2", "M3"], 4)
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    with pytest.raises(Refused) as refused:
        await ada.run(query, after="x")
    assert refused.value.code == "CURSOR_INVALID"


async def test_archived_macros_can_be_restored(ada: Client) -> None:
    macro = await create_macro(ada, **MINE)
    archived = await run_mutation(ada, "archiveMacro", macroId=macro, expectedVersion=1)
    assert (archived["active"], archived["version"]) == (False, 2)
    assert (await run_mutation(ada, "archiveMacro", macroId=macro))["version"] == 2
    assert await refusal_of(ada, "archiveMacro", macroId=macro, expectedVersion=1) == (
        "STALE_VERSION expectedVersion"
    )
    assert (await run_mutation(ada, "updateMacro", macroId=macro, active=True))["active"]
    assert await list_names(ada) == ["Mine"]


async def test_the_audit_log_has_changes_of_shared_macros(admin: Client) -> None:
    head = await event.read_head()
    macro = await create_macro(admin, **EVERYONE)
    await run_mutation(admin, "updateMacro", macroId=macro, newTeam="sales", addTags=["a", "b"])
    await run_mutation(admin, "archiveMacro", macroId=macro)
    await run_mutation(admin, "updateMacro", macroId=macro, audience="PERSONAL")
    assert await event.read_head() == head, "macros are not in the log of the directory"
    query = """{ auditLog(filter: {recordKind: MACRO}) { nodes {
      action recordId record { id } changes { field from to } } } }"""
    shared, archived, updated, created = (await admin.run(query))["auditLog"]["nodes"]
    assert [each["action"] for each in (created, updated, archived, shared)] == [
        "createMacro",
        "updateMacro",
        "archiveMacro",
        "updateMacro",
    ]
    assert {each["recordId"] for each in (created, updated, archived)} == {macro}
    sales = f"team_{(await Team.get(slug='sales')).id}"
    assert sorted(updated["changes"], key=lambda each: each["field"]) == [
        {"field": "addTags", "from": "", "to": "a, b"},
        {"field": "newTeam", "from": None, "to": sales},
    ]
    assert archived["changes"] == [{"field": "active", "from": "true", "to": "false"}]
    assert created["record"] == {"id": macro}, "the admin is its owner now"


@pytest.mark.parametrize("audience", ["PERSONAL", "TEAM", "EVERYONE"])
async def test_the_number_of_active_macros_is_limited(
    service: Service, world: World, ada: Client, admin: Client, audience: str
) -> None:
    client = admin if audience == "EVERYONE" else ada
    input = {"PERSONAL": MINE, "TEAM": SUPPORT, "EVERYONE": EVERYONE}[audience]
    first = await create_macro(client, **input)
    stored = await Macro.get()
    values = {"audience": stored.audience, "owner_id": stored.owner_id, "team_id": stored.team_id}
    lists = {"add_tags": [], "remove_tags": []}
    await Macro.bulk_create([Macro(name="n", text="t", **values, **lists) for _ in range(99)])
    assert await refusal_of(client, "createMacro", **input) == "INVALID"
    await run_mutation(client, "archiveMacro", macroId=first)
    await create_macro(client, **input)
    assert await refusal_of(client, "updateMacro", macroId=first, active=True) == "INVALID"
    if audience != "PERSONAL":
        mine = await create_macro(client, **MINE)
        target = {name: value for name, value in input.items() if name in ("audience", "team")}
        assert await refusal_of(client, "updateMacro", macroId=mine, **target) == "INVALID"
    samples = await read_background_metrics(now(), now())
    counts = {each.label: each.value for each in samples if each.name == "ticketwire_macros"}
    assert counts["audience", audience.lower()] == 101


async def test_the_oldest_archived_macros_are_deleted(ada: Client) -> None:
    first = await create_macro(ada, **MINE)
    await run_mutation(ada, "archiveMacro", macroId=first, idempotencyKey="k")
    stored = await Macro.get()
    lists = {"add_tags": [], "remove_tags": [], "active": False}
    more = [
        Macro(name="n", text="t", audience=stored.audience, owner_id=stored.owner_id, **lists)
        for _ in range(99)
    ]
    await Macro.bulk_create(more)
    before = record_limits.REACHED["archived_macros"]
    last = await create_macro(ada, **MINE)
    await run_mutation(ada, "archiveMacro", macroId=last)
    assert await ada.run(NODE, id=first) == {"node": None}
    assert await ada.run(NODE, id=last) == {"node": {"name": "Mine"}}
    assert await Macro.all().count() == 100
    assert record_limits.REACHED["archived_macros"] == before + 1
    again = await send_mutation(ada, "archiveMacro", macroId=first, idempotencyKey="k")
    assert [error["code"] for error in again["userErrors"]] == ["NOT_FOUND"]


async def test_concurrent_changes_of_a_macro_keep_its_version(ada: Client) -> None:
    macro = await create_macro(ada, **MINE)
    payloads = await asyncio.gather(
        *(
            send_mutation(ada, "updateMacro", macroId=macro, name=f"N{n}", expectedVersion=1)
            for n in range(5)
        )
    )
    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["STALE_VERSION"] * 4
    assert (await Macro.get()).version == 2
