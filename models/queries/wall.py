"""The list of wallboard screens, and the tickets that a wallboard shows.

The tickets are read without any text of a customer: these columns are all that a screen can get.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.core.lazy_query import ConnectionQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import TRUE, compare
from models.database import as_instant
from models.queries.connection import build_connection
from models.queries.indexes import BREACH_TIME_ASC_SQL, OPEN_TICKETS_SQL
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority, Status
from models.wall.screen import WallScreen

SCREEN_ORDER = Order((Sort("w.id", "id", False, SortType.UUID),))
"""Ids rise with time, so this is the order of approval."""
BREACH_TIME = BREACH_TIME_ASC_SQL.replace("sla_breaches_at", "t.sla_breaches_at")
IS_OPEN = f"t.{OPEN_TICKETS_SQL}"


@dataclass(frozen=True, slots=True)
class BreachingTicket:
    """An open ticket with an SLA clock that runs.

    metric      the target that it is next to breach
    is_at_risk  whether that clock is at risk
    """

    number: int
    team: str
    priority: Priority
    status: Status
    metric: Metric
    is_at_risk: bool
    breaches_at: datetime


def list_screens(page_request: PageRequest) -> ConnectionQuery[WallScreen]:
    """Return a page of the screens, in the order of their approval. Raises CursorInvalid."""
    source = "wall_screens w"
    return build_connection(WallScreen, "w", source, TRUE, SCREEN_ORDER, page_request)


async def list_next_breaches(
    team_id: UUID | None, at: datetime, limit: int
) -> Sequence[BreachingTicket]:
    """The open tickets that breach next, of one team or of all teams, the earliest first."""
    of_team = TRUE if team_id is None else compare("t.team_id", "=", team_id)
    rows = await database.fetch_dicts(
        "SELECT t.number AS number, m.name AS team, t.priority AS priority, t.status AS status, "
        "c.metric AS metric, c.status AS clock_status, t.sla_breaches_at AS breaches_at "
        "FROM tickets t JOIN teams m ON m.id = t.team_id "
        "JOIN sla_clocks c ON c.ticket_id = t.id AND c.breaches_at = t.sla_breaches_at "
        f"AND c.status IN ('pending', 'at_risk') WHERE {BREACH_TIME} > ? AND {IS_OPEN} "
        f"AND {of_team.text} ORDER BY {BREACH_TIME}, t.id LIMIT ?",
        [at, *of_team.params, limit * len(Metric)],  # a ticket comes once for each such clock
    )
    tickets = {cast("int", row["number"]): row for row in reversed(rows)}
    return [
        BreachingTicket(
            number=cast("int", row["number"]),
            team=str(row["team"]),
            priority=Priority(cast("int", row["priority"])),
            status=Status(row["status"]),
            metric=Metric(row["metric"]),
            is_at_risk=row["clock_status"] == "at_risk",
            breaches_at=cast("datetime", as_instant(row["breaches_at"])),
        )
        for row in list(reversed(tickets.values()))[:limit]
    ]
