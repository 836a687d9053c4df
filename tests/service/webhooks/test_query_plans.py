"""What queries of deliveries cost if many wait: each index has queries that need it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import pytest
from support import Client
from support.databases import IS_SQLITE
from support.statements import statements
from support.webhooks import create_webhook

from models import database
from models.access.viewer import SYSTEM
from models.core import ids, time
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import PageRequest
from models.log import event
from models.log.event import Event, EventType
from models.queries import webhook_bodies
from models.queries.webhooks import list_deliveries
from models.webhook_deliveries import claims, order, planning
from models.webhook_deliveries.results import AttemptResult, Outcome, Recorder
from models.webhook_deliveries.retry_schedule import RetrySchedule
from models.webhooks.delivery import WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.indexes import INDEXES
from models.webhooks.webhook import Webhook

pytestmark = [pytest.mark.without_default_policies]
TICKETS, EVENTS_PER_TICKET, CLAIMED = 40, 50, 4
LONG_EVENTS = 2000
MAX_ROWS = CLAIMED * 10
"""Of the 2,000 deliveries of each webhook."""
MINUTE = timedelta(minutes=1)
Call = Callable[[], Awaitable[object]]


async def plan_events(webhook_ids: Sequence[UUID], ticket_ids: Sequence[UUID], count: int) -> None:
    """Events of the tickets in turn, for which each webhook has a delivery that is due."""
    at = time.now()
    kind: dict[str, Any] = {"type": EventType.REPLY_ADDED, "actor_user_id": None}
    kind["occurred_at"] = at
    events = [
        Event(ticket_id=ticket_ids[number % len(ticket_ids)], version=number, **kind)
        for number in range(count)
    ]
    async with database.transaction():
        await event.append(events)
    for webhook_id in webhook_ids:
        await planning.insert_deliveries(
            webhook_id, {each.position: each.ticket_id for each in events}, at
        )
    await database.connection().execute_script("ANALYZE")


async def create_webhook_ids(admin: Client, count: int) -> list[UUID]:
    created = [await create_webhook(admin, "http://127.0.0.1:1/") for _ in range(count)]
    return [key_of(ids.WEBHOOK, webhook) for webhook, _ in created]


def key_of(kind: str, node: dict[str, Any]) -> UUID:
    key = ids.key_of(kind, node["id"])
    assert key is not None
    return key


@pytest.fixture
async def webhook_ids(admin: Client, cora: Client) -> list[UUID]:
    """Two webhooks with many due deliveries of several tickets, in the order of the log."""
    found = await create_webhook_ids(admin, 2)
    await cora.raise_ticket()
    tickets = [await cora.raise_ticket() for _ in range(TICKETS)]
    keys = [key_of(ids.TICKET, each) for each in tickets]
    await plan_events(found, keys, TICKETS * EVENTS_PER_TICKET)
    return found


async def find_statement(call: Call, keyword: str) -> tuple[str, Sequence[object]]:
    """The first statement of a call with this word."""
    with statements() as collected:
        result = await call()
        if isinstance(result, ConnectionQuery):
            await result
    found = next(each for each in collected.sent if keyword in each[0])
    return found[0], cast("Sequence[object]", found[1])


async def count_rows_read(call: Call, keyword: str) -> int:
    """The number of deliveries that the statement of a call reads; 0 on SQLite, which can't say."""
    sql, params = await find_statement(call, keyword)
    if IS_SQLITE:
        return 0
    nodes = await explain(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
    read = sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes
        if node.get("Relation Name") == "webhook_deliveries"
    )
    return round(read)


