"""Exports whose parts and files are in S3-compatible storage."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.exports import (
    build_exporter,
    parse_csv,
    parse_lines,
    read_export,
    run_exports,
    start_export,
)
from support.files import error_of, running_with_files, send
from support.s3 import build_s3_store, running_s3

from models.files.s3_store import S3FileStore
from models.files.store import FileKind
from workers.ticket_exports import TicketExports

pytestmark = [
    pytest.mark.node,
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]
SECRET = "hunter2-Zq9"


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    async with running_s3(tmp_path / "s3") as settings:
        yield settings


@pytest.fixture
def store(storage: dict[str, Any]) -> S3FileStore:
    return build_s3_store(storage)


@pytest.fixture
async def service(url: str, tmp_path: Path, storage: dict[str, Any]) -> AsyncIterator[Service]:
    async with running_with_files(url, tmp_path, run_jobs=False, **storage) as found:
        yield found


@pytest.fixture
def worker(service: Service, url: str, store: S3FileStore) -> TicketExports:
    del service  # it opens the database
    return build_exporter(url, store)


async def find_secret(store: S3FileStore) -> list[str]:
    """The keys of the stored files of exports that hold the secret."""
    found: list[str] = []
    for key in await store.list_keys(FileKind.EXPORT.value):
        content = await (await store.objects.get_async(key)).bytes_async()
        if SECRET.encode() in bytes(content):
            found.append(key)
    return found


async def finish(
    client: Client, worker: TicketExports, format: str
) -> tuple[dict[str, Any], bytes]:
    """Export all tickets; return the job and the file, which comes from the storage itself."""
    job = await start_export(client, format)
    await run_exports(worker)
    export = (await read_export(client, job))["export"]
    redirect = await send(client, "GET", export["url"])
    assert (redirect.status_code, redirect.headers["cache-control"]) == (302, "no-store")
    download = await send(client, "GET", redirect.headers["location"])
    assert download.status_code == 200
    assert hashlib.sha256(download.content).hexdigest() == export["sha256"]
    disposition = download.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="tickets-')
    assert disposition.endswith(f'.{format.lower()}"')
    return job, download.content


async def clean_up(service: Service, worker: TicketExports) -> None:
    """Let the worker delete what is not used any more, which it does once a minute."""
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)


async def test_an_export_is_joined_and_downloaded_from_the_storage(
    service: Service,
    world: World,
    worker: TicketExports,
    store: S3FileStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 2)  # several parts
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    refs = [(await cora.raise_ticket(f"Ticket {number}"))["ref"] for number in range(5)]
    jsonl, content = await finish(ada, worker, "JSONL")
    assert [line["ref"] for line in parse_lines(content)] == refs
    csv, content = await finish(ada, worker, "CSV")
    assert [row["ref"] for row in parse_csv(content)] == refs
    await clean_up(service, worker)
    assert len(await store.list_keys(FileKind.EXPORT.value)) == 2, "the parts are deleted"
    service.clock.advance(days=8)
    await clean_up(service, worker)
    assert await store.list_keys(FileKind.EXPORT.value) == []
    assert [(await read_export(ada, each))["export"] for each in (jsonl, csv)] == [None, None]


async def test_another_worker_goes_on_with_the_parts_in_the_storage(
    service: Service,
    world: World,
    url: str,
    worker: TicketExports,
    store: S3FileStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 1)
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    refs = [(await cora.raise_ticket(f"Ticket {number}"))["ref"] for number in range(3)]
    job = await start_export(ada)
    await worker.run_once(service.clock(), 0)
    (part,) = await store.list_keys(FileKind.EXPORT.value)
    other = build_exporter(url, store)
    await run_exports(other)
    export = (await read_export(ada, job))["export"]
    location = (await send(ada, "GET", export["url"])).headers["location"]
    content = (await send(ada, "GET", location)).content
    assert [line["ref"] for line in parse_lines(content)] == refs
    await clean_up(service, other)
    assert part not in await store.list_keys(FileKind.EXPORT.value)


async def test_a_redaction_deletes_the_files_in_the_storage(
    service: Service,
    world: World,
    worker: TicketExports,
    store: S3FileStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 1)
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    root = service.client(world.root.token)
    ticket = (await cora.raise_ticket(f"My password is {SECRET}"))["id"]
    await cora.raise_ticket()
    job, _ = await finish(ada, worker, "JSONL")
    await clean_up(service, worker)
    running = await start_export(ada)
    await worker.run_once(service.clock(), 0)
    assert len(await find_secret(store)) == 2, "the finished file, and a part of the running export"
    url = (await read_export(ada, job))["export"]["url"]
    input = {"ticketId": ticket, "field": "SUBJECT", "text": SECRET, "reason": "A password."}
    await root.do("redactTicket", **input)
    assert error_of(await send(ada, "GET", url)) == (404, "NOT_FOUND")
    await run_exports(worker, service.clock())
    await clean_up(service, worker)
    assert await find_secret(store) == []
    assert (await read_export(ada, job))["export"] is None
    assert (await read_export(ada, running))["export"]["count"] == 2


async def test_a_cancelled_export_leaves_nothing_in_the_storage(
    service: Service,
    world: World,
    worker: TicketExports,
    store: S3FileStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 1)
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    for _ in range(2):
        await cora.raise_ticket()
    job = await start_export(ada)
    await worker.run_once(service.clock(), 0)
    assert len(await store.list_keys(FileKind.EXPORT.value)) == 1
    cancel = "mutation($id: ID!) { cancelJob(input: {jobId: $id}) { job { status } } }"
    await ada.run(cancel, id=job["id"])
    await clean_up(service, worker)
    assert await store.list_keys(FileKind.EXPORT.value) == []
