"""Open subscriptions while a person is erased, and a worker that is killed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support import Service, World
from support.audit import audit
from support.erasure import erase, find_rows, read_erasure, start_erasure
from support.jobs import kill, start_worker
from support.live import head_cursor, until
from support.service import running
from support.ticket_commands import create_ticket

from models.core import ids
from models.jobs.caller_job import CallerJob
from models.log.event import Event, EventType

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

EVENTS = """subscription($ticketId: ID, $after: String) {
  ticketEvents(ticketId: $ticketId, after: $after) { type
    ticket { subject requester { displayName } }
    ... on TicketUpdated { changes { field from to } }
    ... on TicketReplied { reply { body } } ... on TicketRedacted { reason } } }"""
TICKETS = 60


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, run_jobs=False) as found:
        yield found


async def test_open_subscriptions_see_the_texts_vanish(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    start = await head_cursor()
    ticket = (await cora.raise_ticket("Hunter's secret"))["id"]
    await ada.do("updateTicket", ticketId=ticket, subject="Hunter and Cora")
    await cora.do("replyToTicket", ticketId=ticket, body="My secret is Hunter.")
    async with carl.socket() as colleague:
        await colleague.subscribe(EVENTS, ticketId=ticket, after=await head_cursor())
        await erase(root, world.cora.gid)
        seen = await colleague.next("ticketEvents")
    shown = {"subject": "[erased]", "requester": {"displayName": "Erased person"}}
    reason = "The customer has asked for it."
    assert seen == {"type": "TICKET_REDACTED", "ticket": shown, "reason": reason}
    async with ada.socket() as agent:  # a mirror that reads the log from the start
        await agent.subscribe(EVENTS, ticketId=ticket, after=start)
        replayed = [await agent.next("ticketEvents")]
        while replayed[-1]["type"] != "TICKET_REDACTED":
            replayed.append(await agent.next("ticketEvents"))
    assert "Hunter" not in str(replayed)
    assert "TICKET_UPDATED" in {each["type"] for each in replayed}


@pytest.mark.stress
async def test_an_erasure_goes_on_after_its_worker_is_killed(
    service: Service, world: World, url: str
) -> None:
    root = service.client(world.root.token)
    for number in range(TICKETS):
        await create_ticket(world.cora, subject=f"Hunter {number}")
    job = await start_erasure(root, world.cora.gid)
    stored = await CallerJob.get(id=ids.key_of(ids.JOB, job["id"]))

    async def has_begun() -> bool:
        await stored.refresh_from_db()
        return not stored.is_active or stored.changed >= 5

    async def has_ended() -> bool:
        await stored.refresh_from_db()
        return not stored.is_active

    for condition in (has_begun, has_ended):
        worker = start_worker(url, tickets_per_second=30 if condition is has_begun else 100_000)
        try:
            await until(condition, 120)
        finally:
            kill(worker)
    job = await read_erasure(root, job)
    assert (job["status"], job["succeeded"], job["failed"]) == ("FINISHED", TICKETS, 0)
    assert job["erasure"]["remaining"] == []
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == TICKETS
    assert await find_rows("Hunter") == []
    await audit()
