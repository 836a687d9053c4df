"""The worker of retention policies: failing searches, other processes, and exports of targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support import Client, Service
from support.databases import IS_SQLITE
from support.erasure import find_in_file
from support.exports import build_exporter, read_export, run_exports, start_export
from support.retention import (
    build_retention,
    create_policy,
    delete_policy,
    let_time_pass,
    raise_closed,
    run_retention,
)

from models.bulk.ticket_run import RunSettings
from models.core import ids
from models.core.record_limits import RecordLimits
from models.core.sql import Condition
from models.database.outage import StatementTimeout
from models.erasure.retention import RetentionRun
from models.tickets.ticket import Ticket
from schema.filtering.stored_filter import compile_policy_filter
from workers.retention import Retention

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
]

SECRET = "Zq9Xkw7Hunter"


async def read_erased() -> set[str]:
    erased = await Ticket.filter(texts_erased_at__not_isnull=True)
    return {ids.encode(ids.TICKET, ticket.id) for ticket in erased}


@pytest.mark.parametrize("error", [StatementTimeout("it took too long"), RuntimeError("a mistake")])
async def test_a_policy_whose_search_fails_does_not_hold_up_the_others(
    error: Exception, service: Service, root: Client, ada: Client, cora: Client
) -> None:
    id = await raise_closed(cora, ada)
    await create_policy(root, name="Failing", filter={"subject": {"eq": "Failing"}})
    await create_policy(root)

    def compile_or_fail(data: Mapping[str, object], at: datetime) -> Condition:
        if data:
            raise error
        return compile_policy_filter(data, at)

    settings = RunSettings(timedelta(days=7), RecordLimits())
    worker = Retention(RetentionRun(settings, compile_or_fail), tickets_per_second=1_000_000)
    await run_retention(let_time_pass(service), worker)
    assert await read_erased() == {id}


async def test_a_merged_ticket_waits_for_an_export_of_its_target(
    service: Service, root: Client, ada: Client, cora: Client, url: str, folder: Path
) -> None:
    source = str((await cora.raise_ticket("Source"))["id"])
    target = str((await cora.raise_ticket("Target"))["id"])
    await ada.do("mergeTickets", ticketId=source, intoId=target)
    await ada.do("closeTicket", ticketId=target, reason="WITHDRAWN")
    await create_policy(root)
    at = let_time_pass(service)
    job = await start_export(root, filter={"subject": {"eq": "Target"}})
    await run_retention(at)
    assert await read_erased() == set()
    await run_exports(build_exporter(url, folder), at)
    assert (await read_export(root, job))["status"] == "FINISHED"
    await run_retention(at)
    assert await read_erased() == {source, target}


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite keeps erased words in its search indexes")
@pytest.mark.parametrize("is_deleted", [False, True])
async def test_words_that_another_process_has_erased_are_removed_from_the_indexes(
    is_deleted: bool, service: Service, root: Client, ada: Client, cora: Client, url: str
) -> None:
    """The other process has lost the lease before it could remove them."""
    first, second = build_retention(), build_retention()
    await raise_closed(cora, ada)
    policy = await create_policy(root)
    await run_retention(let_time_pass(service), first)
    id = await raise_closed(cora, ada, SECRET)
    at = let_time_pass(service)
    await second.run_once(at, 0)
    assert id in await read_erased()
    assert find_in_file(url, SECRET) != []
    if is_deleted:
        await delete_policy(root, policy)
    await run_retention(let_time_pass(service, 1), first)
    assert find_in_file(url, SECRET) == []
