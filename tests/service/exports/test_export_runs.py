"""How exports run: limits, cancellation, errors, crashes, and two workers beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.exports import (
    build_exporter,
    download,
    parse_lines,
    read_export,
    run_exports,
    start_export,
)
from support.files import running_with_files, send
from support.service import running

from models.audit.entry import AuditEntry
from models.core import ids
from models.core.record_limits import RecordLimits
from models.exports import cleanup
from models.jobs.caller_job import CallerJob
from models.jobs.export_part import ExportPart
from workers import cleanup as cleanup_worker
from workers.ticket_exports import TicketExports

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]


def stored(folder: Path) -> int:
    return len([each for each in folder.rglob("exports/*") if each.is_file()])


@pytest.fixture
async def refs(cora: Client) -> list[str]:
    """Five tickets."""
    return [(await cora.raise_ticket(f"Ticket {number}"))["ref"] for number in range(5)]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 2)


async def test_a_cancelled_export_leaves_nothing(
    service: Service,
    ada: Client,
    worker: TicketExports,
    folder: Path,
    refs: list[str],
    small_parts: None,
) -> None:
    job = await start_export(ada)
    await worker.run_once(service.clock(), 0)
    assert stored(folder) == 1
    cancel = "mutation($id: ID!) { cancelJob(input: {jobId: $id}) { job { status } } }"
    assert (await ada.run(cancel, id=job["id"]))["cancelJob"]["job"]["status"] == "CANCELLED"
    service.clock.advance(minutes=1)
    await run_exports(worker, service.clock())
    assert stored(folder) == await ExportPart.all().count() == 0
    assert (await read_export(ada, job))["export"] is None


async def test_a_token_that_only_reads_cancels_exports_but_no_changes(
    service: Service, world: World, cora: Client
) -> None:
    await cora.raise_ticket()
    writer = service.client(await api_client_token("Sync", ["tickets:read", "tickets:write"]))
    reader = service.client(await api_client_token("Sync", ["tickets:read"]))
    cancel = "mutation($id: ID!) { cancelJob(input: {jobId: $id}) { job { status } } }"
    change = await run_mutation(writer, "bulkUpdateTickets", filter={}, change={"priority": "HIGH"})
    async with assert_nothing_stored():
        with pytest.raises(Refused, match="FORBIDDEN"):
            await reader.run(cancel, id=change["id"])
    export = await start_export(reader)
    assert (await reader.run(cancel, id=export["id"]))["cancelJob"]["job"]["status"] == "CANCELLED"


async def test_a_crash_between_file_and_row_loses_and_repeats_nothing(
    service: Service,
    ada: Client,
    worker: TicketExports,
    folder: Path,
    refs: list[str],
    small_parts: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each second file is stored without its row, as if the process was killed in between."""
    job = await start_export(ada)
    put, count = worker.store.put_export, 0

    async def put_and_die(*arguments: Any) -> str:
        nonlocal count
        count += 1
        key = await put(*arguments)
        if count % 2:
            raise KeyboardInterrupt
        return key

    worker.store.put_export = put_and_die  # type: ignore[method-assign]
    for _ in range(20):
        try:
            await run_exports(worker)
        except KeyboardInterrupt:
            continue
        break
    assert [line["ref"] for line in parse_lines(await download(ada, job))] == refs
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert stored(folder) == 5, "the file, and the files without rows: 3 parts and a file"
    monkeypatch.setattr(cleanup, "ORPHAN_AGE", timedelta(seconds=-60))
    await cleanup.delete_orphans(worker.store)
    assert stored(folder) == 1
    await download(ada, job)


