"""The steps of an erasure: bounded, and in an order that a crash does not hurt."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from support import Service, World
from support.erasure import REASON, start_erasure
from support.jobs import build_worker, run_caller_jobs

from models.core.hydration import new_record
from models.core.ids import new_id
from models.core.time import now
from models.database import search_index
from models.erasure import run
from models.erasure.job import ErasureReport
from models.erasure.terms import Terms
from models.erasure.ticket_erasure import EventRules, TicketErasure, erase_messages
from models.jobs.caller_job import CallerJob, JobStatus
from models.tickets.message import Message, MessageKind

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]


async def test_the_write_ahead_log_is_emptied_before_the_job_ends(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash between the two, a job that has ended would not empty it again."""
    statuses: list[JobStatus] = []

    async def record() -> None:
        statuses.append((await CallerJob.get()).status)

    monkeypatch.setattr(search_index, "empty_write_ahead_log", record)
    await service.client(world.cora.token).raise_ticket()
    await start_erasure(service.client(world.root.token), world.cora.gid)
    await run_caller_jobs()
    assert statuses == [JobStatus.RUNNING]
    assert (await CallerJob.get()).status is JobStatus.FINISHED


async def test_the_verification_of_tickets_goes_on_after_its_cursor(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "TICKETS_PER_TURN", 1)
    cora = service.client(world.cora.token)
    for number in range(3):
        await cora.raise_ticket(f"Ticket {number}")
    await start_erasure(service.client(world.root.token), world.cora.gid, reason=REASON)
    worker, cursors = build_worker(), list[object]()
    while (await worker.run_once(now(), 0)).more:
        report = ErasureReport.of(await CallerJob.get())
        if report.stage == "verify_tickets" and report.cursor is not None:
            cursors.append(report.cursor)
    assert len(set(cursors)) == 3
    assert (await CallerJob.get()).total == 3


async def test_other_tasks_run_between_the_messages_of_a_long_ticket() -> None:
    author, ticks = new_id(), 0
    kind, body = MessageKind.REPLY, "Of cora@example.com"
    messages = [
        new_record(Message, id=new_id(), author_user_id=author, kind=kind, body=body)
        for _ in range(50)
    ]

    async def count_ticks() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    change: Any = SimpleNamespace(redacted_messages=[])
    records: Any = SimpleNamespace(messages=messages)
    rules = EventRules(Terms("cora@example.com"), new_id(), erases_texts=True, owns_ticket=False)
    other = asyncio.create_task(count_ticks())
    await erase_messages(change, records, rules, TicketErasure())
    other.cancel()
    assert ticks >= 49
    assert len(change.redacted_messages) == 50
