"""exportPerson: a file with the data of one person, for admins only, which an erasure deletes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import token_of
from support.admin_mutations import run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.cli_process import run_cli
from support.erasure import erase
from support.exports import build_exporter, download, parse_lines, read_export, run_exports
from support.files import send, stored_files

from models.audit.entry import AuditEntry
from models.core.record_limits import RecordLimits
from models.core.time import now
from models.erasure import person_data, person_export
from models.jobs.caller_job import CallerJob
from models.jobs.export_part import ExportPart
from models.people.user import User
from models.tickets.message import Message
from workers.ticket_exports import TicketExports

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

PAIRS = (
    ["tickets:read", "users:read"],
    ["tickets:read", "notes:read"],
    ["notes:read", "users:read"],
)
"""Two of the three scopes that show what the file holds: tickets, notes and people."""
EXPORTED = "query($id: ID!) { job(id: $id) { exportedUserId progress export { url count } } }"


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def write_messages(cora: Client, count: int = 3) -> str:
    ticket = str((await cora.raise_ticket("Printer"))["id"])
    for number in range(count):
        await cora.do("replyToTicket", ticketId=ticket, body=f"Reply {number}")
    return ticket


async def start(root: Client, world: World) -> dict[str, Any]:
    return await run_mutation(root, "exportPerson", userId=world.cora.gid)


async def test_the_file_has_what_the_command_writes(
    root: Client, cora: Client, world: World, worker: TicketExports, url: str, tmp_path: Path
) -> None:
    await write_messages(cora)
    job = await start(root, world)
    await run_exports(worker)
    content = await download(root, job)
    rows = parse_lines(content)
    result = await run_cli(tmp_path, "user", "export", world.cora.gid, TICKETWIRE_DATABASE_URL=url)
    expected = parse_lines(result.out.encode())
    assert [each for each in rows if each["table"] != "audit_entries"] == [
        each for each in expected if each["table"] != "audit_entries"
    ]
    shown = (await root.run(EXPORTED, id=job["id"]))["job"]
    assert (shown["exportedUserId"], shown["progress"]) == (world.cora.gid, 1.0)
    assert shown["export"]["count"] == len(rows)
    response = await send(root, "GET", shown["export"]["url"])
    assert response.headers["content-disposition"].startswith('attachment; filename="person-')
    entry = await AuditEntry.get(action="exportPerson", actor_user_id=world.root.id)
    assert entry.record_id == world.cora.id


async def test_a_crash_after_any_part_loses_and_repeats_nothing(
    root: Client,
    cora: Client,
    world: World,
    url: str,
    folder: Path,
    worker: TicketExports,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(person_data, "ROWS_PER_PAGE", 2)
    monkeypatch.setattr(person_export, "PAGES_PER_TURN", 1)
    await write_messages(cora, 5)
    job, runs = await start(root, world), 0
    put = worker.store.put_export

    async def put_and_crash(*arguments: Any) -> str:
        await put(*arguments)
        raise asyncio.CancelledError

    while (await read_export(root, job))["status"] != "FINISHED":
        runs += 1
        current = build_exporter(url, folder)
        if runs % 3 == 0:  # the file is stored, but its row is not
            monkeypatch.setattr(current.store, "put_export", put_and_crash)
            try:
                await current.run_once(now(), 0)
            except asyncio.CancelledError:
                continue
        else:
            await current.run_once(now(), 0)
        assert runs < 500
    rows = parse_lines(await download(root, job))
    bodies = [each["row"]["body"] for each in rows if each["table"] == "messages"]
    assert bodies == [f"Reply {number}" for number in range(5)]
    assert len({(each["table"], str(each["row"])) for each in rows}) == len(rows)
    assert (await CallerJob.get()).exported == len(rows)


async def test_an_erasure_of_the_person_deletes_the_file(
    root: Client, cora: Client, world: World, worker: TicketExports, folder: Path
) -> None:
    await write_messages(cora)
    job = await start(root, world)
    await run_exports(worker)
    url = (await read_export(root, job))["export"]["url"]
    assert (await send(root, "GET", url)).status_code == 200
    await erase(root, world.cora.gid)
    assert (await send(root, "GET", url)).status_code == 404
    worker.cleaned_at = None
    await run_exports(worker)
    assert stored_files(folder) == []
    again = await send_mutation(root, "exportPerson", userId=world.cora.gid)
    assert [(e["code"], e["field"]) for e in again["userErrors"]] == [
        ("INVALID", ["input", "userId"])
    ]


async def test_an_erasure_stops_a_running_export_without_a_file(
    root: Client,
    cora: Client,
    world: World,
    worker: TicketExports,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(person_export, "PAGES_PER_TURN", 1)
    await write_messages(cora)
    job = await start(root, world)
    await worker.run_once(now(), 0)
    await worker.run_once(now(), 0)
    assert await ExportPart.all().count() > 0
    await erase(root, world.cora.gid)
    worker.cleaned_at = None
    await run_exports(worker)
    worker.cleaned_at = None
    await run_exports(worker)
    stopped = await read_export(root, job)
    assert (stopped["status"], stopped["export"]) == ("STOPPED", None)
    assert stored_files(folder) == []


async def test_a_redaction_begins_the_export_again(
    root: Client,
    ada: Client,
    cora: Client,
    world: World,
    worker: TicketExports,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(person_export, "PAGES_PER_TURN", 1)
    await write_messages(cora, 1)
    job = await start(root, world)
    while not await ExportPart.exists():
        await worker.run_once(now(), 0)
    after_messages = person_data.TABLES[person_data.TABLES.index("messages") + 1]
    while person_export.position_of(await CallerJob.get()).table != after_messages:
        await worker.run_once(now(), 0)
    message = await Message.get()
    query = """mutation($input: RedactMessageInput!) { redactMessage(input: $input) {
      userErrors { code } } }"""
    input = {"messageId": f"msg_{message.id}", "reason": "A secret"}
    assert (await root.run(query, input=input))["redactMessage"]["userErrors"] == []
    await run_exports(worker)
    rows = parse_lines(await download(root, job))
    assert [r["row"]["body"] for r in rows if r["table"] == "messages"] == ["[redacted]"]


async def test_only_admins_with_the_scopes_may_export_people(
    root: Client, ada: Client, cora: Client, world: World, service: Service, worker: TicketExports
) -> None:
    for client in (ada, cora, service.client()):
        async with assert_nothing_stored():
            with pytest.raises(Refused):
                await start(client, world)
    admin = await User.get(id=world.root.id)
    shows_people = ["tickets:read", "notes:read", "users:read"]
    for scopes in (["admin"], shows_people, *(["admin", *others] for others in PAIRS)):
        token = await token_of(admin, scopes)
        async with assert_nothing_stored():
            with pytest.raises(Refused, match="FORBIDDEN"):
                await start(service.client(token), world)
    strong = service.client(await token_of(admin, ["admin", *shows_people]))
    job = await start(strong, world)
    await run_exports(worker)
    assert (await read_export(root, job))["export"]["url"] is not None
    for others in PAIRS:
        weak = service.client(await token_of(admin, ["admin", "tickets:write", *others]))
        assert (await read_export(weak, job))["export"]["url"] is None
    assert (await ada.run(EXPORTED, id=job["id"]))["job"] is None


async def test_refusals_store_nothing(root: Client, world: World, service: Service) -> None:
    for user_id in ("usr_x", "", "tkt_00000000-0000-0000-0000-000000000000", "x" * 5000):
        async with assert_nothing_stored():
            payload = await send_mutation(root, "exportPerson", userId=user_id)
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [
            ("NOT_FOUND", ["input", "userId"])
        ]
    for _ in range(2):
        await start(root, world)
    async with assert_nothing_stored():
        payload = await send_mutation(root, "exportPerson", userId=world.cora.gid)
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("INVALID", None)]


async def test_a_file_that_would_be_too_large_stops_the_job(
    root: Client, cora: Client, world: World, url: str, folder: Path, service: Service
) -> None:
    await write_messages(cora)
    worker = build_exporter(url, folder, RecordLimits(max_export_bytes=1024))
    job = await start(root, world)
    await run_exports(worker)
    stopped = await read_export(root, job)
    assert (stopped["status"], stopped["export"]) == ("STOPPED", None)
    assert stored_files(folder) == []
