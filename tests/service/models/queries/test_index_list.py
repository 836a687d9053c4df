"""Each index of tickets has a query that needs it, because each makes a new ticket slower.

tests/service/models/queries/test_indexes.py shows for many of them that the query uses the index.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.databases import IS_SQLITE

from models import database

QUERIES_BY_INDEX: Mapping[str, str] = {
    "(id)": "a ticket by id, and the records of a ticket",
    "(number)": "a ticket by number; lists by number",
    "(external_scope, external_id)": "external ids are unique for their owner",
    "(external_id)": "ticketByExternalId for staff, who search the ids of all owners",
    "(updated_at, id)": "lists of all tickets by change; exports of changed tickets",
    "(created_at, id)": "lists of all tickets by age; tickets created in some days",
    "(priority, id)": "lists of all tickets by priority",
    "(status, updated_at)": "lists of one status by change",
    "(requester_id, updated_at)": "staff: the tickets of a customer",
    "(organization_id, updated_at)": "staff: the tickets of an organization",
    "(requester_id, public_updated_at)": "a customer's own tickets",
    "(organization_id, public_updated_at)": "customers: the tickets of a shared organization",
    "(organization_id, status)": "the number of open tickets of an organization",
    "(assignee_id, updated_at)": "the tickets of an agent",
    "(team_id, updated_at, id)": "the tickets of a team",
    "(category_id, updated_at, id)": "the tickets of a category",
    "(merged_into_id)": "the tickets that were merged into one",
    "(status, status_since)": "the timer that closes resolved tickets",
    "(status, reminded_at, status_since)": "the timer that reminds customers",
    "(status, held_until)": "the timer that resumes tickets",
    "tickets_earliest_breach": "lists by the next SLA target; the wallboard",
    "tickets_latest_breach": "lists by the last SLA target; the wallboard",
    "tickets_oldest_reply": "lists by the oldest reply",
    "tickets_newest_reply": "lists by the newest reply",
    "tickets_priority_oldest": "lists of all tickets by priority, then age",
    "tickets_untouched": "lists of all tickets, untouched ones first",
    "tickets_open_updated": "open tickets by change",
    "tickets_open_created": "open tickets by age; the oldest open ticket of statistics",
    "tickets_open_priority": "open tickets by priority, then age",
    "tickets_queue": "the queue of a team",
    "tickets_waiting": "assignment by load: tickets without an agent",
    "tickets_unerased": "retention policies: closed tickets that still have texts",
    "tickets_shared": "tickets that are shared with their organization",
    "(search)": "the full-text search of Postgres",
}
"""The queries by the name of the index, or by its columns if Tortoise has chosen the name."""
POSTGRES_ONLY = {"(search)"}


@pytest.mark.usefixtures("database")
async def test_each_index_of_tickets_is_needed_by_a_query() -> None:
    assert set(await list_indexes()) == set(QUERIES_BY_INDEX) - (
        POSTGRES_ONLY if IS_SQLITE else set()
    )


async def list_indexes() -> list[str]:
    """The indexes of tickets, named as in QUERIES_BY_INDEX."""
    if IS_SQLITE:
        found = await database.fetch_dicts("PRAGMA index_list(tickets)")
        return [await describe_sqlite_index(str(row["name"])) for row in found]
    rows = await database.fetch_dicts(
        "SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE tablename = 'tickets'"
    )
    return [describe(str(row["name"]), str(row["sql"])) for row in rows]


async def describe_sqlite_index(name: str) -> str:
    if name.startswith("tickets_"):
        return name
    columns = await database.fetch_dicts(f"PRAGMA index_info({name})")
    return f"({', '.join(str(column['name']) for column in columns)})"


def describe(name: str, definition: str) -> str:
    is_ours = name in QUERIES_BY_INDEX
    return name if is_ours else definition[definition.index("(") :].replace('"', "")
