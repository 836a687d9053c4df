"""Resources that are added and removed after a ticket's creation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Client, Service, World
from support.assert_unchanged import refusals
from support.audit import audit
from support.ticket_mutations import read_timeline

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]


async def read_resources(client: Client, key: str) -> list[tuple[str, str, str | None]]:
    query = "query($id: ID!) { ticket(id: $id) { resources { kind externalId name } } }"
    resources = (await client.run(query, id=key))["ticket"]["resources"]
    return [(each["kind"], each["externalId"], each["name"]) for each in resources]


def resource(kind: str, key: str, name: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "externalId": key, "name": name}


async def test_resources_are_added_renamed_and_removed(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    server, plan, invoice = resource("server", "s-1"), resource("plan", "p"), resource("bill", "b")
    ticket = (await cora.raise_ticket(resources=[server, plan]))["id"]
    named = resource(" server ", " s-1 ", " Web ")
    payload = await ada.do(
        "updateTicket",
        ticketId=ticket,
        subject="Server",
        addResources=[named, invoice, invoice],
        removeResources=[resource("plan", "p", "any"), resource("plan", "unknown")],
    )
    assert payload["event"]["type"] == "TICKET_UPDATED"
    assert await read_resources(cora, ticket) == [("server", "s-1", "Web"), ("bill", "b", None)]
    created, updated = await read_timeline(cora, ticket)
    del created
    subject, change = updated["changes"]
    assert (subject["field"], change["field"]) == ("subject", "resources")
    assert [json.loads(each) for each in change["fromItems"]] == [server, plan]
    expected = [resource("server", "s-1", "Web"), invoice]
    assert [json.loads(each) for each in change["toItems"]] == expected
    same = {"addResources": [server, named], "removeResources": [plan]}
    assert (await ada.do("updateTicket", ticketId=ticket, **same))["event"] is None
    both = {"addResources": [plan, server], "removeResources": [plan, server]}
    await ada.do("updateTicket", ticketId=ticket, **both)
    assert await read_resources(cora, ticket) == [("bill", "b", None)]
    filter = {"resource": {"kind": "bill", "externalId": "b"}}
    query = "query($filter: TicketFilter) { tickets(filter: $filter) { totalCount } }"
    assert (await ada.run(query, filter=filter))["tickets"]["totalCount"] == 1
    await audit()


async def test_invalid_resources_are_refused(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    many = [resource("k", str(number)) for number in range(51)]
    ticket = (await ada.raise_ticket(resources=many[:50]))["id"]
    for field in ("addResources", "removeResources"):
        for values, error in (
            (many, f"INVALID {field}"),
            ([resource(" ", "x")], f"REQUIRED {field}.kind"),
            ([resource("x", "")], f"REQUIRED {field}.externalId"),
            ([resource("x", "x" * 256)], f"TOO_LONG {field}.externalId"),
            ([resource("x", "x", "n" * 201)], f"TOO_LONG {field}.name"),
            ([resource("x\0", "x")], f"INVALID {field}.kind"),
        ):
            errors = await refusals(ada, "updateTicket", ticketId=ticket, **{field: values})
            assert errors == [error]
    one = {"addResources": many[50:]}
    assert await refusals(ada, "updateTicket", ticketId=ticket, **one) == ["INVALID addResources"]
    await ada.do("updateTicket", ticketId=ticket, **one, removeResources=many[:1])
    assert len(await read_resources(ada, ticket)) == 50
