"""What it costs to find and to claim due deliveries, if many wait."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest
from support import Client
from support.databases import IS_SQLITE
from support.statements import statements
from support.webhooks import create_webhook
from tortoise import Tortoise

from models import database
from models.core import ids, time
from models.log import event
from models.log.event import Event, EventType
from models.webhook_deliveries import claims
from models.webhooks.delivery import WebhookDelivery

pytestmark = [pytest.mark.without_default_policies]
TICKETS, EVENTS_PER_TICKET, CLAIMED = 40, 50, 4
MAX_ROWS = CLAIMED * (EVENTS_PER_TICKET + 10)
"""Of the 2,000 deliveries of each webhook: the claimed ones, and the rest of their tickets."""
INDEX = ("webhook_id", "next_attempt_at")


@pytest.fixture
async def webhook_ids(admin: Client, cora: Client) -> list[str]:
    """Two webhooks with many due deliveries of several tickets, in the order of the log."""
    found = [(await create_webhook(admin, "http://127.0.0.1:1/"))[0]["id"] for _ in range(2)]
    await cora.raise_ticket()
    tickets = [await cora.raise_ticket() for _ in range(TICKETS)]
    keys = [ids.key_of(ids.TICKET, each["id"]) for each in tickets]
    at = time.now()
    async with database.transaction():
        kind: dict[str, Any] = {"type": EventType.REPLY_ADDED, "actor_user_id": None}
        kind["occurred_at"] = at
        events = [
            Event(ticket_id=keys[number % TICKETS], version=number, **kind)
            for number in range(TICKETS * EVENTS_PER_TICKET)
        ]
        await event.append(events)
    for webhook_id in found:
        await WebhookDelivery.bulk_create(
            WebhookDelivery(
                webhook_id=ids.key_of(ids.WEBHOOK, webhook_id),
                event_id=each.position,
                ticket_id=each.ticket_id,
                next_attempt_at=at,
                created_at=at,
            )
            for each in events
        )
    await database.connection().execute_script("ANALYZE")
    return found


async def read_plan(call: Callable[[], Awaitable[object]], keyword: str) -> tuple[str, int]:
    """The plan of the statement of a call, and on Postgres the rows of deliveries that it reads."""
    with statements() as collected:
        await call()
    found = next(each for each in collected.sent if keyword in each[0])
    sql, params = found[0], cast("Sequence[object]", found[1])
    connection = database.connection()
    if IS_SQLITE:
        rows = await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", list(params))
        return "\n".join(row["detail"] for row in rows), 0
    rows = await connection.execute_query_dict(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", list(params)
    )
    text = rows[0]["QUERY PLAN"]
    root = json.loads(text) if isinstance(text, str) else text
    nodes: list[dict[str, Any]] = [root[0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    read = sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes
        if node.get("Relation Name") == "webhook_deliveries"
    )
    return json.dumps(root), round(read)


async def name_of_index() -> str:
    table, columns = "webhook_deliveries", ", ".join(f'"{each}"' for each in INDEX)
    sql = f"SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE tablename = '{table}'"
    if IS_SQLITE:
        sql = f"SELECT name, sql FROM sqlite_master WHERE tbl_name = '{table}' AND sql IS NOT NULL"
    rows = await Tortoise.get_connection("default").execute_query_dict(sql)
    plain = columns.replace('"', "")
    return next(
        row["name"] for row in rows if f"({columns})" in row["sql"] or f"({plain})" in row["sql"]
    )


async def test_due_webhooks_are_found_by_one_row_of_each(webhook_ids: list[str]) -> None:
    at = time.now()
    assert len(await claims.find_due_webhooks(at)) == len(webhook_ids)
    plan, rows = await read_plan(lambda: claims.find_due_webhooks(at), "AS due")
    assert await name_of_index() in plan
    assert "SCAN d" not in plan
    assert rows <= 2 * len(webhook_ids)


async def test_a_claim_reads_what_it_claims_and_the_rest_of_those_tickets(
    webhook_ids: list[str],
) -> None:
    key = ids.key_of(ids.WEBHOOK, webhook_ids[0])
    assert key is not None
    at, minute = time.now(), timedelta(minutes=1)
    claimed = await claims.claim(key, at, minute, CLAIMED)
    positions = sorted(
        each.event_id for each in await WebhookDelivery.filter(claimed_by=claimed[0].by)
    )
    first = await WebhookDelivery.filter(webhook_id=key).order_by("event_id").limit(CLAIMED)
    assert positions == [each.event_id for each in first]
    plan, rows = await read_plan(lambda: claims.claim(key, at, minute, CLAIMED), "UPDATE")
    assert await name_of_index() in plan
    assert "SCAN d" not in plan
    assert "TEMP B-TREE" not in plan
    assert rows <= MAX_ROWS, plan
