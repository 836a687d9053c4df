"""The teams of a user, and the end of a user's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits
from models.directory import wall_screens
from models.people import account_link, sessions
from models.people.team import Membership, Team, get_active_team
from models.people.token import Token, TokenKind
from models.people.user import Role, User


def check_teams(role: Role, slugs: Sequence[str], max_teams: int, field: str = "teams") -> None:
    """Raises InvalidInput for `field` if a user of this role would be in teams, or in too many."""
    if slugs and role is Role.CUSTOMER:
        message = "must be empty, because a customer can't be a member of a team"
        raise InvalidInput(UserErrorCode.INVALID, message, field)
    if len(slugs) > max_teams:
        message = f"A user can be in at most {max_teams} teams; these are {len(slugs)}."
        raise InvalidInput(UserErrorCode.TOO_LONG, message, field, limit_name="user_teams")


async def get_teams(slugs: Sequence[str], user: User | None = None) -> list[Team]:
    """The teams with these slugs, each once. Raises InvalidInput for `teams`.

    An archived team is refused, unless the user is a member of it already.
    """
    current = {} if user is None else {team.slug: team for team in await list_teams(user)}
    return [
        current.get(slug) or await get_active_team(slug, "teams") for slug in dict.fromkeys(slugs)
    ]


async def list_teams(user: User) -> list[Team]:
    """The teams of a user, by slug."""
    rows = await Membership.filter(user_id=user.id).select_related("team").order_by("team__slug")
    return [row.team for row in rows]


async def set_teams(
    changes: RecordChanges, user: User, teams: Sequence[Team], field: str = "teams"
) -> bool:
    """Make the user a member of exactly these teams; returns whether that changes anything.

    The directory must be locked. Raises InvalidInput for `field` if a team has too many members.
    """
    before = {team.id: team for team in await list_teams(user)}
    after = {team.id: team for team in teams}
    if before.keys() == after.keys():
        return False
    await Membership.filter(user_id=user.id, team_id__in=before.keys() - after.keys()).delete()
    for team_id in sorted(after.keys() - before.keys()):
        if await is_full(team_id, changes.limits):
            max_members = changes.limits.max_members_per_team
            message = f"The team {after[team_id].slug} has {max_members} members, the maximum."
            raise InvalidInput(UserErrorCode.INVALID, message, field, limit_name="team_members")
        await Membership.create(team_id=team_id, user_id=user.id)
    slugs = [sorted(team.slug for team in each.values()) for each in (before, after)]
    changes.log(user, "teams", *slugs)
    return True


async def is_full(team_id: UUID, limits: RecordLimits) -> bool:
    """Whether a team has the maximum number of members."""
    return await Membership.filter(team_id=team_id).count() >= limits.max_members_per_team


async def revoke_tokens(changes: RecordChanges, user: User, at: datetime) -> None:
    """Revoke all API tokens, sessions and links of a user, and the wallboard screens."""
    tokens = Token.filter(user_id=user.id, kind=TokenKind.API, revoked_at__isnull=True)
    for token in await tokens.select_for_update().order_by("id"):
        await changes.update(token, revoked_at=at)
    await sessions.revoke_sessions(changes, user.id, at)
    await account_link.invalidate_links(user.id, at)
    await wall_screens.revoke_screens_of_user(changes, user)
