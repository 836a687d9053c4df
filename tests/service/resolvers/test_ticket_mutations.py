"""Ticket mutations over the API: their effects, and every refusal with its exact code."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import machine
from support.assert_unchanged import assert_nothing_stored, refusals

from models.core import ids
from models.log.event import Event
from models.people.user import User

pytestmark = pytest.mark.without_default_policies

MISSING_USER = ids.encode(ids.USER, UUID(int=7))
NEW: dict[str, Any] = {
    "subject": "VPN is down",
    "description": "Since noon.",
    "category": "technical",
}


def event_type(payload: dict[str, Any]) -> str:
    return str(payload["event"]["type"])


async def read_version(client: Client, ticket_id: str) -> int:
    return int(
        (await client.run("query($id: ID!) { ticket(id: $id) { version } }", id=ticket_id))[
            "ticket"
        ]["version"]
    )


async def read_timeline(client: Client, ticket_id: str) -> list[dict[str, Any]]:
    query = """query($id: ID!) { ticket(id: $id) { timeline(first: 100) { nodes {
      type actor { displayName }
      ... on TicketStatusEvent { action from to } ... on TicketStatusChanged { said: comment }
      ... on TicketUpdated { changes { field from to } }
      ... on TicketTransferred { fromTeam { slug } toTeam { slug } }
      ... on TicketAssigned { fromAssignee { displayName } toAssignee { displayName } }
      ... on TicketEscalated { level reason } ... on TicketRated { score comment }
      ... on TicketReplied { reply { body } } ... on TicketLinked { kind other { id } }
      ... on TicketMerged { fromTicket { id } into { id } } } } } }"""
    return (await client.run(query, id=ticket_id))["ticket"]["timeline"]["nodes"]


# ---------------------------------------------------------------- creating


async def test_a_ticket_is_created_with_the_given_fields(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    payload = await cora.mutate(
        "createTicket",
        {
            "subject": "  VPN is down \n",
            "description": "It **fails**.",
            "category": "technical",
            "priority": "HIGH",
            "tags": [" vpn ", "berlin", "vpn"],
            "externalId": " K-1 ",
            "resources": [
                {"kind": "server", "externalId": "s-1", "name": "Edge"},
                {"kind": " server ", "externalId": "s-1"},
            ],
        },
        "ticket { description organization { name } requester { id } "
        "resources { kind externalId name } watchers { id } }",
    )
    ticket = payload["ticket"]
    assert payload["userErrors"] == []
    assert (payload["event"]["type"], payload["event"]["__typename"]) == (
        "TICKET_CREATED",
        "TicketCreated",
    )
    assert payload["event"]["actor"] == {"__typename": "User", "displayName": "Cora"}
    assert payload["cursor"] == payload["event"]["cursor"]
    fields = {
        name: ticket[name]
        for name in (
            "subject",
            "description",
            "status",
            "stage",
            "priority",
            "externalId",
            "version",
        )
    }
    assert fields == {
        "subject": "VPN is down",
        "description": "It **fails**.",
        "status": "NEW",
        "stage": "CREATION",
        "priority": "HIGH",
        "externalId": "K-1",
        "version": 1,
    }
    assert ticket["tags"] == ["berlin", "vpn"]
    assert ticket["resources"] == [{"kind": "server", "externalId": "s-1", "name": None}]
    assert ticket["organization"] == {"name": "Acme"}
    assert ticket["ref"] == f"TKT-{ticket['number']}"
    assert ticket["createdAt"] == ticket["updatedAt"]
    assert ticket["createdAt"].endswith("Z")
    assert (
        ticket["assignee"]
        is ticket["resolvedAt"]
        is ticket["closedAt"]
        is ticket["firstRespondedAt"]
        is None
    )
    assert ticket["allowedActions"] == ["CLOSE"]
    again = await cora.raise_ticket()
    assert again["number"] > ticket["number"]


async def test_the_category_sets_the_team_and_omitted_fields_have_defaults(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    for category, team in (("technical", "support"), ("sales", "sales"), ("billing", "billing")):
        ticket = await cora.raise_ticket(
            category=category, priority=None, tags=None, externalId=None, resources=None
        )
        assert (ticket["category"], ticket["team"]) == ({"slug": category}, {"slug": team})
        assert (ticket["priority"], ticket["tags"], ticket["externalId"]) == ("NORMAL", [], None)
    for missing in ("unknown", "", "tech\0nical", "x" * 10_000):
        assert await refusals(cora, "createTicket", **NEW | {"category": missing}) == [
            "NOT_FOUND category"
        ]


async def test_length_limits_apply_after_trimming(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    accepted: list[dict[str, Any]] = [
        {"subject": "x" * 200},
        {"subject": "😀" * 200},
        {"subject": f"  {'x' * 200}\n"},
        {"description": "d" * 65_536},
        {"tags": [str(n) for n in range(20)]},
        {"tags": ["t" * 50]},
        {"tags": [" same ", "same"] * 30},
        {"externalId": "e" * 255},
        {"resources": [{"kind": "k" * 64, "externalId": "e" * 255, "name": "n" * 200}]},
        {"resources": [{"kind": "k", "externalId": str(n)} for n in range(50)]},
    ]
    for fields in accepted:
        await cora.raise_ticket(**fields)
    resource = {"kind": "k", "externalId": "e"}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"subject": ""}, "REQUIRED subject"),
        ({"subject": " \t\n"}, "REQUIRED subject"),
        ({"subject": "x" * 201}, "TOO_LONG subject"),
        ({"subject": "a\0b"}, "INVALID subject"),
        ({"description": "   "}, "REQUIRED description"),
        ({"description": "d" * 65_537}, "TOO_LONG description"),
        ({"description": "\0"}, "INVALID description"),
        ({"tags": [str(n) for n in range(21)]}, "INVALID tags"),
        ({"tags": ["t" * 51]}, "TOO_LONG tags"),
        ({"tags": ["ok", " "]}, "REQUIRED tags"),
        ({"tags": ["a\0"]}, "INVALID tags"),
        ({"externalId": ""}, "REQUIRED externalId"),
        ({"externalId": "e" * 256}, "TOO_LONG externalId"),
        ({"externalId": "e\0"}, "INVALID externalId"),
        ({"resources": [resource | {"kind": " "}]}, "REQUIRED resources.kind"),
        ({"resources": [resource | {"kind": "k" * 65}]}, "TOO_LONG resources.kind"),
        ({"resources": [resource | {"externalId": ""}]}, "REQUIRED resources.externalId"),
        ({"resources": [resource | {"externalId": "e" * 256}]}, "TOO_LONG resources.externalId"),
        ({"resources": [resource | {"name": "n" * 201}]}, "TOO_LONG resources.name"),
        ({"resources": [resource | {"externalId": "\0"}]}, "INVALID resources.externalId"),
        (
            {"resources": [{"kind": "k", "externalId": str(n)} for n in range(51)]},
            "INVALID resources",
        ),
    ]
    for fields, code in refused:
        assert await refusals(cora, "createTicket", **NEW | fields) == [code], fields


async def test_all_errors_of_a_new_ticket_are_returned_together(
    service: Service, world: World
) -> None:
    fields = {
        "subject": " ",
        "description": "d" * 65_537,
        "tags": ["\0"],
        "externalId": "e" * 256,
        "category": "sales",
    }
    assert await refusals(service.client(world.cora.token), "createTicket", **fields) == [
        "REQUIRED subject",
        "TOO_LONG description",
        "INVALID tags",
        "TOO_LONG externalId",
    ]


async def test_a_lone_surrogate_is_refused(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    async with assert_nothing_stored():
        for text in (r"\ud800", r"a\udfffb"):
            fields = f'{{subject: "{text}", description: "d", category: "sales"}}'
            with pytest.raises(Refused) as refusal:
                await cora.run(
                    f"mutation {{ createTicket(input: {fields}) {{ ticket {{ id }} }} }}"
                )
            assert refusal.value.code == "GRAPHQL_PARSE_FAILED"


async def test_an_external_id_is_unique_per_api_client(service: Service, world: World) -> None:
    sync, other = service.client(world.machine), service.client(await machine("Other"))
    new = NEW | {"requesterId": world.cora.gid, "externalId": "K-1"}
    first = await sync.do("createTicket", **new)
    assert await refusals(sync, "createTicket", **new) == ["TAKEN externalId"]
    assert await refusals(sync, "createTicket", **new | {"externalId": "  K-1 "}) == [
        "TAKEN externalId"
    ]
    second = await other.do("createTicket", **new)
    query = '{ ticketByExternalId(externalId: "K-1") { id } }'
    assert (await sync.run(query))["ticketByExternalId"] == {"id": first["ticket"]["id"]}
    assert (await other.run(query))["ticketByExternalId"] == {"id": second["ticket"]["id"]}
    assert (await service.client(world.ada.token).run(query))["ticketByExternalId"] == {
        "id": first["ticket"]["id"]
    }
    for odd in ("\\u0000", "x" * 300):
        data = await sync.run(f'{{ ticketByExternalId(externalId: "{odd}") {{ id }} }}')
        assert data["ticketByExternalId"] is None


async def test_customers_of_different_accounts_may_use_the_same_external_id(
    service: Service, world: World
) -> None:
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    await cora.raise_ticket(externalId="K-1")
    await olga.raise_ticket(externalId="K-1")
    assert await refusals(olga, "createTicket", **NEW | {"externalId": "K-1"}) == [
        "TAKEN externalId"
    ]


async def test_one_of_several_concurrent_creates_gets_the_external_id(
    service: Service, world: World
) -> None:
    sync = service.client(world.machine)
    new = NEW | {"requesterId": world.cora.gid, "externalId": "K-1"}
    payloads = await asyncio.gather(*(sync.mutate("createTicket", dict(new)) for _ in range(8)))
    outcomes = sorted(
        payload["userErrors"][0]["code"] if payload["userErrors"] else "created"
        for payload in payloads
    )
    assert outcomes == ["TAKEN"] * 7 + ["created"]
    assert await Event.all().count() == 1


async def test_a_new_ticket_has_the_permitted_requester_and_their_account(
    service: Service, world: World
) -> None:
    cora, ada, sync = (
        service.client(world.cora.token),
        service.client(world.ada.token),
        service.client(world.machine),
    )
    more = "ticket { organization { name } }"
    for client, fields, name, account in (
        (cora, {}, "Cora", "Acme"),
        (cora, {"requesterId": None}, "Cora", "Acme"),
        (cora, {"requesterId": world.cora.gid}, "Cora", "Acme"),
        (ada, {}, "Ada", None),
        (ada, {"requesterId": world.olga.gid}, "Olga", "Other"),
        (sync, {"requesterId": world.cora.gid}, "Cora", "Acme"),
    ):
        ticket = (await client.mutate("createTicket", NEW | fields, more))["ticket"]
        assert (ticket["requester"]["displayName"], (ticket["organization"] or {}).get("name")) == (
            name,
            account,
        )
    assert await refusals(sync, "createTicket", **NEW) == ["REQUIRED requesterId"]
    for client, id in (
        (cora, world.carl.gid),
        (cora, MISSING_USER),
        (ada, MISSING_USER),
        (ada, "nonsense"),
        (sync, world.cora.gid[4:]),
        (sync, ""),
    ):
        assert await refusals(client, "createTicket", **NEW | {"requesterId": id}) == [
            "NOT_FOUND requesterId"
        ], id


async def test_a_follow_up_is_linked_to_its_original_ticket(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    older = await cora.raise_ticket()
    created = await cora.mutate(
        "createTicket", NEW | {"followUpOf": older["id"]}, "ticket { links { kind ticket { id } } }"
    )
    assert created["event"]["type"] == "TICKET_CREATED"
    assert created["ticket"]["links"] == [{"kind": "FOLLOW_UP_OF", "ticket": {"id": older["id"]}}]
    assert created["ticket"]["version"] == 1
    links = await cora.run(
        "query($id: ID!) { ticket(id: $id) { version links { kind ticket { id } } } }",
        id=older["id"],
    )
    assert links["ticket"] == {
        "version": 2,
        "links": [{"kind": "FOLLOWED_UP_BY", "ticket": {"id": created["ticket"]["id"]}}],
    }
    for id in (ids.encode(ids.TICKET, UUID(int=7)), "nonsense", world.cora.gid):
        assert await refusals(cora, "createTicket", **NEW | {"followUpOf": id}) == [
            "NOT_FOUND followUpOf"
        ]


# ---------------------------------------------------------------- updating


async def test_an_update_changes_the_given_fields_and_logs_the_old_values(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket(tags=["a", "b"]))["id"]
    updated = await ada.do(
        "updateTicket",
        ticketId=key,
        subject=" New ",
        priority="URGENT",
        addTags=["c", "b"],
        removeTags=["a", "z"],
        externalId="E",
    )
    ticket = updated["ticket"]
    fields = [ticket[name] for name in ("subject", "priority", "tags", "externalId", "version")]
    assert fields == ["New", "URGENT", ["b", "c"], "E", 2]
    (event,) = [each for each in await read_timeline(ada, key) if each["type"] == "TICKET_UPDATED"]
    assert {each["field"]: (each["from"], each["to"]) for each in event["changes"]} == {
        "subject": ("VPN is down", "New"),
        "priority": ("NORMAL", "URGENT"),
        "tags": ("a, b", "b, c"),
        "externalId": (None, "E"),
    }
    moved = await ada.do("updateTicket", ticketId=key, category="billing")
    assert (moved["ticket"]["category"], moved["ticket"]["team"], event_type(moved)) == (
        {"slug": "billing"},
        {"slug": "billing"},
        "TICKET_UPDATED",
    )
    assert [
        (each["fromTeam"], each["toTeam"])
        for each in await read_timeline(ada, key)
        if each["type"] == "TRANSFERRED"
    ] == [({"slug": "support"}, {"slug": "billing"})]
    assert moved["ticket"]["version"] == 3


async def test_an_update_that_changes_nothing_adds_no_version_and_no_event(
    service: Service, world: World
) -> None:
    cora, ada, sync = (
        service.client(world.cora.token),
        service.client(world.ada.token),
        service.client(world.machine),
    )
    key = (await cora.raise_ticket(tags=["a"]))["id"]
    answer = await sync.do("createTicket", **NEW, requesterId=world.cora.gid, externalId="S-1")
    theirs = answer["ticket"]["id"]
    unchanged: list[dict[str, Any]] = [
        {},
        {"subject": None, "priority": None, "category": None, "addTags": None, "removeTags": None},
        {"subject": " VPN is down ", "priority": "NORMAL", "category": "technical"},
        {"addTags": ["a"], "removeTags": ["never there"]},
        {"externalId": None},
    ]
    async with assert_nothing_stored():
        for fields in unchanged:
            payload = await ada.do("updateTicket", ticketId=key, **fields)
            assert (payload["ticket"]["version"], payload["event"]) == (1, None), fields
            assert payload["cursor"] is not None
        assert (await ada.do("updateTicket", ticketId=theirs, externalId="S-1"))["event"] is None
    data = await sync.run('{ ticketByExternalId(externalId: "S-1") { id } }')
    assert data["ticketByExternalId"] == {"id": theirs}


async def test_an_omitted_external_id_stays_and_null_removes_it(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first, second = await cora.raise_ticket(), await cora.raise_ticket()
    await ada.do("updateTicket", ticketId=first["id"], externalId="E")
    assert await refusals(
        ada, "updateTicket", ticketId=second["id"], externalId="E", subject="s"
    ) == ["TAKEN externalId"]
    payload = await ada.do("updateTicket", ticketId=first["id"], subject="x")
    assert payload["ticket"]["externalId"] == "E"
    payload = await ada.do("updateTicket", ticketId=first["id"], externalId=None)
    assert payload["ticket"]["externalId"] is None
    payload = await ada.do("updateTicket", ticketId=second["id"], externalId="E")
    assert payload["ticket"]["externalId"] == "E"


async def test_invalid_updates_are_refused(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket(tags=[str(n) for n in range(19)]))["id"]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"subject": " "}, "REQUIRED subject"),
        ({"subject": "x" * 201}, "TOO_LONG subject"),
        ({"subject": "\0"}, "INVALID subject"),
        ({"category": "unknown"}, "NOT_FOUND category"),
        ({"addTags": ["t" * 51]}, "TOO_LONG addTags"),
        ({"addTags": [""]}, "REQUIRED addTags"),
        ({"removeTags": ["a\0"]}, "INVALID removeTags"),
        ({"addTags": ["x", "y"]}, "INVALID addTags"),
        ({"externalId": " "}, "REQUIRED externalId"),
        ({"externalId": "e" * 256}, "TOO_LONG externalId"),
    ]
    for fields, code in refused:
        assert await refusals(ada, "updateTicket", ticketId=key, **fields) == [code], fields
    payload = await ada.do("updateTicket", ticketId=key, addTags=["x", "y"], removeTags=["0"])
    assert len(payload["ticket"]["tags"]) == 20


async def test_assigning_starts_a_new_ticket_and_accepts_only_staff(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for id, code in (
        (world.cora.gid, "INVALID"),
        (MISSING_USER, "NOT_FOUND"),
        ("x", "NOT_FOUND"),
        (key, "NOT_FOUND"),
    ):
        assert await refusals(ada, "assignTicket", ticketId=key, assigneeId=id) == [
            f"{code} assigneeId"
        ]
    await User.filter(id=world.bill.id).update(active=False)
    assert await refusals(ada, "assignTicket", ticketId=key, assigneeId=world.bill.gid) == [
        "INVALID assigneeId"
    ]
    payload = await ada.do("assignTicket", ticketId=key, assigneeId=world.ada.gid)
    assert (
        payload["ticket"]["status"],
        payload["ticket"]["assignee"]["id"],
        event_type(payload),
    ) == (
        "OPEN",
        world.ada.gid,
        "ASSIGNED",
    )
    assert payload["ticket"]["version"] == 2
    async with assert_nothing_stored():
        answer = await ada.do("assignTicket", ticketId=key, assigneeId=world.ada.gid)
        assert answer["event"] is None
    answer = await ada.do("assignTicket", ticketId=key, assigneeId=world.root.gid)
    assert answer["ticket"]["status"] == "OPEN"
    freed = await ada.do("assignTicket", ticketId=key)
    assert (freed["ticket"]["assignee"], freed["ticket"]["status"]) == (None, "OPEN")
    assigned = [
        (event["fromAssignee"], event["toAssignee"])
        for event in await read_timeline(ada, key)
        if event["type"] == "ASSIGNED"
    ]
    names = [None if each is None else each["displayName"] for pair in assigned for each in pair]
    assert names == [None, "Ada", "Ada", "Root", "Root", None]


async def test_a_transfer_unassigns_an_assignee_outside_the_new_team(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    await ada.do("assignTicket", ticketId=key, assigneeId=world.bill.gid)
    for slug in ("unknown", "", "sup\0port", "Support"):
        assert await refusals(ada, "transferTicket", ticketId=key, team=slug) == ["NOT_FOUND team"]
    async with assert_nothing_stored():
        assert (await ada.do("transferTicket", ticketId=key, team="support"))["event"] is None
    kept = await ada.do("transferTicket", ticketId=key, team="billing")
    assert (
        kept["ticket"]["team"],
        kept["ticket"]["assignee"]["displayName"],
        event_type(kept),
    ) == (
        {"slug": "billing"},
        "Bill",
        "TRANSFERRED",
    )
    freed = await ada.do("transferTicket", ticketId=key, team="sales")
    assert (freed["ticket"]["team"], freed["ticket"]["assignee"]) == ({"slug": "sales"}, None)
    assert [each["type"] for each in await read_timeline(ada, key)][-2:] == [
        "TRANSFERRED",
        "ASSIGNED",
    ]


# ---------------------------------------------------------------- the life cycle

TRANSITIONS: dict[str, dict[str, str]] = {
    "NEW": {
        "START": "OPEN",
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "OPEN": {
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "WAITING_ON_CUSTOMER": {
        "RESUME": "OPEN",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "ON_HOLD": {
        "RESUME": "OPEN",
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "RESOLVED": {"CLOSE": "CLOSED", "REOPEN": "OPEN"},
    "CLOSED": {"REOPEN": "OPEN"},
}
"""The API's transition table: for each status, its actions and the status that each leads to."""
ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "START": ("startTicket", {}),
    "AWAIT_CUSTOMER": ("awaitCustomer", {}),
    "HOLD": ("holdTicket", {}),
    "RESUME": ("resumeTicket", {}),
    "RESOLVE": ("resolveTicket", {"resolution": "Done."}),
    "CLOSE": ("closeTicket", {"reason": "ABANDONED"}),
    "REOPEN": ("reopenTicket", {"reason": "Again."}),
}


