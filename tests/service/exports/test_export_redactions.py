"""Redactions and exports: no file keeps a secret that was redacted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.erasure import start_erasure
from support.exports import (
    build_exporter,
    download,
    parse_lines,
    read_export,
    run_exports,
    start_export,
)
from support.files import error_of, send
from support.statements import statements

from models.core import ids
from models.exports.redactions import check_outdated
from models.jobs.caller_job import CallerJob
from workers.ticket_exports import TicketExports

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]

SECRET = "Zq9Xkw7Hunter"


async def reply(client: Client, ticket: dict[str, Any]) -> str:
    body = f"My password is {SECRET}."
    return str((await client.do("replyToTicket", ticketId=ticket["id"], body=body))["reply"]["id"])


async def redact(client: Client, message_id: str) -> None:
    await client.do("redactMessage", messageId=message_id, text=SECRET, reason="A password.")


def holds_secret(folder: Path) -> bool:
    return any(SECRET.encode() in each.read_bytes() for each in folder.rglob("*") if each.is_file())


async def test_a_redaction_ends_downloads_at_once_and_deletes_the_file(
    service: Service,
    world: World,
    ada: Client,
    cora: Client,
    worker: TicketExports,
    folder: Path,
) -> None:
    ticket = await cora.raise_ticket()
    message_id = await reply(cora, ticket)
    job = await start_export(ada)
    await run_exports(worker)
    assert SECRET.encode() in await download(ada, job)
    url = (await read_export(ada, job))["export"]["url"]
    await redact(service.client(world.root.token), message_id)
    assert error_of(await send(ada, "GET", url)) == (404, "NOT_FOUND")
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert (await read_export(ada, job))["export"] is None
    assert not holds_secret(folder)


async def test_a_redaction_of_the_ticket_itself_outdates_a_file(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports, folder: Path
) -> None:
    ticket = await cora.raise_ticket(f"My password is {SECRET}")
    job = await start_export(ada)
    await run_exports(worker)
    assert holds_secret(folder)
    url = (await read_export(ada, job))["export"]["url"]
    input = {"ticketId": ticket["id"], "field": "SUBJECT", "text": SECRET}
    root = service.client(world.root.token)
    await root.do("redactTicket", **input, reason="A password.")
    assert error_of(await send(ada, "GET", url)) == (404, "NOT_FOUND")
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert not holds_secret(folder)


async def test_a_running_export_begins_again(
    service: Service,
    world: World,
    ada: Client,
    cora: Client,
    url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 1)
    tickets = [await cora.raise_ticket(f"Ticket {number}") for number in range(3)]
    message_id = await reply(cora, tickets[0])
    job, worker = await start_export(ada), build_exporter(url, folder)
    await worker.run_once(service.clock(), 0)
    assert holds_secret(folder), "the first part has the message"
    await redact(service.client(world.root.token), message_id)
    await run_exports(worker)
    lines = parse_lines(await download(ada, job))
    assert [line["ref"] for line in lines] == [ticket["ref"] for ticket in tickets]
    assert lines[0]["messages"][0]["body"] == "My password is [redacted]."
    ended = await read_export(ada, job)
    assert (ended["succeeded"], ended["export"]["count"]) == (3, 3)
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert not holds_secret(folder), "the parts of the first attempt are deleted"


async def test_a_part_that_was_read_before_a_redaction_is_not_used(
    service: Service,
    world: World,
    ada: Client,
    cora: Client,
    url: str,
    folder: Path,
) -> None:
    """The redaction comes after the tickets were read, and before their part is stored."""
    message_id = await reply(cora, await cora.raise_ticket())
    job, worker = await start_export(ada), build_exporter(url, folder)
    put = worker.store.put_export
    redacted = False

    async def redact_first(*arguments: Any) -> str:
        nonlocal redacted
        key = await put(*arguments)
        if not redacted:
            redacted = True
            await redact(service.client(world.root.token), message_id)
        return key

    worker.store.put_export = redact_first  # type: ignore[method-assign]
    await run_exports(worker)
    (line,) = parse_lines(await download(ada, job))
    assert line["messages"][0]["body"] == "My password is [redacted]."
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert not holds_secret(folder)


async def test_a_redaction_in_a_merged_ticket_counts_for_its_target(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    source, target = await cora.raise_ticket("Source"), await cora.raise_ticket("Target")
    message_id = await reply(cora, source)
    await ada.do("mergeTickets", ticketId=source["id"], intoId=target["id"])
    job = await start_export(ada, filter={"subject": {"eq": "Target"}})
    await run_exports(worker)
    assert SECRET.encode() in await download(ada, job)
    url = (await read_export(ada, job))["export"]["url"]
    await ada.do("unmergeTicket", ticketId=source["id"])
    await redact(service.client(world.root.token), message_id)
    assert error_of(await send(ada, "GET", url)) == (404, "NOT_FOUND")


async def test_an_erased_assignee_ends_downloads_and_begins_running_exports_again(
    service: Service,
    world: World,
    ada: Client,
    cora: Client,
    url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No event of a ticket tells that the person was erased."""
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", 1)
    worker = build_exporter(url, folder)
    for subject in ("One", "Two"):
        ticket = await cora.raise_ticket(subject)
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.bill.gid)
    finished = await start_export(ada)
    await run_exports(worker)
    file_url = (await read_export(ada, finished))["export"]["url"]
    assert b"bill@example.com" in await download(ada, finished)
    root = service.client(world.root.token)
    await run_mutation(root, "deactivateUser", userId=world.bill.gid)
    running = await start_export(ada)
    await worker.run_once(service.clock(), 0)
    assert (await send(ada, "GET", file_url)).status_code == 200
    await start_erasure(root, world.bill.gid)
    assert error_of(await send(ada, "GET", file_url)) == (404, "NOT_FOUND")
    await run_exports(worker)
    assert b"bill@example.com" not in await download(ada, running)
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert (await read_export(ada, finished))["export"] is None
    assert (await read_export(ada, running))["export"] is not None
    files = [each for each in folder.rglob("*") if each.is_file()]
    assert not any(b"bill@example.com" in each.read_bytes() for each in files)


async def test_a_redaction_in_another_ticket_keeps_the_file(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    other, exported = await cora.raise_ticket("Other"), await cora.raise_ticket("Exported")
    message_id = await reply(cora, other)
    job = await start_export(ada, filter={"subject": {"eq": "Exported"}})
    await run_exports(worker)
    await redact(service.client(world.root.token), message_id)
    assert [line["ref"] for line in parse_lines(await download(ada, job))] == [exported["ref"]]
    service.clock.advance(minutes=1)
    await worker.run_once(service.clock(), 0)
    assert (await read_export(ada, job))["export"] is not None
    stored = await CallerJob.get(id=ids.key_of(ids.JOB, job["id"]))
    assert stored.export_checked != stored.export_start, "it was checked again"


async def test_a_check_has_the_same_statements_however_many_tickets_were_redacted(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    """A list of the tickets would exceed the drivers' maximum of parameters some day."""
    await cora.raise_ticket("Exported")
    job = await start_export(ada, filter={"subject": {"eq": "Exported"}})
    root = service.client(world.root.token)
    texts: list[list[str]] = []
    for count in (1, 3):
        for _ in range(count):
            await redact(root, await reply(cora, await cora.raise_ticket("Other")))
        stored = await CallerJob.get(id=ids.key_of(ids.JOB, job["id"]))
        with statements() as found:
            assert not await check_outdated(stored)
        texts.append(found.texts)
    assert texts[0] == texts[1] != []
