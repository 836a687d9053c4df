"""Postgres keeps the plans of frequent statements.

Otherwise it would make a plan for each execution, which takes longer than the execution itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from support.databases import IS_SQLITE
from support.many_tickets import (
    FIRST_PAGE,
    ORDERS,
    LargeDatabase,
    list_page,
    page_requests,
)
from support.statements import statements

from models import database
from models.queries.logs import timeline
from models.queries.tickets import build_ticket_order

pytestmark = pytest.mark.skipif(IS_SQLITE, reason="SQLite makes one plan for each statement")


async def count_kept_plans(query: Callable[[], Awaitable[object]], keyword: str) -> int:
    """How many of eight executions of the statement with this word use a kept plan."""
    async with database.transaction():
        with statements() as collected:
            for _ in range(8):
                await query()
        texts = {text for text in collected.texts if keyword in text}
        assert len(texts) == 1
        return await read_kept_plans(texts.pop())


async def read_kept_plans(text: str) -> int:
    rows = await database.fetch_dicts(
        "SELECT COALESCE(SUM(generic_plans), 0)::int AS kept FROM pg_prepared_statements "
        "WHERE statement = ?",
        [text],
    )
    return cast("int", rows[0]["kept"])


async def test_postgres_keeps_the_plans_of_pages_whatever_their_position(
    large: LargeDatabase,
) -> None:
    at_end = {True: large.tickets[-1], False: large.tickets[0]}
    for name, (filter, sorts, _) in ORDERS.items():
        order = build_ticket_order(sorts)
        for part, page_request in page_requests(order, at_end[order.sorts[0].descending]).items():
            query = list_page(large.desk.ada, filter, sorts, page_request)
            assert await count_kept_plans(query, "LIMIT") >= 3, f"{name}, {part}"


@pytest.mark.parametrize("count", [1, 3, 20])
async def test_postgres_keeps_the_plan_of_messages_for_any_number_of_tickets(
    large: LargeDatabase, count: int
) -> None:
    keys = [each.id for each in large.tickets[:count]]

    async def read() -> object:
        return await timeline.list_messages(large.desk.ada, keys, FIRST_PAGE)

    assert await count_kept_plans(read, "LATERAL") >= 3


async def test_postgres_keeps_the_plan_of_lookups_that_are_sent_together(
    large: LargeDatabase,
) -> None:
    text = "SELECT t.subject, t.number FROM tickets t WHERE t.number = ?"
    numbers = [[int(str(each.number))] for each in large.tickets[:3]]
    with statements() as collected:
        for _ in range(40):
            await asyncio.gather(*(database.fetch_lookup(text, each) for each in numbers))
    together = [each for each in collected.texts if "LATERAL" in each]
    assert len(together) == 40
    # each of the pool's connections makes a plan for its first five executions
    shares = await asyncio.gather(*(read_kept_plans(together[0]) for _ in range(10)))
    assert max(shares) >= 3
