"""Open subscriptions while a policy erases a ticket, and a worker that is killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from support import Service, World
from support.audit import audit
from support.erasure import find_rows
from support.jobs import kill, start_worker
from support.live import head_cursor, until
from support.retention import (
    count_erased,
    create_policy,
    let_time_pass,
    raise_closed,
    read_policy,
    run_retention,
)
from support.service import running
from support.ticket_commands import apply_commands, create_ticket

from models.changes import commands
from models.core.time import now
from models.log.event import Event, EventType
from models.tickets.lifecycle import CloseReason

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

EVENTS = """subscription($ticketId: ID, $after: String) {
  ticketEvents(ticketId: $ticketId, after: $after) { type
    ticket { subject textsErasedAt viewerHasUnread }
    ... on TicketReplied { reply { body } }
    ... on TicketRedacted { reason retentionPolicyId } } }"""
MARK_READ = """mutation($input: MarkTicketReadInput!) { markTicketRead(input: $input) {
  userErrors { code } } }"""
TICKETS = 60
TREATED_BEFORE_KILL = 5


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, run_jobs=False) as found:
        yield found


async def test_copies_learn_that_a_policy_has_erased_a_ticket(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    start = await head_cursor()
    ticket = await raise_closed(cora, ada, "Hunter's secret")
    read = await ada.run(MARK_READ, input={"ticketId": ticket})
    assert read["markTicketRead"]["userErrors"] == []
    policy = await create_policy(service.client(world.root.token))
    at = let_time_pass(service)
    async with cora.socket() as customer:
        await customer.subscribe(EVENTS, ticketId=ticket, after=await head_cursor())
        await run_retention(at)
        seen = await customer.next("ticketEvents")
    assert seen.pop("ticket")["subject"] == "[erased]"
    assert seen == {
        "type": "TICKET_REDACTED",
        "reason": "The retention period of the ticket has ended.",
        "retentionPolicyId": policy["id"],
    }
    async with ada.socket() as agent:  # a mirror that reads the log from the start
        await agent.subscribe(EVENTS, ticketId=ticket, after=start)
        replayed = [await agent.next("ticketEvents")]
        while replayed[-1]["type"] != "TICKET_REDACTED":
            replayed.append(await agent.next("ticketEvents"))
    assert "Hunter" not in str(replayed)
    assert not replayed[-1]["ticket"]["viewerHasUnread"]
    assert replayed[-1]["ticket"]["textsErasedAt"] is not None


@pytest.mark.stress
async def test_each_ticket_is_erased_once_although_the_worker_is_killed(
    service: Service, world: World, url: str
) -> None:
    root = service.client(world.root.token)
    closed_at = now() - timedelta(days=40)
    for number in range(TICKETS):
        ticket = await create_ticket(world.cora, subject=f"Hunter {number}")
        await apply_commands(
            world.ada,
            ticket,
            lambda change: commands.close(change, CloseReason.WITHDRAWN),
            at=closed_at,
        )
    policy = await create_policy(root)

    async def has_begun() -> bool:
        return await count_erased() >= TREATED_BEFORE_KILL

    async def has_ended() -> bool:
        is_erased = await count_erased() == TICKETS
        return is_erased and await find_rows("Hunter") == []  # also in SQLite's search indexes

    for condition, rate in ((has_begun, "20"), (has_ended, "100000")):
        settings = {"TICKETWIRE_RETENTION_TICKETS_PER_SECOND": rate}
        worker = start_worker(url, tickets_per_second=100, settings=settings)
        try:
            await until(condition, 120)
        finally:
            kill(worker)
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == TICKETS
    assert (await read_policy(root, policy))["erasedTickets"] == TICKETS
    await audit()
