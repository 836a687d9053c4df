"""Jobs of callers with several processes: kill -9, workers beside each other, live progress."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import JOB_FIELDS, run_mutation
from support.audit import audit
from support.jobs import (
    build_worker,
    kill,
    read_errors,
    read_job,
    run_caller_jobs,
    start_worker,
)
from support.live import until
from support.service import running
from support.ticket_commands import create_ticket

from models.core import ids
from models.jobs.caller_job import CallerJob, JobStatus, JobTicket, JobTicketOutcome
from models.log import event
from models.log.consumer import LogConsumer
from models.log.event import Event, EventType

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

KILLED_TICKETS = int(os.environ.get("TEST_JOB_TICKETS", "300"))
"""How many tickets the job has whose worker is killed."""
KILLS = 3
TICKETS_BETWEEN_KILLS = 33
JOB = f"subscription($id: ID!) {{ jobChanged(id: $id) {{ {JOB_FIELDS} }} }}"


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, run_jobs=False) as found:
        yield found


async def create_tickets(world: World, count: int) -> None:
    for number in range(count):
        await create_ticket(world.cora, subject=f"Ticket {number}")


async def start_tagging(client: Client, tag: str) -> CallerJob:
    """Start a job that adds a tag to all tickets."""
    job = await run_mutation(client, "bulkUpdateTickets", filter={}, change={"addTags": [tag]})
    return await CallerJob.get(id=ids.key_of(ids.JOB, job["id"]))


async def is_ended(job: CallerJob) -> bool:
    await job.refresh_from_db()
    return not job.is_active


async def count_taggings() -> Counter[str]:
    """How many events added each tag."""
    counts: Counter[str] = Counter()
    for each in await Event.filter(type=EventType.TICKET_UPDATED):
        before, after = each.changes["tags"]
        counts.update(set(after) - set(before))  # type: ignore[arg-type]
    return counts


@pytest.mark.stress
@pytest.mark.timeout(900 + KILLED_TICKETS // 10)
async def test_each_ticket_is_changed_once_although_the_worker_is_killed(
    service: Service, world: World, url: str
) -> None:
    ada = service.client(world.ada.token)
    await create_tickets(world, KILLED_TICKETS)
    # The workers need not write email about the new tickets, so that they have time for the job.
    await LogConsumer.all().update(position=await event.read_head())
    jobs = [await start_tagging(ada, "t0")]
    for _ in range(KILLS):
        if await is_ended(jobs[-1]):  # this process was stopped for so long; begin again
            jobs.append(await start_tagging(ada, f"t{len(jobs)}"))
        worker = start_worker(url, tickets_per_second=100)
        try:
            enough = jobs[-1].processed + TICKETS_BETWEEN_KILLS

            async def has_done_enough(enough: int = enough) -> bool:
                return await is_ended(jobs[-1]) or jobs[-1].processed >= enough

            await until(has_done_enough, 120)
        finally:
            kill(worker)
    worker = start_worker(url, tickets_per_second=100_000)
    left, started = KILLED_TICKETS - jobs[-1].processed, time.monotonic()
    try:
        await until(lambda: is_ended(jobs[-1]), 600 + KILLED_TICKETS // 10)
    finally:
        kill(worker)
    print(f"The last worker: {left / (time.monotonic() - started):.0f} tickets/s")
    for job in jobs:
        await job.refresh_from_db()
        assert (job.status, job.changed, job.failed) == (JobStatus.FINISHED, KILLED_TICKETS, 0)
    expected = {f"t{number}": KILLED_TICKETS for number in range(len(jobs))}
    assert await count_taggings() == expected
    assert await JobTicket.exclude(outcome=JobTicketOutcome.CHANGED).count() == 0
    await audit()


async def test_two_workers_beside_each_other_change_each_ticket_once(
    service: Service, world: World
) -> None:
    """Both believe that they have the lease, while people edit the same tickets."""
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    await create_tickets(world, 25)
    jobs = [await start_tagging(ada, "a"), await start_tagging(bill, "b")]
    edited = [ids.encode(ids.TICKET, row.ticket_id) for row in await JobTicket.all().limit(25)]

    async def edit() -> None:
        for number, ticket_id in enumerate(edited):
            await bill.do("updateTicket", ticketId=ticket_id, addTags=[f"e{number}"])

    await asyncio.gather(*(run_caller_jobs(worker=build_worker()) for _ in range(2)), edit())
    await run_caller_jobs()  # a worker ends its turn if the other one has done the work
    for job in jobs:
        assert await is_ended(job)
        assert (job.status, job.changed, job.failed) == (JobStatus.FINISHED, 25, 0)
    counts = await count_taggings()
    assert (counts["a"], counts["b"], len(counts)) == (25, 25, 27)
    assert set(counts.values()) == {1, 25}
    await audit()


async def test_nothing_changes_after_the_response_to_a_cancellation(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    await create_tickets(world, 40)
    job = await start_tagging(ada, "a")
    working = asyncio.create_task(run_caller_jobs())

    async def has_begun() -> bool:
        return await is_ended(job) or job.processed > 0

    await until(has_begun)
    query = f"""mutation($id: ID!) {{ cancelJob(input: {{jobId: $id}}) {{
      job {{ {JOB_FIELDS} }} }} }}"""
    shown = (await ada.run(query, id=ids.encode(ids.JOB, job.id)))["cancelJob"]["job"]
    counted = (await count_taggings())["a"]
    assert shown["succeeded"] == counted, "the job and the log agree"
    await working
    assert (await count_taggings())["a"] == counted
    assert await JobTicket.filter(outcome=JobTicketOutcome.CHANGED).count() == counted
    await audit()


async def test_an_edit_between_a_job_and_its_undo_is_kept(service: Service, world: World) -> None:
    """The undo and a colleague's edit run at the same time: each ticket has one of both results."""
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    await create_tickets(world, 12)
    job = await start_tagging(ada, "a")
    await run_caller_jobs()
    shown = {"id": ids.encode(ids.JOB, job.id)}
    undo = await run_mutation(ada, "undoJob", jobId=shown["id"])
    tickets = [ids.encode(ids.TICKET, row.ticket_id) for row in await JobTicket.filter(job=job)]

    async def edit() -> None:
        for ticket_id in reversed(tickets):
            await bill.do("updateTicket", ticketId=ticket_id, priority="HIGH")

    await asyncio.gather(run_caller_jobs(), edit())
    errors = await read_errors(ada, undo)
    assert {code for _, code in errors} <= {"CHANGED_SINCE"}
    found = await ada.run("{ tickets(first: 100) { nodes { ref tags priority } } }")
    kept = {node["ref"] for node in found["tickets"]["nodes"] if node["tags"] == ["a"]}
    assert kept == {ref for ref, _ in errors}
    assert {node["priority"] for node in found["tickets"]["nodes"]} == {"HIGH"}
    await audit()


async def test_a_subscriber_sees_the_progress_and_the_end(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    await create_tickets(world, 12)
    job = {"id": ids.encode(ids.JOB, (await start_tagging(ada, "a")).id)}
    async with ada.socket() as socket:
        await socket.subscribe(JOB, id=job["id"])
        first = await socket.next("jobChanged")
        assert (first["status"], first["progress"]) == ("WAITING", 0)
        worker = build_worker()
        await worker.run_once(service.clock(), 0)
        seen: dict[str, Any] = await socket.next("jobChanged")
        assert (seen["status"], seen["progress"]) == ("RUNNING", 10 / 12)
        await run_caller_jobs(worker=worker)
        seen = await socket.next("jobChanged")
        assert seen == await read_job(ada, job)
        assert (seen["status"], seen["progress"]) == ("FINISHED", 1)
    bill = service.client(world.bill.token)
    async with bill.socket() as socket:
        await socket.subscribe(JOB, id=job["id"])
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "NOT_FOUND"
