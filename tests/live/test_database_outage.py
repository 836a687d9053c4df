"""Short outages of the database: a subscription loses no event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import Service, World
from support.client import EVENTS
from support.live import wait_for_close
from support.ticket_reads import replace_ticket_reads

from engine.fanout import work
from models.log.event import encode_cursor, read_head
from resolvers.subscriptions import events
from schema.records.loaders import Loaders

pytestmark = [pytest.mark.stress, pytest.mark.never_retried]

REPLY = "mutation($input: ReplyToTicketInput!) { replyToTicket(input: $input) { cursor } }"


def failing(
    times: int, function: Callable[..., Any], failed: list[bool] | None = None
) -> Callable[..., Any]:
    """A function that fails its first calls with a lost connection and records each failure in
    `failed`."""
    failed = [] if failed is None else failed

    async def replacement(*arguments: Any) -> Any:
        if len(failed) < times:
            failed.append(True)
            raise ConnectionResetError("the database went away")
        return await function(*arguments)

    return replacement


async def test_an_event_is_delivered_after_a_failed_read(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(await read_head()))
        ticket = await service.client(world.cora.token).raise_ticket()
        await socket.next("ticketEvents")
        failed: list[bool] = []
        replace_ticket_reads(monkeypatch, failing(1, Loaders.read_tickets, failed))
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
        await ada.do("addNote", ticketId=ticket["id"], body="the last event")
        received = await socket.take("ticketEvents", 3)
        assert [event["type"] for event in received] == ["ASSIGNED", "STATUS_CHANGED", "NOTE_ADDED"]
        assert failed


async def test_a_long_outage_closes_the_socket_and_the_client_resumes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "RETRY_DELAYS_SECONDS", (0.01, 0.01))
    ada = service.client(world.ada.token)
    before = encode_cursor(await read_head())
    async with ada.socket() as socket, ada.socket() as other:
        for each in (socket, other):
            await each.subscribe(EVENTS, after=before)
        ticket = await service.client(world.cora.token).raise_ticket()
        created = await socket.next("ticketEvents")
        await other.next("ticketEvents")
        with monkeypatch.context() as patch:
            replace_ticket_reads(patch, failing(1000, Loaders.read_tickets))
            await service.client(world.cora.token).post(
                REPLY, {"input": {"ticketId": ticket["id"], "body": "still down"}}
            )
            for each in (socket, other):
                assert (await wait_for_close(each))[0] == 1013
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=created["cursor"])
        assert (await socket.next("ticketEvents"))["type"] == "REPLY_ADDED"


async def test_a_failed_read_of_a_source_is_retried(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(await read_head()))
        failed: list[bool] = []
        monkeypatch.setattr(events, "visible_matches", failing(1, events.visible_matches, failed))
        ticket = await service.client(world.cora.token).raise_ticket()
        await ada.do("addNote", ticketId=ticket["id"], body="the last event")
        assert [event["type"] for event in await socket.take("ticketEvents", 2)] == [
            "TICKET_CREATED",
            "NOTE_ADDED",
        ]
        assert failed
