"""Jobs that change many tickets: what they change, what they report, and who sees them."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import machine
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.audit import audit
from support.jobs import read_errors, read_job, read_rows, run_caller_jobs

from models.core import ids
from models.jobs.caller_job import CallerJob, JobTicket
from models.log import event
from models.log.event import Event, EventType
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]


async def start(client: Client, tickets: list[dict[str, Any]], **input: Any) -> dict[str, Any]:
    ids = [ticket["id"] for ticket in tickets]
    return await run_mutation(client, "bulkUpdateTickets", ids=ids, **input)


async def raise_tickets(service: Service, world: World, count: int) -> list[dict[str, Any]]:
    cora = service.client(world.cora.token)
    return [await cora.raise_ticket(f"Ticket {number}") for number in range(count)]


async def values(ticket: dict[str, Any], *columns: str) -> list[Any]:
    stored = await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))
    return [getattr(stored, column) for column in columns]


async def test_a_job_changes_each_of_its_tickets(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    one, two, three = await raise_tickets(service, world, 3)
    await ada.do("assignTicket", ticketId=two["id"], assigneeId=world.ada.gid)
    head = await event.read_head()
    change = {"priority": "HIGH", "addTags": ["outage"], "assigneeId": world.ada.gid}
    job = await start(ada, [three, one, two, one], change=change)
    assert job == {
        "id": job["id"],
        "kind": "BULK_UPDATE_TICKETS",
        "status": "WAITING",
        "dryRun": False,
        "errorPolicy": "CONTINUE",
        "progress": 0,
        "total": 3,
        "succeeded": 0,
        "failed": 0,
        "createdBy": {"displayName": "Ada"},
        "cancelledBy": None,
        "startedAt": None,
        "finishedAt": None,
        "undoableUntil": None,
        "result": None,
    }
    assert await event.read_head() == head, "starting a job changes no ticket"
    await run_caller_jobs()
    job = await read_job(ada, job)
    assert (job["status"], job["progress"], job["succeeded"], job["failed"]) == (
        *("FINISHED", 1, 3, 0),
    )
    assert job["result"] == {"changed": 3, "unchanged": 0, "unprocessed": 0}
    rows = await read_rows(ada, job)
    assert [row["ref"] for row in rows] == [one["ref"], two["ref"], three["ref"]]
    assert [row["ticket"]["id"] for row in rows] == [one["id"], two["id"], three["id"]]
    for ticket in (one, two, three):
        assert await values(ticket, "priority", "assignee_id") == [3, world.ada.id]
    events = await Event.filter(position__gt=head).order_by("position")
    assert {each.actor_user_id for each in events} == {world.ada.id}
    updated = [each.ticket_id for each in events if each.type is EventType.TICKET_UPDATED]
    assert len(updated) == len(set(updated)) == 3
    await audit()
