"""createTicket over the API: its effects, and every refusal with its exact code."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Refused, Service, World
from support.actors import api_client_token
from support.assert_unchanged import assert_nothing_stored, refusals
from support.ticket_mutations import NEW_TICKET

from models.core import ids
from models.log.event import Event

pytestmark = pytest.mark.without_default_policies

MISSING_USER = ids.encode(ids.USER, UUID(int=7))


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
        assert await refusals(cora, "createTicket", **NEW_TICKET | {"category": missing}) == [
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
        assert await refusals(cora, "createTicket", **NEW_TICKET | fields) == [code], fields


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
    sync, other = (
        service.client(world.api_client_token),
        service.client(await api_client_token("Other")),
    )
    new = NEW_TICKET | {"requesterId": world.cora.gid, "externalId": "K-1"}
    first = await sync.do("createTicket", **new)
    assert await refusals(sync, "createTicket", **new) == ["TAKEN externalId"]
    assert await refusals(sync, "createTicket", **new | {"externalId": "  K-1 "}) == [
        "TAKEN externalId"
    ]
    second = await other.do("createTicket", **new)
    query = '{ ticketByExternalId(externalId: "K-1") { id } }'
    assert (await sync.run(query))["ticketByExternalId"] == {"id": first["ticket"]["id"]}
    assert (await other.run(query))["ticketByExternalId"] == {"id": second["ticket"]["id"]}
    for odd in ("\\u0000", "x" * 300):
        data = await sync.run(f'{{ ticketByExternalId(externalId: "{odd}") {{ id }} }}')
        assert data["ticketByExternalId"] is None


async def test_customers_of_different_accounts_may_use_the_same_external_id(
    service: Service, world: World
) -> None:
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    await cora.raise_ticket(externalId="K-1")
    await olga.raise_ticket(externalId="K-1")
    assert await refusals(olga, "createTicket", **NEW_TICKET | {"externalId": "K-1"}) == [
        "TAKEN externalId"
    ]


async def test_one_of_several_concurrent_creates_gets_the_external_id(
    service: Service, world: World
) -> None:
    sync = service.client(world.api_client_token)
    new = NEW_TICKET | {"requesterId": world.cora.gid, "externalId": "K-1"}
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
        service.client(world.api_client_token),
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
        ticket = (await client.mutate("createTicket", NEW_TICKET | fields, more))["ticket"]
        assert (ticket["requester"]["displayName"], (ticket["organization"] or {}).get("name")) == (
            name,
            account,
        )
    assert await refusals(sync, "createTicket", **NEW_TICKET) == ["REQUIRED requesterId"]
    for client, id in (
        (cora, world.carl.gid),
        (cora, MISSING_USER),
        (ada, MISSING_USER),
        (ada, "nonsense"),
        (sync, world.cora.gid[4:]),
        (sync, ""),
    ):
        assert await refusals(client, "createTicket", **NEW_TICKET | {"requesterId": id}) == [
            "NOT_FOUND requesterId"
        ], id


async def test_a_follow_up_is_linked_to_its_original_ticket(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    older = await cora.raise_ticket()
    created = await cora.mutate(
        "createTicket",
        NEW_TICKET | {"followUpOf": older["id"]},
        "ticket { links { kind ticket { id } } }",
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
        assert await refusals(cora, "createTicket", **NEW_TICKET | {"followUpOf": id}) == [
            "NOT_FOUND followUpOf"
        ]
