"""Indexes for webhooks that Tortoise can't declare: over those rows only that a statement reads.

A statement uses one only if its condition implies that of the index.
`tests/service/webhooks/test_query_plans.py` checks that for the queries that are named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from models.log.event import REWRITING_SQL

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

FAILED_SQL = "status = 'failed'"

INDEXES: Mapping[str, str] = {
    # `find_due_webhooks` and `claim`. A delivery behind an earlier one of its ticket is not in it,
    # so a ticket with thousands of waiting events costs as much as one with a single event.
    "webhook_deliveries_due": (
        "webhook_deliveries (webhook_id, next_attempt_at) "
        "WHERE next_attempt_at IS NOT NULL AND NOT waits_for_earlier"
    ),
    # WAITS_FOR_EARLIER, `find_waiting_tickets` and `release_next`.
    "webhook_deliveries_waiting": (
        "webhook_deliveries (webhook_id, ticket_id, event_id) WHERE next_attempt_at IS NOT NULL"
    ),
    # WAITS_FOR_LATER: few deliveries are claimed, and many may wait.
    "webhook_deliveries_claimed": (
        "webhook_deliveries (webhook_id, ticket_id, event_id) WHERE claimed_until IS NOT NULL"
    ),
    # `count_backlog`, and `list_deliveries` of those that are not finished: the desk counts them
    # again and again.
    "webhook_deliveries_unfinished": (
        "webhook_deliveries (webhook_id, event_id) WHERE next_attempt_at IS NOT NULL"
    ),
    # `list_deliveries` of those that failed.
    "webhook_deliveries_failed": f"webhook_deliveries (webhook_id, event_id) WHERE {FAILED_SQL}",
    # IS_STALE, `read_redactions`.
    "events_rewriting": f"events (position) WHERE {REWRITING_SQL}",
}


async def install(client: BaseDBAsyncClient) -> None:
    for name, definition in INDEXES.items():
        await client.execute_query(f"CREATE INDEX {name} ON {definition}")


async def remove(client: BaseDBAsyncClient) -> None:
    for name in INDEXES:
        await client.execute_query(f"DROP INDEX {name}")
