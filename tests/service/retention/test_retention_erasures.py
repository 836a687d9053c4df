"""An erasure of a person removes tags from tickets. No retention policy may erase more by that."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.erasure import find_rows, start_erasure
from support.jobs import run_caller_jobs
from support.retention import count_erased, create_policy, let_time_pass, read_policy, run_retention

from models.audit.entry import AuditEntry
from models.audit.records import RecordKind

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
]

ADDRESS = "cora@example.com"


async def raise_tagged(ada: Client, world: World, tag: str = ADDRESS) -> None:
    """A closed ticket of another person with the tag, which an agent has typed."""
    ticket = await ada.raise_ticket(requesterId=world.olga.gid, tags=[tag])
    await ada.do("closeTicket", ticketId=ticket["id"], reason="WITHDRAWN")


async def create_excluding(root: Client, tag: str = ADDRESS) -> dict[str, Any]:
    """An active policy for all tickets without the tag."""
    return await create_policy(root, filter={"tags": {"none": [tag]}})


@pytest.mark.parametrize("tag", [ADDRESS, "CORA@EXAMPLE.COM"])
async def test_a_policy_that_leaves_out_a_tag_with_the_address_erases_nothing_afterwards(
    tag: str, service: Service, world: World, root: Client, ada: Client
) -> None:
    await raise_tagged(ada, world, tag)
    policy = await create_excluding(root, tag)
    other = await create_policy(root, filter={"subject": {"eq": "Another"}})
    at = let_time_pass(service)
    await start_erasure(root, world.cora.gid)
    stopped = await read_policy(root, policy)
    assert (stopped["active"], stopped["version"]) == (False, 2)
    await run_caller_jobs(at)
    assert "ticket_tags.name" not in await find_rows(ADDRESS)
    await run_retention(at)
    assert await count_erased() == 0
    erased = await read_policy(root, policy)
    assert (erased["active"], erased["version"]) == (False, 3)
    assert erased["filter"] == {"tags": {"none": ["[erased]"]}}
    untouched = await read_policy(root, other)
    assert (untouched["active"], untouched["version"]) == (True, 1)
    entry = await AuditEntry.get(action="erasePerson", record_kind=RecordKind.RETENTION_POLICY)
    assert entry.changes == {"active": [True, False]}


async def test_a_policy_that_is_activated_while_the_job_runs_is_deactivated_again(
    service: Service, world: World, root: Client, ada: Client
) -> None:
    await raise_tagged(ada, world)
    policy = await create_excluding(root)
    at = let_time_pass(service)
    await start_erasure(root, world.cora.gid)
    await run_mutation(root, "updateRetentionPolicy", policyId=policy["id"], active=True)
    await run_caller_jobs(at)
    erased = await read_policy(root, policy)
    assert (erased["active"], erased["version"]) == (False, 4)
    await run_retention(at)
    assert await count_erased() == 0


async def test_a_dry_run_leaves_policies_active(world: World, root: Client) -> None:
    policy = await create_excluding(root)
    await start_erasure(root, world.cora.gid, dryRun=True)
    await run_caller_jobs()
    shown = await read_policy(root, policy)
    assert (shown["active"], shown["version"]) == (True, 1)
    assert shown["filter"] == {"tags": {"none": [ADDRESS]}}
