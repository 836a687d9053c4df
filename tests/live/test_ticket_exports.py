"""Exports whose worker is killed: each ticket is in the file once."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import Service, World
from support.exports import download, parse_lines, read_export, start_export
from support.files import ENCRYPTION_KEY, running_with_files
from support.jobs import kill, start_worker
from support.live import until
from support.ticket_commands import create_ticket

from models.core import ids
from models.jobs.caller_job import CallerJob
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

TICKETS = int(os.environ.get("TEST_EXPORT_TICKETS", "450"))
KILLS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
async def service(url: str, folder: Path) -> AsyncIterator[Service]:
    async with running_with_files(url, folder, run_jobs=False) as found:
        yield found


async def is_ended(job: CallerJob) -> bool:
    await job.refresh_from_db()
    return not job.is_active


@pytest.mark.stress
@pytest.mark.timeout(900)
async def test_each_ticket_is_in_the_file_once_although_the_worker_is_killed(
    service: Service, world: World, url: str, folder: Path
) -> None:
    ada = service.client(world.ada.token)
    for number in range(TICKETS):
        await create_ticket(world.cora, subject=f"Ticket {number}")
    expected = [each.ref for each in await Ticket.all().order_by("number")]
    started = await start_export(ada)
    job = await CallerJob.get(id=ids.key_of(ids.JOB, started["id"]))
    settings = {
        "TICKETWIRE_STORAGE_URL": f"file://{folder}",
        "TICKETWIRE_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    for _ in range(KILLS):
        worker = start_worker(url, 150, settings)
        try:
            before = job.processed

            async def has_done_more(before: int = before) -> bool:
                return await is_ended(job) or job.processed > before

            await until(has_done_more, 120)
        finally:
            kill(worker)
    worker = start_worker(url, 100_000, settings)
    try:
        await until(lambda: is_ended(job), 300)
    finally:
        kill(worker)
    ended = await read_export(ada, started)
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("FINISHED", TICKETS, 0)
    assert [line["ref"] for line in parse_lines(await download(ada, started))] == expected
