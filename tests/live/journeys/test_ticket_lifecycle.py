"""The life of a ticket over real sockets: permitted subscribers receive each event, also after a
cut."""

from __future__ import annotations

from typing import Any

import pytest
from support import Service, World
from support.client import EVENTS
from support.live import head_cursor

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


def types_of(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


async def test_each_step_reaches_the_permitted_subscribers_only(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    carl, olga = service.client(world.carl.token), service.client(world.olga.token)
    start_cursor = await head_cursor()
    async with (
        cora.socket() as at_cora,
        ada.socket() as at_ada,
        carl.socket() as at_carl,
        olga.socket() as at_olga,
    ):
        for socket in (at_cora, at_ada, at_carl, at_olga):
            await socket.subscribe(EVENTS, after=start_cursor)
        ticket = await cora.raise_ticket()
        assert ticket["team"]["slug"] == "support"
        await carl.do("watchTicket", ticketId=ticket["id"])
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
        await ada.do("replyToTicket", ticketId=ticket["id"], body="Is the light on?")
        await ada.do("addNote", ticketId=ticket["id"], body="Sounds like the old router.")
        await ada.do("resolveTicket", ticketId=ticket["id"], resolution="Switched it on.")
        await cora.do("closeTicket", ticketId=ticket["id"])
        await cora.do("reopenTicket", ticketId=ticket["id"], reason="It is off again.")
        await ada.do("closeTicket", ticketId=ticket["id"], reason="ABANDONED")
        public = [
            *("TICKET_CREATED", "TICKET_UPDATED", "ASSIGNED", "STATUS_CHANGED", "REPLY_ADDED"),
            *("STATUS_CHANGED", "STATUS_CHANGED", "STATUS_CHANGED", "STATUS_CHANGED"),
        ]
        assert types_of(await at_cora.take("ticketEvents", len(public))) == public
        assert types_of(await at_carl.take("ticketEvents", len(public))) == public
        team = [*public[:5], "NOTE_ADDED", *public[5:]]
        assert types_of(await at_ada.take("ticketEvents", len(team))) == team
        olga_ticket = await olga.raise_ticket("printer")
        last = await cora.raise_ticket("phone")
        for socket, expected in (
            (at_olga, [olga_ticket]),
            (at_cora, [last]),
            (at_carl, [last]),
            (at_ada, [olga_ticket, last]),
        ):  # these events come next, so no other event came before them
            received = await socket.take("ticketEvents", len(expected))
            assert [event["ticket"]["id"] for event in received] == [
                each["id"] for each in expected
            ]


async def test_a_watcher_resumes_after_a_cut_with_exactly_the_missed_events(
    service: Service, world: World
) -> None:
    cora, ada, carl = (
        service.client(person.token) for person in (world.cora, world.ada, world.carl)
    )
    ticket = await cora.raise_ticket()
    await carl.do("watchTicket", ticketId=ticket["id"])
    async with carl.socket() as socket:
        await socket.subscribe(EVENTS, ticketId=ticket["id"], after=await head_cursor())
        await ada.do("startTicket", ticketId=ticket["id"])
        last_seen = await socket.next("ticketEvents")
        socket.connection.transport.abort()
    await ada.do("replyToTicket", ticketId=ticket["id"], body="Hello")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    await ada.do("addNote", ticketId=ticket["id"], body="not for customers")
    await cora.do("replyToTicket", ticketId=ticket["id"], body="Here I am")
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="Done")
    async with carl.socket() as socket:
        await socket.subscribe(EVENTS, ticketId=ticket["id"], after=last_seen["cursor"])
        missed = await socket.take("ticketEvents", 5)
        assert types_of(missed) == [
            "REPLY_ADDED",
            "STATUS_CHANGED",
            "REPLY_ADDED",
            "STATUS_CHANGED",
            "STATUS_CHANGED",
        ]
        assert len({event["cursor"] for event in missed}) == 5
        last = await cora.do("closeTicket", ticketId=ticket["id"])
        assert (await socket.next("ticketEvents"))["cursor"] == last["cursor"], (
            "nothing else received before"
        )
