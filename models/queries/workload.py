"""Who of a team gets the next ticket: of those who are present, whoever has the fewest open ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models import database
from models.database import as_uuid, placeholders
from models.people import team
from models.people.user import User
from models.tickets.lifecycle import OPEN_STATUSES

if TYPE_CHECKING:
    from models.log.event import Json

LOAD = "load"


class Workload:
    """How many open tickets each candidate of a team has. Asked within one transaction, it counts what it gives away."""

    def __init__(self) -> None:
        self.teams: dict[UUID, dict[User, int]] = {}

    async def count_by_candidate(self, team_id: UUID) -> dict[User, int]:
        if team_id not in self.teams:
            present = [user for user in await team.list_assignable_members(team_id) if user.present]
            counts = await count_open_tickets([user.id for user in present])
            self.teams[team_id] = {user: counts.get(user.id, 0) for user in present}
        return self.teams[team_id]

    async def choose(self, team_id: UUID, exclude: Collection[UUID] = ()) -> tuple[User, dict[str, Json]] | None:
        """The candidate with the fewest open tickets, with what the log says of the choice; None where nobody is there."""
        candidates = {user: count for user, count in (await self.count_by_candidate(team_id)).items() if user.id not in exclude}
        if not candidates:
            return None
        chosen = min(candidates, key=lambda user: (candidates[user], str(user.id)))
        said: dict[str, Json] = {"rule": LOAD, "open": {str(user.id): count for user, count in candidates.items()}}
        self.teams[team_id][chosen] += 1
        return chosen, said


async def count_open_tickets(user_ids: Collection[UUID]) -> dict[UUID, int]:
    if not user_ids:
        return {}
    statuses = sorted(status.value for status in OPEN_STATUSES)
    found = await database.fetch_dicts(
        f"SELECT assignee_id AS id, COUNT(*) AS n FROM tickets WHERE assignee_id IN ({placeholders(list(user_ids))}) "
        f"AND status IN ({placeholders(statuses)}) GROUP BY assignee_id",
        [*user_ids, *statuses],
    )
    return {as_uuid(row["id"]): cast("int", row["n"]) for row in found}
