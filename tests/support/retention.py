"""Retention policies: the worker, and tickets that are old enough."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.bulk.ticket_run import RunSettings
from models.core.record_limits import RecordLimits
from models.erasure.retention import RetentionRun
from models.tickets.ticket import Ticket
from schema.filtering.stored_filter import compile_policy_filter
from support.admin_mutations import RETENTION_POLICY_FIELDS, run_mutation, send_mutation
from support.client import Client
from support.loop_limits import count_runs
from support.service import Service
from support.ticket_factory import WINDOW
from workers.retention import Retention

AGE_DAYS = 30
PREVIEW = """query($filter: TicketFilter!, $ageDays: Int!) {
  retentionPreview(filter: $filter, ageDays: $ageDays) { tickets messages files cutoff } }"""


def build_retention(limits: RecordLimits | None = None) -> Retention:
    """The worker, without a noticeable rate."""
    settings = RunSettings(WINDOW, limits or RecordLimits())
    return Retention(RetentionRun(settings, compile_policy_filter), tickets_per_second=1_000_000)


async def run_retention(at: datetime, worker: Retention | None = None) -> None:
    """Apply the policies until nothing is due."""
    worker = worker or build_retention()
    for _ in count_runs():
        if not (await worker.run_once(at, 0)).more:
            break


async def create_policy(client: Client, **input: Any) -> dict[str, Any]:
    """Create an active policy for all tickets, unless the input says otherwise."""
    fields = {"name": "Old tickets", "filter": {}, "ageDays": AGE_DAYS, "active": True, **input}
    return await run_mutation(client, "createRetentionPolicy", **fields)


async def read_policy(client: Client, policy: dict[str, Any]) -> dict[str, Any]:
    query = f"""query($id: ID!) {{ node(id: $id) {{ ... on RetentionPolicy {{
      {RETENTION_POLICY_FIELDS} }} }} }}"""
    return dict((await client.run(query, id=policy["id"]))["node"])


async def preview(client: Client, filter: dict[str, Any] | None = None) -> dict[str, int]:
    """The counts of `retentionPreview`."""
    found = await client.run(PREVIEW, filter=filter or {}, ageDays=AGE_DAYS)
    counts = dict(found["retentionPreview"])
    del counts["cutoff"]
    return counts


async def delete_policy(client: Client, policy: dict[str, Any]) -> None:
    payload = await send_mutation(client, "deleteRetentionPolicy", policyId=policy["id"])
    assert payload["userErrors"] == [], payload
    assert payload["deletedPolicyId"] == policy["id"]


async def raise_closed(client: Client, agent: Client, subject: str = "VPN is down") -> str:
    """A ticket of the client that an agent has answered and closed; returns its id."""
    id = str((await client.raise_ticket(subject))["id"])
    await agent.do("replyToTicket", ticketId=id, body=f"Answer to {subject}")
    await agent.do("closeTicket", ticketId=id, reason="WITHDRAWN")
    return id


def let_time_pass(service: Service, days: float = AGE_DAYS + 1) -> datetime:
    """Advance the clock, by default until all closed tickets are old enough; returns the time."""
    service.clock.advance(days=days)
    return service.clock()


async def count_erased() -> int:
    """The number of tickets whose texts a retention policy has erased."""
    return await Ticket.filter(texts_erased_at__not_isnull=True).count()
