"""Counts of the members and of the open tickets of organizations, for many of them at once.

The viewer's permission must be checked before: only the team sees these counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from models import database
from models.core.sql import Condition, in_list
from models.database import as_uuid
from models.queries.tags import MAX_COUNTED
from models.tickets.lifecycle import OPEN_STATUSES


async def count_members(organization_ids: Sequence[UUID]) -> list[int]:
    """The number of active users of each organization, at most MAX_COUNTED."""
    is_active = Condition("(u.organization_id = o.id AND u.active = ?)", (True,))
    return await count_rows("users u", is_active, organization_ids)


async def count_open_tickets(organization_ids: Sequence[UUID]) -> list[int]:
    """The number of tickets that are neither resolved nor closed, at most MAX_COUNTED."""
    is_open = in_list("t.status", sorted(status.value for status in OPEN_STATUSES))
    belongs = Condition("(t.organization_id = o.id)")
    return await count_rows("tickets t", belongs & is_open, organization_ids)


async def count_rows(
    source: str, condition: Condition, organization_ids: Sequence[UUID]
) -> list[int]:
    """Count the rows that meet the condition for each organization (`organizations o`)."""
    wanted = in_list("o.id", list(organization_ids))
    rows = await database.fetch_dicts(
        f"SELECT o.id AS id, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM {source} "
        f"WHERE {condition.text} LIMIT {MAX_COUNTED}) counted) AS n "
        f"FROM organizations o WHERE {wanted.text}",
        (*condition.params, *wanted.params),
    )
    counts = {as_uuid(row["id"]): cast("int", row["n"]) for row in rows}
    return [counts.get(each, 0) for each in organization_ids]
