"""Exports of people's data: which redactions and retention policies outdate their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.drafts import save_draft
from support.exports import build_exporter, download, read_export, run_exports
from support.files import send
from support.retention import (
    count_erased,
    create_policy,
    let_time_pass,
    raise_closed,
    run_retention,
)

from models.erasure import person_export
from models.jobs.caller_job import CallerJob
from models.jobs.export_part import ExportPart
from workers.ticket_exports import TicketExports

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
]

SECRET = "Zq9Xkw7Hunter"


@pytest.fixture
def exporter(service: Service, url: str, folder: Path) -> TicketExports:
    del service  # it opens the database
    return build_exporter(url, folder)


async def start(root: Client, user_id: str) -> dict[str, Any]:
    return await run_mutation(root, "exportPerson", userId=user_id)


async def read_url(root: Client, job: dict[str, Any]) -> str:
    return str((await read_export(root, job))["export"]["url"])


async def test_a_redaction_outdates_the_file_of_a_former_requester(
    service: Service, world: World, root: Client, ada: Client, exporter: TicketExports
) -> None:
    ticket = await ada.raise_ticket(f"It is {SECRET}", requesterId=world.cora.gid)
    job = await start(root, world.cora.gid)
    await run_exports(exporter, service.clock())
    assert SECRET.encode() in await download(root, job)
    url = await read_url(root, job)
    await root.do("changeRequester", ticketId=ticket["id"], requesterId=world.olga.gid)
    assert (await send(root, "GET", url)).status_code == 200
    input = {"ticketId": ticket["id"], "field": "SUBJECT", "text": SECRET}
    await root.do("redactTicket", **input, reason="A password.")
    assert (await send(root, "GET", url)).status_code == 404
    exporter.cleaned_at = None
    await run_exports(exporter, service.clock())
    assert (await read_export(root, job))["export"] is None


async def test_a_redaction_outdates_a_file_with_a_draft_that_repeats_the_text(
    service: Service,
    world: World,
    root: Client,
    ada: Client,
    cora: Client,
    exporter: TicketExports,
) -> None:
    ticket = await cora.raise_ticket(f"It is {SECRET}")
    await save_draft(ada, str(ticket["id"]), kind="NOTE", body=f"Why {SECRET}?")
    job = await start(root, world.ada.gid)
    await run_exports(exporter, service.clock())
    assert SECRET.encode() in await download(root, job)
    url = await read_url(root, job)
    input = {"ticketId": ticket["id"], "field": "SUBJECT", "text": SECRET}
    await root.do("redactTicket", **input, reason="A password.")
    assert (await send(root, "GET", url)).status_code == 404


async def test_policies_wait_for_a_running_export_of_a_person_which_does_not_begin_again(
    service: Service,
    world: World,
    root: Client,
    ada: Client,
    cora: Client,
    exporter: TicketExports,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(person_export, "PAGES_PER_TURN", 1)
    await raise_closed(cora, ada, SECRET)
    await create_policy(root)
    at = let_time_pass(service)
    job = await start(root, world.cora.gid)
    while not await ExportPart.exists():
        await exporter.run_once(at, 0)
    start_position = (await CallerJob.get()).export_start
    await run_retention(at)
    assert await count_erased() == 0
    await run_exports(exporter, at)
    assert (await CallerJob.get()).export_start == start_position
    assert SECRET.encode() in await download(root, job)
    url = await read_url(root, job)
    await run_retention(at)
    assert await count_erased() == 1
    assert (await send(root, "GET", url)).status_code == 404


async def test_an_export_of_a_person_can_not_hold_up_policies_for_more_than_a_day(
    service: Service, world: World, root: Client, ada: Client, cora: Client
) -> None:
    await raise_closed(cora, ada)
    await create_policy(root)
    let_time_pass(service)
    await start(root, world.cora.gid)  # nobody runs it
    await run_retention(let_time_pass(service, 0.5))
    assert await count_erased() == 0
    await run_retention(let_time_pass(service, 1))
    assert await count_erased() == 1


async def test_a_policy_outdates_only_files_of_people_who_had_to_do_with_the_ticket(
    service: Service, world: World, root: Client, ada: Client, exporter: TicketExports
) -> None:
    ticket = str((await ada.raise_ticket(requesterId=world.cora.gid))["id"])
    await service.client(world.carl.token).do("replyToTicket", ticketId=ticket, body=SECRET)
    await root.do("changeRequester", ticketId=ticket, requesterId=world.olga.gid)
    await ada.do("closeTicket", ticketId=ticket, reason="WITHDRAWN")
    await save_draft(service.client(world.bill.token), ticket, kind="NOTE", body=SECRET)
    await create_policy(root)
    at = let_time_pass(service)
    people = (world.cora, world.carl, world.olga, world.bill, world.otto)
    urls: list[str] = []
    for person in people:
        job = await start(root, person.gid)
        await run_exports(exporter, at)
        urls.append(await read_url(root, job))
    assert [(await send(root, "GET", url)).status_code for url in urls] == [200] * 5
    await run_retention(at)
    assert await count_erased() == 1
    shown = [(await send(root, "GET", url)).status_code for url in urls]
    assert shown == [404, 404, 404, 404, 200]
