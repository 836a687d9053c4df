"""Live lists while a ticket gets other participants or another requester."""

from __future__ import annotations

from typing import Any

import pytest
from support import Service, Socket, World
from support.live import operation_error
from support.live_list_client import LiveList

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


async def next_steps(socket: Socket, *last_kinds: str) -> list[tuple[str, str | None]]:
    """The kinds and tickets of the following steps up to one of these, without heartbeats."""
    steps: list[tuple[str, str | None]] = []
    while not steps or steps[-1][0] not in last_kinds:
        step: dict[str, Any] = await socket.next("ticketChanges")
        if step["kind"] != "HEARTBEAT":
            steps.append((step["kind"], step["ticketId"]))
    return steps


async def test_a_change_of_the_requester_moves_the_ticket_between_live_lists(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    ticket = (await olga.raise_ticket())["id"]
    async with olga.socket() as earlier, otto.socket() as later:
        for socket in (earlier, later):
            await LiveList().subscribe(socket)
        await ada.do("changeRequester", ticketId=ticket, requesterId=world.otto.gid)
        assert await next_steps(earlier, "REMOVED") == [("REMOVED", ticket)]
        assert await next_steps(later, "ADDED") == [("ADDED", ticket)]
        # The earlier requester gets nothing more of the ticket.
        await ada.do("replyToTicket", ticketId=ticket, body="For the new requester.")
        own = (await olga.raise_ticket())["id"]
        assert await next_steps(earlier, "ADDED") == [("ADDED", own)]
        await root.do("changeRequester", ticketId=ticket, requesterId=world.cora.gid)
        assert ("REMOVED", ticket) in await next_steps(later, "REMOVED")


@pytest.mark.parametrize("is_participant", [True, False])
async def test_a_ticket_is_in_the_live_list_while_it_is_shared(
    service: Service, world: World, *, is_participant: bool
) -> None:
    """With a participant, or with the organization."""
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ticket = (await olga.raise_ticket())["id"]

    async def share(*, shared: bool) -> None:
        if is_participant:
            name = "addWatcher" if shared else "removeWatcher"
            await olga.do(name, ticketId=ticket, userId=world.otto.gid)
        else:
            await olga.do("updateTicket", ticketId=ticket, sharedWithOrganization=shared)

    async with otto.socket() as socket:
        await LiveList().subscribe(socket)
        await share(shared=True)
        # The list gets the change, or a new snapshot if its permissions were read again first.
        steps = await next_steps(socket, "ADDED", "SNAPSHOT_END")
        assert steps[-1] == ("ADDED", ticket) or ("SNAPSHOT", ticket) in steps
        await share(shared=False)
        steps = await next_steps(socket, "REMOVED", "SNAPSHOT_END")
        assert steps[-1] == ("REMOVED", ticket) or ("SNAPSHOT", ticket) not in steps


async def test_a_subscription_to_a_ticket_ends_when_the_ticket_goes_to_another_person(
    service: Service, world: World
) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    ticket = (await olga.raise_ticket())["id"]
    subscription = "subscription($id: ID!) { ticketEvents(ticketId: $id) { type } }"
    async with olga.socket() as socket:
        await socket.subscribe(subscription, id=ticket)
        await ada.do("addNote", ticketId=ticket, body="A hidden event does not end it.")
        await olga.do("replyToTicket", ticketId=ticket, body="A visible one.")
        assert (await socket.next("ticketEvents"))["type"] == "REPLY_ADDED"
        await ada.do("changeRequester", ticketId=ticket, requesterId=world.otto.gid)
        assert await operation_error(socket) == "NOT_FOUND"