async def test_a_killed_process_leaves_no_ticket_in_the_folder_of_temporary_files(
    service: Service,
    ada: Client,
    worker: TicketExports,
    refs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    job = await start_export(ada)
    left: list[Path] = []
    write_tickets, put = worker.source.write_tickets, worker.store.put_export

    async def write_and_list(*arguments: Any) -> set[Any]:
        found = await write_tickets(*arguments)
        left.extend(temporary.iterdir())
        return found

    async def put_and_list(*arguments: Any) -> str:
        left.extend(temporary.iterdir())
        return await put(*arguments)

    worker.source.write_tickets = write_and_list  # type: ignore[method-assign]
    worker.store.put_export = put_and_list  # type: ignore[method-assign]
    await run_exports(worker)
    assert [line["ref"] for line in parse_lines(await download(ada, job))] == refs
    assert left == []


async def test_two_workers_beside_each_other_write_each_ticket_once(
    service: Service, ada: Client, url: str, folder: Path, refs: list[str], small_parts: None
) -> None:
    jobs = [await start_export(ada), await start_export(ada, "CSV")]
    workers = [build_exporter(url, folder) for _ in range(2)]
    await asyncio.gather(*(run_exports(worker) for worker in workers))
    await run_exports(workers[0])
    lines = parse_lines(await download(ada, jobs[0]))
    assert [line["ref"] for line in lines] == refs
    assert (await read_export(ada, jobs[1]))["export"]["count"] == 5
    service.clock.advance(minutes=1)
    await workers[0].run_once(service.clock(), 0)
    assert stored(folder) == 2


async def test_a_ticket_that_cannot_be_read_fails_alone(
    service: Service, ada: Client, worker: TicketExports, refs: list[str]
) -> None:
    job, source = await start_export(ada), worker.source
    write_tickets = source.write_tickets

    async def fail(viewer: Any, keys: Any, format: Any, write: Any) -> set[Any]:
        for key in keys:
            pieces: list[bytes] = []
            await write_tickets(viewer, [key], format, pieces.append)
            write(b"".join(pieces)[:100])
            if refs[2].encode() in b"".join(pieces):
                raise ValueError("a bug")
            write(b"".join(pieces)[100:])
        return set(keys)

    source.write_tickets = fail  # type: ignore[method-assign]
    await run_exports(worker)
    ended = await read_export(ada, job)
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("FINISHED", 4, 1)
    (error,) = ended["errors"]["nodes"]
    assert (error["ref"], error["code"]) == (refs[2], "INTERNAL")
    lines = parse_lines(await download(ada, job))
    assert [line["ref"] for line in lines] == [*refs[:2], *refs[3:]]


async def test_a_file_that_would_be_too_large_ends_the_export(
    service: Service, ada: Client, url: str, folder: Path, refs: list[str], small_parts: None
) -> None:
    job = await start_export(ada)
    worker = build_exporter(url, folder, RecordLimits(max_export_bytes=6000))
    await run_exports(worker)
    ended = await read_export(ada, job)
    assert (ended["status"], ended["export"]) == ("STOPPED", None)
    assert [each["code"] for each in ended["errors"]["nodes"]] == ["INVALID"]
    assert "6,000 bytes" in ended["errors"]["nodes"][0]["message"]
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert stored(folder) == 0


async def test_a_part_is_never_larger_than_the_rest_of_the_file(
    service: Service, ada: Client, url: str, folder: Path, refs: list[str]
) -> None:
    """It is not written to the end, which might fill the disk."""
    job = await start_export(ada)
    worker = build_exporter(url, folder, RecordLimits(max_export_bytes=6000))
    write_tickets = worker.source.write_tickets
    sizes: list[int] = []

    async def write_and_count(viewer: Any, keys: Any, format: Any, write: Any) -> set[Any]:
        def count(piece: bytes) -> None:
            write(piece)
            sizes.append(len(piece))

        return await write_tickets(viewer, keys, format, count)

    async def refuse(*arguments: Any) -> str:
        raise AssertionError("it must not be stored")

    worker.source.write_tickets = write_and_count  # type: ignore[method-assign]
    worker.store.put_export = refuse  # type: ignore[method-assign]
    await run_exports(worker)
    assert 0 < sum(sizes) <= 6000
    ended = await read_export(ada, job)
    assert (ended["status"], ended["failed"]) == ("STOPPED", 1)
    (error,) = ended["errors"]["nodes"]
    assert (error["ref"], error["code"]) == (refs[0], "INVALID")


async def test_the_oldest_file_of_a_person_is_deleted(
    service: Service, ada: Client, url: str, folder: Path, refs: list[str]
) -> None:
    worker = build_exporter(url, folder, RecordLimits(max_stored_exports_per_caller=2))
    jobs: list[dict[str, Any]] = []
    for _ in range(3):
        jobs.append(await start_export(ada))
        await run_exports(worker)
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    kept = [(await read_export(ada, job))["export"] is not None for job in jobs]
    assert kept == [False, True, True]
    assert stored(folder) == 2


async def test_files_expire_and_jobs_with_files_are_kept(
    service: Service, ada: Client, worker: TicketExports, folder: Path, refs: list[str]
) -> None:
    job = await start_export(ada)
    await run_exports(worker)
    url = (await read_export(ada, job))["export"]["url"]
    later = service.clock() + timedelta(days=40)
    old = cleanup_worker.Cleanup(job_retention=timedelta(days=2))
    await old.run_once(later, 0)
    assert (await send(ada, "GET", url)).status_code == 200
    service.clock.advance(days=7, seconds=1)
    assert (await read_export(ada, job))["export"] is None
    assert stored(folder) == 2, "the file and its part"
    await worker.run_once(service.clock(), 0)
    assert stored(folder) == 0
    await cleanup_worker.Cleanup(job_retention=timedelta(days=2)).run_once(later, 0)
    query = "query($id: ID!) { job(id: $id) { id } }"
    assert await ada.run(query, id=job["id"]) == {"job": None}


async def test_a_file_that_cannot_be_deleted_stops_neither_others_nor_exports(
    service: Service, ada: Client, url: str, folder: Path, refs: list[str]
) -> None:
    worker = build_exporter(url, folder, RecordLimits(max_stored_exports_per_caller=1))
    jobs: list[dict[str, Any]] = []
    for _ in range(3):
        jobs.append(await start_export(ada))
        await run_exports(worker)
    keys = {str(each.id): each.export_key for each in await CallerJob.all()}
    stuck = {keys[str(ids.key_of(ids.JOB, jobs[0]["id"]))]}
    stuck.add((await ExportPart.all().order_by("id").first() or ExportPart()).storage_key)
    delete = worker.store.delete

    async def refuse(*found: str) -> None:
        if stuck & set(found):
            raise PermissionError("a policy of the storage")
        await delete(*found)

    worker.store.delete = refuse  # type: ignore[method-assign]
    jobs.append(await start_export(ada))
    service.clock.advance(minutes=1)
    await run_exports(worker, service.clock())
    service.clock.advance(minutes=1)
    await run_exports(worker, service.clock())
    kept = [(await read_export(ada, job))["export"] is not None for job in jobs]
    assert kept == [True, False, False, True]
    assert stored(folder) == 3, "both files that can't be deleted, and the newest"
    stuck.clear()
    service.clock.advance(minutes=1)
    await run_exports(worker, service.clock())
    assert stored(folder) == 1


@pytest.fixture
async def limited(url: str, folder: Path) -> AsyncIterator[Service]:
    async with running_with_files(
        url, folder, run_jobs=False, max_tickets_per_export=4, max_active_exports_per_caller=1
    ) as found:
        yield found


async def test_limits_are_user_errors(limited: Service) -> None:
    world = await World.make()
    cora, ada = limited.client(world.cora.token), limited.client(world.ada.token)
    for number in range(5):
        await cora.raise_ticket(f"Ticket {number}")
    assert await refusal_of(ada, "exportTickets", format="CSV") == "INVALID filter"
    small = {"subject": {"eq": "Ticket 1"}}
    job = await start_export(ada, filter=small)
    assert job["total"] == 1
    assert await refusal_of(ada, "exportTickets", format="CSV", filter=small) == "INVALID"
    await start_export(limited.client(world.bill.token), filter=small)


async def test_a_server_without_storage_refuses_exports(url: str) -> None:
    async with running(url, run_jobs=False, storage_url="") as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        payload = await send_mutation(ada, "exportTickets", format="CSV")
        codes = [each["code"] for each in payload["userErrors"]]
        # With SQLite, the storage is by default a folder beside the database.
        assert codes == ([] if url.startswith("sqlite") else ["NOT_ENABLED"])


async def test_the_audit_log_has_the_start_of_an_export(
    service: Service, world: World, ada: Client, refs: list[str]
) -> None:
    await start_export(ada, "CSV", idempotencyKey="once")
    await start_export(ada, "CSV", idempotencyKey="once")
    (entry,) = await AuditEntry.filter(action="exportTickets")
    assert entry.actor_user_id == world.ada.id
    assert entry.changes == {"format": [None, "CSV"], "tickets": [None, 5]}
