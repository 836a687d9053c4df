"""Finds the successors of deactivated users and archived teams."""

from __future__ import annotations

from models.people.team import Team
from models.people.user import User

MAX_STEPS = 10
"""How many successors are followed: a successor may have a successor, too. The limit also ends
cycles."""


async def find_assignable_user(user: User) -> User | None:
    """The user, if they can be assigned tickets, or else the next successor who can be.

    None if there is no such successor, or an active customer comes first.
    """
    for _ in range(MAX_STEPS):
        if user.is_staff:
            return user
        if user.active or user.successor_id is None:
            return None
        user = await User.get(id=user.successor_id)
    return None


async def find_active_team(team: Team) -> Team | None:
    """The team, if it is active, or else the next successor that is."""
    for _ in range(MAX_STEPS):
        if team.active:
            return team
        if team.successor_id is None:
            return None
        team = await Team.get(id=team.successor_id)
    return None