async def run_action(client: Client, ticket_id: str, action: str) -> dict[str, Any]:
    name, fields = ACTIONS[action]
    return await client.do(name, ticketId=ticket_id, **fields)


async def raise_in_status(cora: Client, ada: Client, status: str) -> str:
    key = str((await cora.raise_ticket())["id"])
    if status != "NEW":
        await run_action(
            ada, key, next(action for action, to in TRANSITIONS["NEW"].items() if to == status)
        )
    return key


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_every_action_follows_the_transition_table(
    service: Service, world: World, status: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    allowed = [action for action in ACTIONS if action in TRANSITIONS[status]]
    for action, (name, fields) in ACTIONS.items():
        key = await raise_in_status(cora, ada, status)
        if action in TRANSITIONS[status]:
            payload = await run_action(ada, key, action)
            assert payload["ticket"]["status"] == TRANSITIONS[status][action], action
            assert event_type(payload) == "STATUS_CHANGED"
            last = (await read_timeline(ada, key))[-1]
            assert (last["action"], last["from"], last["to"]) == (
                action,
                status,
                TRANSITIONS[status][action],
            )
            data = await cora.run("query($id: ID!) { ticket(id: $id) { allowedActions } }", id=key)
            after = data["ticket"]["allowedActions"]
            assert set(after) == set(TRANSITIONS[TRANSITIONS[status][action]]) & {
                "CLOSE",
                "REOPEN",
            }, "customers close and reopen"
            continue
        async with assert_nothing_stored():
            payload = await ada.mutate(name, {"ticketId": key, **fields})
        (error,) = payload["userErrors"]
        assert payload["ticket"] is None
        details = (
            error["__typename"],
            error["code"],
            error["field"],
            error["from"],
            error["action"],
        )
        assert details == ("TransitionRefused", "TRANSITION_REFUSED", None, status, action)
        assert sorted(error["allowed"]) == sorted(allowed)


async def test_one_of_several_concurrent_actions_succeeds(service: Service, world: World) -> None:
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    key = (await cora.raise_ticket())["id"]
    payloads = await asyncio.gather(
        *(client.mutate("startTicket", {"ticketId": key}) for client in (ada, bill) * 4)
    )
    codes = sorted(
        payload["userErrors"][0]["code"] if payload["userErrors"] else "done"
        for payload in payloads
    )
    assert codes == ["TRANSITION_REFUSED"] * 7 + ["done"]
    assert await read_version(ada, key) == 2


async def test_a_ticket_is_held_until_a_future_time(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for past in ("2020-01-01T00:00:00Z", service.clock().isoformat()):
        assert await refusals(ada, "holdTicket", ticketId=key, until=past) == ["INVALID until"]
    held = await ada.do("holdTicket", ticketId=key, until="2090-01-01T02:00:00+02:00")
    assert (held["ticket"]["status"], held["ticket"]["heldUntil"]) == (
        "ON_HOLD",
        "2090-01-01T00:00:00Z",
    )
    resumed = await ada.do("resumeTicket", ticketId=key)
    assert (resumed["ticket"]["status"], resumed["ticket"]["heldUntil"]) == ("OPEN", None)
    assert (await ada.do("holdTicket", ticketId=key, until=None))["ticket"]["heldUntil"] is None


async def test_a_date_time_without_an_offset_is_refused(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    async with assert_nothing_stored():
        for value in ("2090-01-01T00:00:00", "2090-01-01", "tomorrow", 1, "2090-13-01T00:00:00Z"):
            with pytest.raises(Refused) as refusal:
                await ada.mutate("holdTicket", {"ticketId": key, "until": value})
            assert refusal.value.code == "BAD_REQUEST", value
            assert "offset" in refusal.value.errors[0]["message"]
        with pytest.raises(Refused) as refusal:
            await ada.run(
                f"""mutation {{
                  holdTicket(input: {{ticketId: "{key}", until: "2090-01-01T00:00:00"}}) {{
                  cursor }}
                }}"""
            )
        assert refusal.value.code == "GRAPHQL_VALIDATION_FAILED"


async def test_a_resolution_is_shown_and_cleared_by_reopening(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for text, code in (("  ", "REQUIRED"), ("r" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await refusals(ada, "resolveTicket", ticketId=key, resolution=text) == [
            f"{code} resolution"
        ]
    resolved = (await ada.do("resolveTicket", ticketId=key, resolution=" Switched on. "))["ticket"]
    assert (resolved["resolution"], resolved["stage"], resolved["closedAt"]) == (
        " Switched on. ",
        "CLOSURE",
        None,
    )
    assert resolved["resolvedAt"] == resolved["updatedAt"]
    closed = (await cora.do("closeTicket", ticketId=key))["ticket"]
    assert (closed["closeReason"], closed["resolution"], closed["closedAt"]) == (
        "RESOLVED",
        " Switched on. ",
        closed["updatedAt"],
    )
    for text, code in (("", "REQUIRED"), ("r" * 65_537, "TOO_LONG"), ("a\0", "INVALID")):
        assert await refusals(cora, "reopenTicket", ticketId=key, reason=text) == [f"{code} reason"]
    reopened = (await cora.do("reopenTicket", ticketId=key, reason="Off again."))["ticket"]
    assert [reopened[name] for name in ("resolution", "resolvedAt", "closedAt", "closeReason")] == [
        None
    ] * 4
    assert [
        each["said"] for each in await read_timeline(cora, key) if each["type"] == "STATUS_CHANGED"
    ] == [
        " Switched on. ",
        None,
        "Off again.",
    ]


async def test_the_close_reason_depends_on_the_caller_and_the_status(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)

    async def raise_ticket(*, resolved: bool) -> str:
        return await raise_in_status(cora, ada, "RESOLVED" if resolved else "OPEN")

    for client, resolved, reason, stored in (
        (ada, False, "SPAM", "SPAM"),
        (ada, True, None, "RESOLVED"),
        (ada, True, "INVALID", "INVALID"),
        (cora, False, None, "WITHDRAWN"),
        (cora, False, "WITHDRAWN", "WITHDRAWN"),
        (cora, True, None, "RESOLVED"),
        (cora, True, "RESOLVED", "RESOLVED"),
    ):
        payload = await client.do(
            "closeTicket", ticketId=await raise_ticket(resolved=resolved), reason=reason
        )
        assert (payload["ticket"]["status"], payload["ticket"]["closeReason"]) == ("CLOSED", stored)
    for client, resolved, reason, code in (
        (ada, False, None, "REQUIRED reason"),
        (cora, False, "RESOLVED", "INVALID reason"),
        (cora, False, "SPAM", "INVALID reason"),
        (cora, True, "WITHDRAWN", "INVALID reason"),
    ):
        assert await refusals(
            client, "closeTicket", ticketId=await raise_ticket(resolved=resolved), reason=reason
        ) == [code]


async def test_a_closed_ticket_can_be_reopened_for_fourteen_days(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    early, late = (
        await raise_in_status(cora, ada, "CLOSED"),
        await raise_in_status(cora, ada, "CLOSED"),
    )
    service.clock.advance(days=13.9)
    answer = await cora.do("reopenTicket", ticketId=early, reason="Again.")
    assert answer["ticket"]["status"] == "OPEN"
    service.clock.advance(days=1.1)
    for client, name, fields in (
        (cora, "reopenTicket", {"reason": "x"}),
        (ada, "reopenTicket", {"reason": "x"}),
        (cora, "replyToTicket", {"body": "x"}),
    ):
        async with assert_nothing_stored():
            payload = await client.mutate(name, {"ticketId": late, **fields})
        (error,) = payload["userErrors"]
        details = (
            error["__typename"],
            error["code"],
            error["from"],
            error["action"],
            error["allowed"],
        )
        assert details == ("TransitionRefused", "REOPEN_WINDOW_PASSED", "CLOSED", "REOPEN", [])
    data = await ada.run("query($id: ID!) { ticket(id: $id) { allowedActions } }", id=late)
    seen = data["ticket"]
    assert seen == {"allowedActions": []}
    assert (await cora.do("createTicket", **NEW, followUpOf=late))["ticket"]["status"] == "NEW"


async def test_escalating_and_rating_are_possible_only_in_their_stages(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for reason, code in ((" ", "REQUIRED"), ("r" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await refusals(cora, "escalateTicket", ticketId=key, reason=reason) == [
            f"{code} reason"
        ]
    assert await refusals(cora, "rateTicket", ticketId=key, score=5) == ["INVALID ticketId"]
    for level in (1, 2):
        payload = await cora.do("escalateTicket", ticketId=key, reason="It burns.")
        assert (
            payload["ticket"]["escalationLevel"],
            event_type(payload),
            payload["ticket"]["status"],
        ) == (
            level,
            "ESCALATED",
            "NEW",
        )
    await ada.do("resolveTicket", ticketId=key, resolution="Out.")
    assert await refusals(cora, "escalateTicket", ticketId=key, reason="x") == ["INVALID ticketId"]
    for score in (0, 6, -1, 2**31 - 1):
        assert await refusals(cora, "rateTicket", ticketId=key, score=score) == ["INVALID score"]
    for comment, code in (("", "REQUIRED"), ("c" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await refusals(cora, "rateTicket", ticketId=key, score=3, comment=comment) == [
            f"{code} comment"
        ]
    more = "ticket { satisfaction { score comment ratedAt } }"
    for rating, comment in (({"score": 2, "comment": " Slow. "}, "Slow."), ({"score": 5}, None)):
        payload = await cora.mutate("rateTicket", {"ticketId": key, **rating}, more)
        satisfaction = payload["ticket"]["satisfaction"]
        assert (satisfaction["score"], satisfaction["comment"]) == (rating["score"], comment)
    events = [
        (each["type"], each.get("level"), each.get("score"))
        for each in await read_timeline(cora, key)
    ]
    assert events[1:] == [
        ("ESCALATED", 1, None),
        ("ESCALATED", 2, None),
        ("STATUS_CHANGED", None, None),
        ("RATED", None, 2),
        ("RATED", None, 5),
    ]


# ---------------------------------------------------------------- watching, linking, merging


async def test_watching_or_unwatching_twice_changes_nothing(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    key = (await cora.raise_ticket())["id"]
    more = "ticket { watchers { id } }"
    async with assert_nothing_stored():
        assert (await carl.mutate("unwatchTicket", {"ticketId": key}))["event"] is None
    watched = await carl.mutate("watchTicket", {"ticketId": key}, more)
    assert (watched["ticket"]["watchers"], watched["ticket"]["version"], event_type(watched)) == (
        [{"id": world.carl.gid}],
        2,
        "TICKET_UPDATED",
    )
    async with assert_nothing_stored():
        again = await carl.mutate("watchTicket", {"ticketId": key}, more)
        assert (again["event"], again["cursor"], again["ticket"]["version"]) == (
            None,
            watched["cursor"],
            2,
        )
    await cora.do("watchTicket", ticketId=key)
    unwatched = await carl.mutate("unwatchTicket", {"ticketId": key}, more)
    assert unwatched["ticket"]["watchers"] == [{"id": world.cora.gid}]
    changes = [
        each["changes"]
        for each in await read_timeline(cora, key)
        if each["type"] == "TICKET_UPDATED"
    ]
    assert changes[0] == [{"field": "watchers", "from": "", "to": world.carl.gid}]
    assert len(changes) == 3


INVERSE = {
    "RELATED": "RELATED",
    "DUPLICATE_OF": "DUPLICATED_BY",
    "FOLLOW_UP_OF": "FOLLOWED_UP_BY",
    "PARENT_OF": "CHILD_OF",
    "CHILD_OF": "PARENT_OF",
}


async def test_a_link_has_its_inverse_on_the_other_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    query = "query($id: ID!) { ticket(id: $id) { version links { kind ticket { id } } } }"
    for kind, inverse in INVERSE.items():
        one, other = (await cora.raise_ticket())["id"], (await cora.raise_ticket())["id"]
        assert await refusals(ada, "linkTickets", ticketId=one, otherId=one, kind=kind) == [
            "INVALID otherId"
        ]
        payload = await ada.mutate(
            "linkTickets",
            {"ticketId": one, "otherId": other, "kind": kind},
            "ticket { links { kind ticket { id } } }",
        )
        assert (payload["ticket"]["links"], event_type(payload)) == (
            [{"kind": kind, "ticket": {"id": other}}],
            "LINKED",
        )
        seen = (await cora.run(query, id=other))["ticket"]
        assert seen == {"version": 2, "links": [{"kind": inverse, "ticket": {"id": one}}]}
        assert [
            (each["kind"], each["other"]) for each in (await read_timeline(cora, other))[1:]
        ] == [(inverse, {"id": one})]
        async with assert_nothing_stored():
            for link in (
                {"ticketId": one, "otherId": other, "kind": kind},
                {"ticketId": other, "otherId": one, "kind": inverse},
            ):
                assert (await ada.do("linkTickets", **link))["event"] is None
    answer = await ada.do("linkTickets", ticketId=one, otherId=other, kind="RELATED")
    assert answer["event"]["type"] == "LINKED"


async def test_a_merge_closes_one_ticket_and_shows_all_messages_on_the_other(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    keys = [(await cora.raise_ticket(f"Number {n}"))["id"] for n in range(4)]
    for key in keys:
        await cora.do("replyToTicket", ticketId=key, body=f"About {keys.index(key)}")
    a, b, c, d = keys
    assert await refusals(ada, "mergeTickets", ticketId=a, intoId=a) == ["INVALID intoId"]
    merged = await ada.do("mergeTickets", ticketId=a, intoId=b)
    fields = [
        merged["ticket"][name] for name in ("status", "closeReason", "mergedInto", "allowedActions")
    ]
    assert fields == ["CLOSED", "DUPLICATE", {"id": b}, []]
    assert event_type(merged) == "MERGED"
    assert [
        (each["type"], each.get("into"), each.get("to")) for each in await read_timeline(ada, a)
    ][-2:] == [
        ("MERGED", {"id": b}, None),
        ("STATUS_CHANGED", None, "CLOSED"),
    ]
    assert [
        each["fromTicket"] for each in await read_timeline(cora, b) if each["type"] == "MERGED"
    ] == [{"id": a}]
    assert await refusals(ada, "mergeTickets", ticketId=a, intoId=c) == ["TRANSITION_REFUSED"]
    assert await refusals(ada, "mergeTickets", ticketId=c, intoId=a) == ["INVALID intoId"]
    for client, name, arguments in (
        (cora, "reopenTicket", {"reason": "x"}),
        (cora, "replyToTicket", {"body": "x"}),
        (ada, "replyToTicket", {"body": "x"}),
    ):
        assert await refusals(client, name, ticketId=a, **arguments) == ["TRANSITION_REFUSED"]
    await ada.do("mergeTickets", ticketId=b, intoId=c)
    await ada.do("closeTicket", ticketId=d, reason="SPAM")
    closed = await ada.do("mergeTickets", ticketId=d, intoId=c)
    assert (closed["ticket"]["closeReason"], event_type(closed)) == ("DUPLICATE", "MERGED")
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket {
      mergedInto { id } messages { totalCount nodes { body } }
      timeline(types: [REPLY_ADDED]) { totalCount nodes { ticket { id } } } } } }"""
    seen = (await cora.run(query, ids=[a, b, c, d]))["nodes"]
    assert [each["mergedInto"] for each in seen] == [{"id": c}, {"id": c}, None, {"id": c}]
    assert [each["body"] for each in seen[2]["messages"]["nodes"]] == [
        f"About {n}" for n in range(4)
    ]
    assert [each["ticket"]["id"] for each in seen[2]["timeline"]["nodes"]] == [a, b, c, d]
    assert [each["messages"]["totalCount"] for each in seen] == [1, 1, 4, 1]
    await cora.do("replyToTicket", ticketId=c, body="Go on here.")
    assert (await cora.run(query, ids=[c]))["nodes"][0]["messages"]["totalCount"] == 5


# ---------------------------------------------------------------- numbers and shapes


async def test_out_of_range_numbers_are_refused_and_malformed_ids_find_nothing(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    async with assert_nothing_stored():
        for score in (2**31, -(2**31) - 1, 10**18, 1.5, "1"):
            with pytest.raises(Refused) as refusal:
                await ada.mutate("rateTicket", {"ticketId": key, "score": score})
            assert refusal.value.code == "BAD_REQUEST"
        with pytest.raises(Refused) as refusal:
            await ada.run("query($n: Int!) { ticketByNumber(number: $n) { id } }", n=2**63)
        assert refusal.value.code == "BAD_REQUEST"
    for number in (0, -1, 2**31 - 1):
        data = await ada.run("query($n: Int!) { ticketByNumber(number: $n) { id } }", n=number)
        assert data["ticketByNumber"] is None
    for id in (
        "",
        "x",
        key.upper(),
        key + " ",
        key.replace("tkt_", "usr_"),
        "tkt_",
        "evt_1",
        "evt_01",
        "tkt_\0",
        "9" * 10_000,
    ):
        answer = await ada.run("query($id: ID!) { ticket(id: $id) { id } }", id=id)
        assert answer["ticket"] is None, id
        assert await ada.refusal_codes("startTicket", ticketId=id) == ["NOT_FOUND"]
