"""Load-based assignment: which available member of a team has the fewest open tickets."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast
from uuid import UUID

from models import database
from models.database import as_uuid, placeholders
from models.log.event import Json
from models.people import team
from models.people.team import Membership
from models.people.user import Role, User
from models.queries.indexes import ASSIGNABLE_TICKETS_SQL, BREACH_TIME_ASC_SQL
from models.tickets.lifecycle import OPEN_STATUSES

LOAD_RULE = "load"


class Workload:
    """The number of open tickets of each available member, by team.

    `choose_assignee` adds one to the chosen member's number, as if the ticket were assigned. Use
    one instance per transaction, because it reads the numbers only once.
    """

    def __init__(self) -> None:
        self.teams: dict[UUID, dict[User, int]] = {}

    async def count_by_member(self, team_id: UUID) -> dict[User, int]:
        if team_id not in self.teams:
            members = await team.list_assignable_members(team_id)
            available = [user for user in members if user.present]
            counts = await count_open_tickets([user.id for user in available])
            self.teams[team_id] = {user: counts.get(user.id, 0) for user in available}
        return self.teams[team_id]

    async def choose_assignee(
        self, team_id: UUID, exclude: Collection[UUID] = ()
    ) -> tuple[User, dict[str, Json]] | None:
        """Choose the available member with the fewest open tickets; None if nobody is available.

        Return them with the reason for the log: the rule, and the open tickets of each candidate.
        """
        counts = await self.count_by_member(team_id)
        candidates = {user: count for user, count in counts.items() if user.id not in exclude}
        if not candidates:
            return None
        chosen = min(candidates, key=lambda user: (candidates[user], str(user.id)))
        open_tickets: dict[str, Json] = {str(user.id): n for user, n in candidates.items()}
        self.teams[team_id][chosen] += 1
        return chosen, {"rule": LOAD_RULE, "open": open_tickets}


async def list_available_teams() -> list[UUID]:
    """The teams that assign by load and have an available member."""
    members = Membership.filter(
        team__assigns_by_load=True, user__present=True, user__active=True
    ).exclude(user__role=Role.CUSTOMER)
    team_ids = await members.distinct().order_by("team_id").values_list("team_id", flat=True)
    return cast("list[UUID]", team_ids)


async def list_assignable_tickets(team_ids: Collection[UUID], limit: int) -> list[UUID]:
    """The tickets of these teams that can be assigned by load, earliest SLA deadline first; at most
    `limit`.

    Tickets without a deadline come last. Equal ones are in the order of their creation.
    """
    rows = await database.fetch_dicts(
        f"SELECT id FROM tickets WHERE {ASSIGNABLE_TICKETS_SQL} "
        f"AND team_id IN ({placeholders(list(team_ids))}) "
        f"ORDER BY {BREACH_TIME_ASC_SQL}, number LIMIT {limit}",
        [*team_ids],
    )
    return [as_uuid(row["id"]) for row in rows]


async def count_open_tickets(user_ids: Collection[UUID]) -> dict[UUID, int]:
    if not user_ids:
        return {}
    statuses = sorted(status.value for status in OPEN_STATUSES)
    rows = await database.fetch_dicts(
        "SELECT assignee_id AS id, COUNT(*) AS n FROM tickets "
        f"WHERE assignee_id IN ({placeholders(list(user_ids))}) "
        f"AND status IN ({placeholders(statuses)}) GROUP BY assignee_id",
        [*user_ids, *statuses],
    )
    return {as_uuid(row["id"]): cast("int", row["n"]) for row in rows}