async def explain(sql: str, params: Sequence[object]) -> list[dict[str, Any]]:
    """The nodes of a plan of Postgres."""
    rows = await database.connection().execute_query_dict(sql, list(params))
    text = rows[0]["QUERY PLAN"]
    root = json.loads(text) if isinstance(text, str) else text
    nodes: list[dict[str, Any]] = [root[0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return nodes


async def read_plan(call: Call, keyword: str) -> str:
    """The plan of a statement. With so few rows, Postgres would read whole tables."""
    sql, params = await find_statement(call, keyword)
    if IS_SQLITE:
        query = f"EXPLAIN QUERY PLAN {sql}"
        rows = await database.connection().execute_query_dict(query, list(params))
        return "\n".join(row["detail"] for row in rows)
    async with database.transaction():
        for other in ("seqscan", "bitmapscan"):
            await database.connection().execute_script(f"SET LOCAL enable_{other} = off")
        return json.dumps(await explain(f"EXPLAIN (FORMAT JSON) {sql}", params))


async def finish_most(webhook_id: UUID) -> None:
    """Most deliveries of a webhook are finished, as after some weeks, and few wait."""
    deliveries = WebhookDelivery.filter(webhook_id=webhook_id)
    waiting = await deliveries.order_by("-event_id").limit(TICKETS).values_list("id", flat=True)
    finished = deliveries.exclude(id__in=waiting)
    await finished.update(
        status=WebhookDeliveryStatus.DELIVERED, next_attempt_at=None, delivered_at=time.now()
    )
    await order.update_waits_for_earlier(webhook_id)


async def test_each_index_is_used_by_the_queries_that_need_it(webhook_ids: list[UUID]) -> None:
    for each in webhook_ids:
        await finish_most(each)
    await database.connection().execute_script("ANALYZE")
    key, at = webhook_ids[0], time.now()
    [claim] = await claims.claim(key, at, MINUTE, 1)
    delivery = await WebhookDelivery.get(id=claim.delivery_id)
    begin = partial(claims.begin, claim, at, MINUTE)
    listing = partial(list_deliveries, SYSTEM, key)
    pending, failed = {WebhookDeliveryStatus.PENDING}, {WebhookDeliveryStatus.FAILED}
    page = PageRequest(25, False, None, None)
    next_claim = partial(claims.claim, key, at, MINUTE, CLAIMED)
    find_waiting = partial(order.find_waiting_tickets, key, [delivery.ticket_id])
    release_next = partial(order.release_next, key, delivery.ticket_id, at)
    cases: dict[str, list[tuple[Call, str]]] = {
        "webhook_deliveries_due": [
            (partial(claims.find_due_webhooks, at), "AS due"),
            (next_claim, "UPDATE"),
        ],
        "webhook_deliveries_waiting": [
            (next_claim, "UPDATE"),
            (begin, "UPDATE"),
            (find_waiting, "DISTINCT"),
            (release_next, "UPDATE"),
        ],
        "webhook_deliveries_unfinished": [
            (partial(planning.count_backlog, key), "COUNT"),
            (partial(listing, pending, page), "LIMIT"),
        ],
        "webhook_deliveries_claimed": [(next_claim, "UPDATE"), (begin, "UPDATE")],
        "webhook_deliveries_failed": [(partial(listing, failed, page), "LIMIT")],
        "events_rewriting": [
            (partial(webhook_bodies.read_redactions, 0), "LIMIT"),
            (partial(webhook_bodies.is_stale, delivery), "stale"),
        ],
    }
    assert set(cases) == set(INDEXES)
    for index, queries in cases.items():
        for number, (call, keyword) in enumerate(queries):
            plan = await read_plan(call, keyword)
            assert index in plan, f"{index}, query {number}: {plan}"
    failures = await read_plan(*cases["webhook_deliveries_failed"][0])
    assert "TEMP B-TREE" not in failures
    assert '"Sort"' not in failures


async def test_due_webhooks_are_found_by_one_row_of_each(webhook_ids: list[UUID]) -> None:
    at = time.now()
    assert len(await claims.find_due_webhooks(at)) == len(webhook_ids)
    rows = await count_rows_read(partial(claims.find_due_webhooks, at), "AS due")
    assert rows <= 2 * len(webhook_ids)


async def test_a_claim_reads_what_it_claims(webhook_ids: list[UUID]) -> None:
    key, at = webhook_ids[0], time.now()
    claimed = await claims.claim(key, at, MINUTE, CLAIMED)
    positions = sorted(
        each.event_id for each in await WebhookDelivery.filter(claimed_by=claimed[0].by)
    )
    first = await WebhookDelivery.filter(webhook_id=key).order_by("event_id").limit(CLAIMED)
    assert positions == [each.event_id for each in first]
    assert await count_rows_read(partial(claims.claim, key, at, MINUTE, 4), "UPDATE") <= MAX_ROWS


async def test_a_ticket_with_thousands_of_waiting_events_costs_no_more_than_one_with_few(
    admin: Client, cora: Client
) -> None:
    [key] = await create_webhook_ids(admin, 1)
    long, other = [key_of(ids.TICKET, await cora.raise_ticket()) for _ in range(2)]
    await plan_events([key], [long], LONG_EVENTS)
    await plan_events([key], [other], 1)
    at = time.now()
    claimed = await claims.claim(key, at, MINUTE, CLAIMED)
    by_ticket = {
        each.ticket_id: each.event_id
        for each in await WebhookDelivery.filter(claimed_by=claimed[0].by)
    }
    assert set(by_ticket) == {long, other}
    assert await count_rows_read(partial(claims.claim, key, at, MINUTE, 4), "UPDATE") <= MAX_ROWS
    deliveries = WebhookDelivery.filter(webhook_id=key, ticket_id=long)
    first = await deliveries.order_by("event_id").first()
    assert first is not None
    claim = next(each for each in claimed if each.delivery_id == first.id)
    webhook = await Webhook.get(id=key)
    assert await claims.store_body(claim, webhook, "{}", "", await event.read_head())
    assert await count_rows_read(partial(claims.begin, claim, at, MINUTE), "UPDATE") <= MAX_ROWS
    recorder = Recorder(RetrySchedule(), "example.com")
    for outcome, changed in ((Outcome.FAILED, 1), (Outcome.DELIVERED, 2)):
        before = {each.id: each for each in await deliveries}
        await WebhookDelivery.filter(id=first.id).update(claimed_by=claim.by)
        assert await recorder.record(claim, AttemptResult(outcome, at), at)
        after = [
            each for each in await deliveries if schedule_of(each) != schedule_of(before[each.id])
        ]
        assert len(after) == changed, "the attempt, and the next event that it releases"
    released = await deliveries.filter(waits_for_earlier=False, next_attempt_at__isnull=False)
    assert len(released) == 1


def schedule_of(delivery: WebhookDelivery) -> tuple[object, ...]:
    return delivery.status, delivery.next_attempt_at, delivery.waits_for_earlier
