"""Asserts that a refusal stores nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from models import database
from support.client import Client

TABLES = (
    "tickets",
    "ticket_tags",
    "ticket_resources",
    "ticket_watchers",
    "ticket_links",
    "messages",
    "attachments",
    "users",
    "organizations",
    "organization_domains",
    "memberships",
    "teams",
    "categories",
    "api_clients",
    "tokens",
    "rights",
    "idempotency_keys",
    "log_head",
    "presences",
    "ticket_read_marks",
    "clock_advance",
    "notification_preferences",
    "saved_views",
    "saved_view_revision",
    "caller_jobs",
    "caller_job_tickets",
    "export_parts",
    "file_deletions",
    "macros",
    "custom_fields",
    "retention_policies",
    "webhooks",
    "webhook_deliveries",
    "webhook_attempts",
    "ticket_custom_values",
    "drafts",
    "wall_screens",
    "wall_pairings",
    "sla_calendars",
    "sla_policies",
    "sla_terms",
    "sla_revision",
    "sla_clocks",
    "escalation_paths",
)
"""The tables that callers change, besides the log of events and the audit log.

Jobs write notifications and emails at any time.
"""
ORDER_COLUMNS = {
    **dict.fromkeys(TABLES, "id"),
    **dict.fromkeys(("events", "directory_events"), "position"),
    "file_deletions": "attachment_id",
}
WORKER_COLUMNS = ("last_used_at", "applied", "handover_pending")
"""Columns that workers update at any time."""


async def read_all_rows() -> dict[str, list[dict[str, str]]]:
    """All rows of the tables that callers can change, with values as texts."""
    tables: dict[str, list[dict[str, str]]] = {}
    for table, order in ORDER_COLUMNS.items():
        rows = await database.fetch_dicts(f"SELECT * FROM {table} ORDER BY {order}")
        tables[table] = [
            {name: str(value) for name, value in row.items() if name not in WORKER_COLUMNS}
            for row in rows
        ]
    return tables


@contextlib.asynccontextmanager
async def assert_nothing_stored() -> AsyncIterator[None]:
    """Fail if the block stores anything."""
    before = await read_all_rows()
    yield
    assert await read_all_rows() == before


async def refusals(client: Client, mutation: str, **input: Any) -> list[str]:
    """Run a ticket mutation that must be refused and store nothing; return each error as `CODE
    field`."""
    async with assert_nothing_stored():
        payload = await client.mutate(mutation, input)
    assert payload["ticket"] is payload["event"] is payload["cursor"] is None, payload
    assert payload["replayed"] is False
    return [format_error(error) for error in payload["userErrors"]]


def format_error(error: dict[str, Any]) -> str:
    """`CODE field`, or only the code if the error has no field."""
    assert error["message"]
    if error["field"] is None:
        return str(error["code"])
    assert error["field"][0] == "input"
    return f"{error['code']} {'.'.join(error['field'][1:])}"
