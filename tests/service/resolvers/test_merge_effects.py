"""Effects of merges, and of undoing them, on statuses and SLA clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Service, World
from support.audit import audit

from models.changes import sla_audit
from models.log.event import Event, EventType
from workers.ticket_timers import TimerSettings, run_timers

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]

TICKET = """query($id: ID!) { ticket(id: $id) {
  status closeReason resolution createdAt updatedAt
  messages(first: 100) { nodes { body createdAt } }
  clocks { metric status startedAt } } }"""


async def read(client: Client, key: str) -> dict[str, Any]:
    return dict((await client.run(TICKET, id=key))["ticket"])


async def raise_ticket(client: Client, **values: Any) -> str:
    return str((await client.raise_ticket(**values))["id"])


def list_next_responses(ticket: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (clock["status"], clock["startedAt"])
        for clock in ticket["clocks"]
        if clock["metric"] == "NEXT_RESPONSE"
    ]


async def check_log() -> None:
    await audit()
    assert (await sla_audit.verify_all_tickets())[1] == []


async def test_a_moved_reply_reopens_the_ticket_that_was_closed(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    closed, quiet, kept = [await raise_ticket(each) for each in (olga, olga, otto)]
    for key in (closed, quiet):
        await ada.do("resolveTicket", ticketId=key, resolution="Restart it.")
        await ada.do("closeTicket", ticketId=key)
    await ada.do("mergeTickets", ticketId=closed, intoId=kept, acrossRequesters=True)
    service.clock.advance(minutes=5)
    await olga.do("replyToTicket", ticketId=kept, body="It broke again.")
    service.clock.advance(minutes=5)
    await ada.do("unmergeTicket", ticketId=closed)
    ticket = await read(olga, closed)
    assert (ticket["status"], ticket["closeReason"], ticket["resolution"]) == ("OPEN", None, None)
    assert [each["body"] for each in ticket["messages"]["nodes"]] == ["It broke again."]
    assert list_next_responses(ticket) == [("PENDING", ticket["updatedAt"])]
    await ada.do("mergeTickets", ticketId=quiet, intoId=kept, acrossRequesters=True)
    await ada.do("unmergeTicket", ticketId=quiet)
    ticket = await read(olga, quiet)
    assert (ticket["status"], ticket["closeReason"]) == ("CLOSED", "RESOLVED")
    assert list_next_responses(ticket) == []
    await check_log()


@pytest.mark.parametrize("reason", ["DUPLICATE", "SPAM"])
async def test_an_undone_merge_restores_the_reason_of_the_closure(
    service: Service, world: World, reason: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    closed, kept = await raise_ticket(cora), await raise_ticket(cora)
    await ada.do("closeTicket", ticketId=closed, reason=reason)
    await ada.do("mergeTickets", ticketId=closed, intoId=kept)
    await ada.do("unmergeTicket", ticketId=closed)
    ticket = await read(ada, closed)
    assert (ticket["status"], ticket["closeReason"]) == ("CLOSED", reason)
    await check_log()


async def test_events_of_merges_without_a_status_can_still_be_undone(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    opened, closed, kept = [await raise_ticket(cora) for _ in range(3)]
    await ada.do("closeTicket", ticketId=closed, reason="SPAM")
    for key in (opened, closed):
        await ada.do("mergeTickets", ticketId=key, intoId=kept)
    for event in await Event.filter(type=EventType.MERGED):
        data = {name: value for name, value in event.data.items() if name != "status"}
        await Event.filter(position=event.position).update(data=data)
    for key, status in ((opened, "OPEN"), (closed, "CLOSED")):
        await ada.do("unmergeTicket", ticketId=key)
        assert (await read(ada, key))["status"] == status


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([("awaitCustomer", {})], "OPEN"),
        ([("resolveTicket", {"resolution": "Done."})], "OPEN"),
        ([("holdTicket", {})], "ON_HOLD"),
        ([], "OPEN"),
    ],
)
async def test_merging_an_unanswered_ticket_acts_as_a_reply_of_its_customer(
    service: Service, world: World, steps: Sequence[tuple[str, dict[str, Any]]], status: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    kept = await raise_ticket(cora)
    await ada.do("replyToTicket", ticketId=kept, body="Which region?")
    for name, arguments in steps:
        await ada.do(name, ticketId=kept, **arguments)
    service.clock.advance(minutes=1)
    fresh = await raise_ticket(cora)
    raised_at = (await read(cora, fresh))["createdAt"]
    service.clock.advance(minutes=1)
    await ada.do("mergeTickets", ticketId=fresh, intoId=kept)
    ticket = await read(ada, kept)
    assert ticket["status"] == status
    assert list_next_responses(ticket) == [("PENDING", raised_at)]
    await check_log()
    service.clock.advance(days=8)
    settings = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
    await run_timers(service.clock(), settings)
    ticket = await read(ada, kept)
    assert ticket["status"] == status
    assert list_next_responses(ticket) == [("BREACHED", raised_at)]
    await check_log()


async def test_the_wait_for_an_answer_follows_a_chain_of_merges(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first, second, third = [await raise_ticket(cora) for _ in range(3)]
    for key in (first, second, third):
        await ada.do("replyToTicket", ticketId=key, body="Which region?")
    service.clock.advance(minutes=1)
    await cora.do("replyToTicket", ticketId=first, body="Frankfurt.")
    asked_at = (await read(cora, first))["messages"]["nodes"][-1]["createdAt"]
    service.clock.advance(days=8)
    await ada.do("mergeTickets", ticketId=first, intoId=second)
    await ada.do("resolveTicket", ticketId=third, resolution="Done.")
    await ada.do("mergeTickets", ticketId=second, intoId=third)
    ticket = await read(ada, third)
    assert ticket["status"] == "OPEN"
    assert list_next_responses(ticket) == [("BREACHED", asked_at)]
    await check_log()


async def test_merging_a_ticket_that_waits_for_nobody_leaves_the_other_one_alone(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    answered, waiting, closed, kept = [await raise_ticket(cora) for _ in range(4)]
    await ada.do("closeTicket", ticketId=closed, reason="SPAM")
    for key in (answered, waiting, kept):
        await ada.do("replyToTicket", ticketId=key, body="Which region?")
    await ada.do("awaitCustomer", ticketId=waiting)
    await ada.do("resolveTicket", ticketId=kept, resolution="Done.")
    for key in (answered, waiting, closed):
        await ada.do("mergeTickets", ticketId=key, intoId=kept)
    ticket = await read(ada, kept)
    assert (ticket["status"], list_next_responses(ticket)) == ("RESOLVED", [])
    await check_log()
