"""The list of wallboard screens, and the tickets that a wallboard shows.

The tickets are read without any text of a customer: these columns are all that a screen can get.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models import database
from models.core.lazy_query import ConnectionQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import TRUE, compare
from models.database import Row, as_instant
from models.queries.connection import build_connection
from models.queries.indexes import BREACH_TIME_ASC_SQL, BREACH_TIME_DESC_SQL, OPEN_TICKETS_SQL
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority, Status
from models.wall.screen import MAX_UNUSED_DAYS, WallScreen

SCREEN_ORDER = Order((Sort("w.id", "id", False, SortType.UUID),))
"""Ids rise with time, so this is the order of approval."""
NEXT_TIME = BREACH_TIME_ASC_SQL.replace("sla_breaches_at", "t.sla_breaches_at")
LAST_TIME = BREACH_TIME_DESC_SQL.replace("sla_breaches_at", "t.sla_breaches_at")
IS_NEXT, NEXT_ORDER = f"{NEXT_TIME} > ?", f"{NEXT_TIME}, t.id"
IS_LAST, LAST_ORDER = f"{LAST_TIME} <= ?", f"{LAST_TIME} DESC, t.id DESC"
UNFINISHED = "('pending', 'at_risk', 'breached')"
IS_OPEN = f"t.{OPEN_TICKETS_SQL}"


@dataclass(frozen=True, slots=True)
class BreachingTicket:
    """An open ticket with an SLA clock that runs, or that has breached.

    metric      the target that it breaches
    is_at_risk  whether that clock is at risk
    """

    number: int
    team: str
    priority: Priority
    status: Status
    metric: Metric
    is_at_risk: bool
    breaches_at: datetime


def list_screens(at: datetime, page_request: PageRequest) -> ConnectionQuery[WallScreen]:
    """Return a page of the screens in use, in the order of their approval. Raises CursorInvalid."""
    source = "wall_screens w"
    in_use = compare("w.last_seen_at", ">", at - timedelta(days=MAX_UNUSED_DAYS))
    return build_connection(WallScreen, "w", source, in_use, SCREEN_ORDER, page_request)


async def list_next_breaches(
    team_id: UUID | None, at: datetime, limit: int
) -> Sequence[BreachingTicket]:
    """The open tickets that breach next, of one team or of all teams, the earliest first.

    If there are fewer than `limit`, those that have breached last follow, the latest first.
    """
    tickets = await read_tickets(team_id, IS_NEXT, NEXT_ORDER, at, limit)
    if len(tickets) < limit:
        breached = await read_tickets(team_id, IS_LAST, LAST_ORDER, at, limit - len(tickets))
        # a ticket is in both if it has changed between the two statements
        numbers = {each.number for each in tickets}
        tickets += [each for each in breached if each.number not in numbers]
    return tickets


async def read_tickets(
    team_id: UUID | None, condition: str, order: str, at: datetime, limit: int
) -> list[BreachingTicket]:
    """The first open tickets by an order that an index has, each with the clock that breaches."""
    of_team = TRUE if team_id is None else compare("t.team_id", "=", team_id)
    rows = await database.fetch_dicts(
        "SELECT t.number AS number, m.name AS team, t.priority AS priority, t.status AS status, "
        "c.metric AS metric, c.status AS clock_status, t.sla_breaches_at AS breaches_at "
        "FROM (SELECT t.id, t.number, t.team_id, t.priority, t.status, t.sla_breaches_at "
        f"FROM tickets t WHERE {condition} AND {IS_OPEN} AND {of_team.text} ORDER BY {order} "
        "LIMIT ?) t JOIN teams m ON m.id = t.team_id "
        "JOIN sla_clocks c ON c.ticket_id = t.id AND c.breaches_at = t.sla_breaches_at "
        f"AND c.status IN {UNFINISHED}",
        [at, *of_team.params, limit],
    )
    # a ticket comes once for each clock that breaches at this instant
    tickets = {row["number"]: build_ticket(row) for row in rows}
    return sorted(tickets.values(), key=by_time, reverse=order == LAST_ORDER)


def by_time(ticket: BreachingTicket) -> tuple[datetime, int]:
    return ticket.breaches_at, ticket.number


def build_ticket(row: Row) -> BreachingTicket:
    return BreachingTicket(
        number=cast("int", row["number"]),
        team=str(row["team"]),
        priority=Priority(cast("int", row["priority"])),
        status=Status(row["status"]),
        metric=Metric(row["metric"]),
        is_at_risk=row["clock_status"] == "at_risk",
        breaches_at=cast("datetime", as_instant(row["breaches_at"])),
    )
