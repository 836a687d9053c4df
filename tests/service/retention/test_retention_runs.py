"""The worker of retention policies: crashes, changes while it runs, exports, merges, erasures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.audit import audit
from support.erasure import erase, start_erasure
from support.exports import build_exporter, read_export, run_exports, start_export
from support.jobs import run_caller_jobs
from support.retention import (
    build_retention,
    count_erased,
    create_policy,
    delete_policy,
    let_time_pass,
    preview,
    raise_closed,
    read_policy,
    run_retention,
)

from models.core import ids
from models.erasure import expired_ticket, retention
from models.log.event import Event, EventType
from models.retention.policy import RetentionPolicy
from models.tickets.ticket import Ticket

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
]


async def test_a_crash_in_the_middle_of_a_ticket_changes_nothing_and_the_next_run_goes_on(
    service: Service, root: Client, ada: Client, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await raise_closed(cora, ada, f"Ticket {number}")
    policy = await create_policy(root)
    at, write, calls = let_time_pass(service), expired_ticket.write, 0

    async def write_and_crash(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        result = await write(*arguments)
        if calls == 3:
            raise asyncio.CancelledError
        return result

    monkeypatch.setattr(expired_ticket, "write", write_and_crash)
    with pytest.raises(asyncio.CancelledError):
        await run_retention(at)
    done = await read_policy(root, policy)
    assert (await count_erased(), done["erasedTickets"], done["erasedMessages"]) == (2, 2, 2)
    await run_retention(at)  # another process
    done = await read_policy(root, policy)
    assert (await count_erased(), done["erasedTickets"], done["erasedMessages"]) == (5, 5, 5)
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 5
    await audit()


async def test_two_workers_erase_each_ticket_once(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    """Both may believe that they have the lease."""
    for number in range(4):
        await raise_closed(cora, ada, f"Ticket {number}")
    policy = await create_policy(root)
    at = let_time_pass(service)
    first, second = build_retention(), build_retention()
    assert await first.search(at)
    assert await second.search(at)
    await asyncio.gather(run_retention(at, first), run_retention(at, second))
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 4
    assert (await read_policy(root, policy))["erasedTickets"] == 4


@pytest.mark.parametrize("change", ["filter", "age", "deactivate", "delete"])
async def test_a_policy_that_changes_while_the_job_runs_erases_no_further_ticket(
    change: str, service: Service, root: Client, ada: Client, cora: Client
) -> None:
    for number in range(12):
        await cora.raise_ticket(f"Ticket {number}")
    for ticket in await Ticket.all():
        await ada.do("closeTicket", ticketId=f"tkt_{ticket.id}", reason="WITHDRAWN")
    policy = await create_policy(root)
    at, worker = let_time_pass(service), build_retention()
    await worker.run_once(at, 0)
    assert (await count_erased(), len(worker.due)) == (10, 2)
    id = policy["id"]
    if change == "delete":
        await delete_policy(root, policy)
    else:
        values: dict[str, dict[str, Any]] = {
            "filter": {"filter": {"subject": {"eq": "Another"}}},
            "age": {"ageDays": 300},
            "deactivate": {"active": False},
        }
        await run_mutation(root, "updateRetentionPolicy", policyId=id, **values[change])
    await run_retention(at, worker)
    assert await count_erased() == 10


async def test_the_first_of_two_policies_erases_a_ticket_and_the_second_skips_it(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    await raise_closed(cora, ada)
    first = await create_policy(root, name="First")
    second = await create_policy(root, name="Second", filter={"subject": {"eq": "VPN is down"}})
    await run_retention(let_time_pass(service))
    assert (await read_policy(root, first))["erasedTickets"] == 1
    assert (await read_policy(root, second))["erasedTickets"] == 0
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 1


async def test_inactive_policies_open_tickets_and_young_ones_are_left_alone(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    await raise_closed(cora, ada)
    open_ticket = (await cora.raise_ticket("Open"))["id"]
    resolved = (await cora.raise_ticket("Resolved"))["id"]
    await ada.do("resolveTicket", ticketId=resolved, resolution="Done")
    policy = await create_policy(root, active=False)
    at = let_time_pass(service)
    await run_retention(at)
    assert await count_erased() == 0
    await raise_closed(cora, ada, "Young")
    await run_mutation(root, "updateRetentionPolicy", policyId=policy["id"], active=True)
    await run_retention(at)
    erased = await Ticket.filter(texts_erased_at__not_isnull=True)
    assert [ticket.subject for ticket in erased] == ["[erased]"]
    for id in (open_ticket, resolved):
        assert (await Ticket.get(id=ids.key_of(ids.TICKET, id))).texts_erased_at is None


async def test_a_merged_ticket_waits_for_the_ticket_into_which_it_was_merged(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    source = (await cora.raise_ticket("Source"))["id"]
    target = (await cora.raise_ticket("Target"))["id"]
    await ada.do("mergeTickets", ticketId=source, intoId=target)
    await create_policy(root)
    await run_retention(let_time_pass(service))
    assert await count_erased() == 0
    await ada.do("closeTicket", ticketId=target, reason="WITHDRAWN")
    assert await preview(root) == {"tickets": 0, "messages": 0, "files": 0}
    await run_retention(let_time_pass(service))
    assert await count_erased() == 2
    await audit()


async def test_a_running_export_is_left_to_finish_and_its_file_is_outdated_then(
    service: Service, root: Client, ada: Client, cora: Client, url: str, folder: Path
) -> None:
    await raise_closed(cora, ada)
    await create_policy(root)
    at = let_time_pass(service)
    job, exporter = await start_export(root), build_exporter(url, folder)
    await run_retention(at)
    assert await count_erased() == 0
    assert (await preview(root))["tickets"] == 1, "the preview does not depend on exports"
    await run_exports(exporter, at)
    assert (await read_export(root, job))["status"] == "FINISHED"
    worker = build_retention()
    await run_retention(at, worker)
    assert await count_erased() == 1
    exporter.cleaned_at = None
    await run_exports(exporter, at)
    assert (await read_export(root, job))["export"] is None


async def test_an_export_can_not_hold_up_a_policy_for_more_than_a_day(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    await raise_closed(cora, ada)
    await create_policy(root)
    let_time_pass(service)
    await start_export(root)  # nobody runs it
    await run_retention(let_time_pass(service, 0.5))
    assert await count_erased() == 0
    await run_retention(let_time_pass(service, 1))
    assert await count_erased() == 1


async def test_a_ticket_can_be_erased_for_a_person_and_by_a_policy(
    service: Service, world: World, root: Client, ada: Client, cora: Client
) -> None:
    await raise_closed(cora, ada, "First")
    await raise_closed(cora, ada, "Second")
    await create_policy(root)
    at = let_time_pass(service)
    await start_erasure(root, world.cora.gid)
    await run_retention(at)
    await run_caller_jobs(at)
    again = await erase(root, world.cora.gid)
    assert (again["status"], again["failed"]) == ("FINISHED", 0)
    assert await count_erased() == 2
    await audit()


async def test_a_ticket_that_fails_does_not_hold_up_the_others(
    service: Service, root: Client, ada: Client, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = UUID((await raise_closed(cora, ada, "Bad")).removeprefix("tkt_"))
    await raise_closed(cora, ada, "Good")
    await create_policy(root)
    at, worker, erase_expired = let_time_pass(service), build_retention(), retention.erase_expired

    async def fail(ticket: Ticket, *arguments: Any) -> Any:
        if ticket.id == bad:
            raise RuntimeError("an error of the server")
        return await erase_expired(ticket, *arguments)

    monkeypatch.setattr(retention, "erase_expired", fail)
    await run_retention(at, worker)
    assert (await count_erased(), worker.failed) == (1, {bad})
    monkeypatch.undo()
    await run_retention(let_time_pass(service, 1), worker)
    assert await count_erased() == 2


async def test_an_invalid_filter_of_an_earlier_version_erases_nothing(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    await raise_closed(cora, ada)
    policy = await create_policy(root)
    await RetentionPolicy.all().update(ticket_filter={"status": {"eq": "FORGOTTEN"}})
    await run_retention(let_time_pass(service))
    assert await count_erased() == 0
    shown = await read_policy(root, policy)
    assert "FORGOTTEN" in shown["filterError"]
    assert shown["preview"] is None
