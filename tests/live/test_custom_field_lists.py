"""Live lists and saved views by custom fields: tickets enter and leave them as values change."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import refusal_of, run_mutation
from support.client import Socket
from support.custom_fields import REGION, define, set_values

from resolvers.subscriptions import live_list_source, live_stats

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]
CHANGES = """subscription($filter: TicketFilter) {
  ticketChanges(filter: $filter) { kind ticketId } }"""
EUROPE = {"customFields": [{"key": "region", "options": {"some": ["eu"]}}]}


async def define_region(service: Service, world: World, access: str) -> None:
    await define(service.client(world.root.token), **{**REGION, "customerAccess": access})


async def open_list(socket: Socket, filter: dict[str, Any]) -> None:
    """Open a live list and wait for its snapshot.

    A list that resumed from a cursor would also send what happened before it was opened, and such
    tickets as updated, because it does not know what it contained.
    """
    await socket.subscribe(CHANGES, filter=filter)
    while (await socket.next("ticketChanges"))["kind"] != "SNAPSHOT_END":
        pass


async def next_change(socket: Socket, ticket_id: str) -> str:
    """The kind of the next change of the ticket in a live list."""
    while (change := await socket.next("ticketChanges"))["ticketId"] != ticket_id:
        pass
    return str(change["kind"])


async def test_tickets_enter_and_leave_a_live_list_by_a_value(
    service: Service, world: World
) -> None:
    await define_region(service, world, "EDITABLE")
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    for client in (cora, ada):
        async with client.socket() as socket:
            await open_list(socket, EUROPE)
            await set_values(ada, ticket, {"key": "region", "options": ["eu"]})
            assert await next_change(socket, ticket) == "ADDED"
            await set_values(cora, ticket, {"key": "region", "options": ["us"]})
            assert await next_change(socket, ticket) == "REMOVED"


async def test_a_hidden_value_brings_no_ticket_into_a_customers_list(
    service: Service, world: World
) -> None:
    await define_region(service, world, "HIDDEN")
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = [(await cora.raise_ticket())["id"] for _ in range(2)]
    filter = {"or": [EUROPE, {"tags": {"some": ["last"]}}]}
    async with cora.socket() as own, ada.socket() as team:
        for socket in (own, team):
            await open_list(socket, filter)
        await set_values(ada, ticket, {"key": "region", "options": ["eu"]})
        assert await next_change(team, ticket) == "ADDED"
        await ada.do("updateTicket", ticketId=other, addTags=["last"])
        while (change := await own.next("ticketChanges"))["kind"] != "ADDED":
            pass
        assert change["ticketId"] == other


async def test_live_results_of_customers_follow_the_visibility_of_a_field(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (live_list_source, live_stats):
        monkeypatch.setattr(module, "TIMED_REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(live_stats, "MIN_COUNT_INTERVAL_SECONDS", 0.1)
    root, cora = service.client(world.root.token), service.client(world.cora.token)
    field_id = await define(root, **{**REGION, "customerAccess": "EDITABLE"})
    ticket = await cora.raise_ticket(customFields=[{"key": "region", "options": ["eu"]}])
    stats = "subscription($filter: TicketFilter) { ticketStats(filter: $filter) { total } }"
    async with cora.socket() as lists, cora.socket() as counts:
        await open_list(lists, EUROPE)
        await counts.subscribe(stats, filter=EUROPE)
        for access, kind, total in (("HIDDEN", "REMOVED", 0), ("VISIBLE", "ADDED", 1)):
            await run_mutation(root, "updateCustomField", fieldId=field_id, customerAccess=access)
            while (await counts.next("ticketStats"))["total"] != total:
                pass
            while await next_change(lists, ticket["id"]) != kind:
                pass


async def test_a_saved_view_filters_and_orders_by_a_field(service: Service, world: World) -> None:
    await define_region(service, world, "EDITABLE")
    ada: Client = service.client(world.ada.token)
    value = {"key": "region", "options": ["eu"]}
    await ada.raise_ticket(customFields=[value])
    await ada.raise_ticket()
    due = {"customFields": [{"key": "due", "date": {"lt": "2026-01-01"}}]}
    order = [{"field": "CUSTOM_FIELD", "direction": "ASC", "customField": "region"}]
    query = "query($id: ID!) { node(id: $id) { ... on SavedView { orderBy { customField } } } }"
    for filter, count in ((EUROPE, 1), (due, 0), ({"not": due}, 2)):
        view = await run_mutation(ada, "createSavedView", name="V", filter=filter, orderBy=order)
        assert (view["filter"], view["filterError"], view["count"]) == (filter, None, count)
        stored = (await ada.run(query, id=view["id"]))["node"]["orderBy"]
        assert stored == [{"customField": "region"}]
    for wrong in ({"field": "CUSTOM_FIELD"}, {"field": "NUMBER", "customField": "region"}):
        error = await refusal_of(ada, "createSavedView", name="V", orderBy=[wrong])
        assert error == "INVALID orderBy"
