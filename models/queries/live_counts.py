"""What live counts of tickets need from the database. Each read also returns the log's head."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM, Viewer
from models.access.visibility import visible_tickets
from models.core.sql import Condition
from models.queries.filters.facts import FilterFacts, build_columns, facts_of_row
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.live_list import LOG_HEAD_SQL, read_changed_tickets


async def count_at_head(viewer: Viewer, filter: FilterData | None, at: datetime) -> tuple[int, int]:
    """Return the log's head, and the number of tickets that are visible and match the filter."""
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    [row] = await database.fetch_dicts(
        "SELECT h.position AS position, "
        f"(SELECT COUNT(*) FROM tickets t WHERE {condition.text}) AS n FROM {LOG_HEAD_SQL} h",
        condition.params,
    )
    return cast("int", row["position"]), cast("int", row["n"])


async def read_changed_facts(
    at: datetime, position: int
) -> tuple[int, Mapping[UUID, FilterFacts | None]]:
    """Return the log's head, and the facts of each ticket with an event after the position.

    They are for viewers who see all tickets. The facts are None if the ticket no longer exists.
    """
    columns = Condition(f", {build_columns(database.dialect())}")
    head, rows = await read_changed_tickets(SYSTEM, None, at, position, columns)
    return head, {
        ticket_id: None if row["id"] is None else facts_of_row(row)
        for ticket_id, row in rows.items()
    }
