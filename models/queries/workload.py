"""Load-based assignment: which present member of a team has the fewest open tickets."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast
from uuid import UUID

from models import database
from models.database import as_uuid, placeholders
from models.log.event import Json
from models.people import team
from models.people.team import Membership
from models.people.user import User
from models.tickets.lifecycle import OPEN_STATUSES

LOAD_RULE = "load"


class Workload:
    """The number of open tickets of each present member, by team.

    `choose_assignee` adds one to the chosen member's number, as if the ticket were assigned. Use
    one instance per transaction, because it reads the numbers only once.
    """

    def __init__(self) -> None:
        self.teams: dict[UUID, dict[User, int]] = {}

    async def count_by_member(self, team_id: UUID) -> dict[User, int]:
        if team_id not in self.teams:
            members = await team.list_assignable_members(team_id)
            present = [user for user in members if user.present]
            counts = await count_open_tickets([user.id for user in present])
            self.teams[team_id] = {user: counts.get(user.id, 0) for user in present}
        return self.teams[team_id]

    async def choose_assignee(
        self, team_id: UUID, exclude: Collection[UUID] = ()
    ) -> tuple[User, dict[str, Json]] | None:
        """Choose the present member with the fewest open tickets; None if nobody is present.

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


async def list_available_members() -> frozenset[tuple[UUID, UUID]]:
    """The present members of the teams that assign by load: pairs of a team and a user."""
    members = await Membership.filter(
        team__assigns_by_load=True, user__present=True, user__active=True
    ).select_related("user")
    return frozenset((each.team_id, each.user_id) for each in members if each.user.is_staff)


async def list_waiting_tickets(team_ids: Collection[UUID], limit: int) -> list[UUID]:
    """The first open tickets of the teams without an assignee, by their earliest SLA target.

    Tickets without a target come last. Equal ones are in the order of their creation.
    """
    statuses = sorted(status.value for status in OPEN_STATUSES)
    rows = await database.fetch_dicts(
        "SELECT id FROM tickets WHERE assignee_id IS NULL "
        f"AND team_id IN ({placeholders(list(team_ids))}) "
        f"AND status IN ({placeholders(statuses)}) "
        "ORDER BY CASE WHEN sla_breaches_at IS NULL THEN 1 ELSE 0 END, sla_breaches_at, number "
        f"LIMIT {limit}",
        [*team_ids, *statuses],
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
