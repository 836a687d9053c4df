"""Postgres keeps the plans of pages with their prepared statements."""

from __future__ import annotations

from typing import cast

import pytest
from support.databases import IS_SQLITE
from support.many_tickets import ORDERS, LargeDatabase, list_page, page_requests
from support.statements import statements

from models import database
from models.queries.tickets import build_ticket_order

pytestmark = pytest.mark.skipif(IS_SQLITE, reason="SQLite makes one plan for each statement")


async def test_postgres_keeps_the_plans_of_pages_whatever_their_position(
    large: LargeDatabase,
) -> None:
    """Otherwise it would make a plan for each page, which takes longer than reading the page."""
    at_end = {True: large.tickets[-1], False: large.tickets[0]}
    for name, (filter, sorts, _) in ORDERS.items():
        order = build_ticket_order(sorts)
        for part, page_request in page_requests(order, at_end[order.sorts[0].descending]).items():
            query = list_page(large.desk.ada, filter, sorts, page_request)
            async with database.transaction():
                with statements() as collected:
                    for _ in range(8):
                        await query()
                texts = {text for text in collected.texts if "LIMIT" in text}
                assert len(texts) == 1
                (plans,) = await database.fetch_dicts(
                    "SELECT generic_plans AS kept FROM pg_prepared_statements WHERE statement = ?",
                    [texts.pop()],
                )
            assert cast("int", plans["kept"]) >= 3, f"{name}, {part}"
