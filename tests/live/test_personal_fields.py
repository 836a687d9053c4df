"""Fields that depend on the viewer's account, in subscriptions that viewers could share."""

from __future__ import annotations

from typing import Any

import pytest
from support import Service, World
from support.client import Socket
from support.live import head_cursor, operation_error

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

EVENTS = """subscription($after: String) {
    ticketEvents(after: $after) { ticket { id ...Personal } } }
  fragment Personal on Ticket { alias: viewerHasUnread viewerIsWatching }"""
CHANGES = """subscription($after: String) { ticketChanges(after: $after) {
  ticket { id alias: viewerHasUnread viewerIsWatching } } }"""
MARK = """mutation($id: ID!) { markTicketRead(input: {ticketId: $id}) {
  ticket { id } userErrors { code } } }"""
UNREAD = {"unread": True}
FILTERS: list[dict[str, Any]] = [
    UNREAD,
    {"unread": False},
    {"and": [{"or": [UNREAD]}]},
    {"not": UNREAD},
]


async def next_ticket(socket: Socket, field: str) -> dict[str, Any]:
    while True:
        value = await socket.next(field)
        if value["ticket"] is not None:
            return dict(value["ticket"])


@pytest.mark.parametrize(("query", "field"), [(EVENTS, "ticketEvents"), (CHANGES, "ticketChanges")])
async def test_viewers_who_see_the_same_get_their_own_values(
    service: Service, world: World, query: str, field: str
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    await ada.do("watchTicket", ticketId=ticket["id"])
    await bill.run(MARK, id=ticket["id"])
    cursor = await head_cursor()
    async with ada.socket() as one, bill.socket() as other, ada.socket() as again:
        for socket in (one, other, again):
            await socket.subscribe(query, after=cursor)
        # The subscriptions of one viewer join each other while they follow the log.
        for priority in ("HIGH", "LOW") * 3:
            await bill.do("updateTicket", ticketId=ticket["id"], priority=priority)
            found = [await next_ticket(socket, field) for socket in (one, other, again)]
            assert [(each["alias"], each["viewerIsWatching"]) for each in found] == [
                (True, True),
                (False, False),
                (True, True),
            ]


@pytest.mark.parametrize(
    "field", ["ticketChanges { kind }", "ticketEvents { type }", "ticketStats { total }"]
)
@pytest.mark.parametrize("filter", FILTERS)
async def test_subscriptions_refuse_the_filter_unread(
    service: Service, world: World, field: str, filter: dict[str, Any]
) -> None:
    name, selection = field.split(maxsplit=1)
    query = f"subscription($filter: TicketFilter) {{ {name}(filter: $filter) {selection} }}"
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(query, filter=filter)
        assert await operation_error(socket) == "BAD_REQUEST"
