"""Creates and changes teams. Each function is part of the caller's transaction."""

from __future__ import annotations

import re
from typing import TypedDict

from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.directory import memberships, wall_screens
from models.directory.access import lock_directory
from models.people.team import Category, Team, get_active_team, get_team
from models.people.user import lock_user
from models.tickets.lifecycle import OPEN_STATUSES
from models.tickets.ticket import Ticket
from models.wall.screen import ALL_BOARD

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class TeamFields(TypedDict, total=False):
    name: str
    assigns_by_load: bool
    active: bool


async def create_team(changes: RecordChanges, actor: Viewer, slug: str, fields: TeamFields) -> Team:
    """Create a team. Raises InvalidInput."""
    await lock_directory(actor)
    clean = clean_slug(slug)
    if await Team.exists(slug=clean):
        raise InvalidInput(UserErrorCode.TAKEN, "Another team has this slug.", "slug")
    if clean == ALL_BOARD:
        message = "is reserved for the wallboard of all tickets"
        raise InvalidInput(UserErrorCode.INVALID, message, "slug")
    await check_team_limit(changes.limits.max_teams)
    team = Team(slug=clean, **clean_fields(fields))
    await changes.create(team)
    return team


async def update_team(
    changes: RecordChanges,
    actor: Viewer,
    slug: str,
    fields: TeamFields,
    expected_version: int | None = None,
) -> Team:
    """Change, archive or restore a team. Raises InvalidInput and StaleVersion."""
    team = await lock_team(actor, slug, expected_version)
    values = clean_fields(fields)
    if fields.get("active") is False and team.active:
        await check_unused(team, "active")
        await wall_screens.revoke_screens_of_team(changes, team)
    if fields.get("active") and not team.active:
        await check_team_limit(changes.limits.max_teams)
        values |= {"successor_id": None, "handover_pending": False}
    await changes.update(team, **values)
    return team


async def archive_team(
    changes: RecordChanges,
    actor: Viewer,
    slug: str,
    successor: str | None,
    expected_version: int | None = None,
) -> Team:
    """Archive a team.

    `successor` is the slug of another team. It gets the categories of the team at once, and a job
    transfers the open tickets to it. Without a successor, the team must have neither active
    categories nor open tickets. Raises InvalidInput and StaleVersion.
    """
    team = await lock_team(actor, slug, expected_version)
    if successor is None:
        if team.active:
            await check_unused(team, "team")
            await wall_screens.revoke_screens_of_team(changes, team)
            await changes.update(team, active=False)
        return team
    target = await get_active_team(successor, "transferTo")
    if target.id == team.id:
        raise InvalidInput(UserErrorCode.INVALID, "must be another team", "transferTo")
    categories = Category.select_for_update(no_key=True).filter(team_id=team.id)
    for category in await categories.order_by("id"):
        await changes.update(category, team_id=target.id)
    await wall_screens.revoke_screens_of_team(changes, team)
    if team.active or team.successor_id != target.id:
        await changes.update(team, active=False, successor_id=target.id, handover_pending=True)
    return team


async def add_member(changes: RecordChanges, actor: Viewer, slug: str, user_id: str) -> Team:
    """Make an active agent or admin a member of an active team. Raises InvalidInput."""
    await lock_directory(actor)
    team = await get_active_team(slug, "team")
    user = await lock_user(ids.key_of(ids.USER, user_id), "userId")
    if not user.is_staff:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active agent or admin", "userId")
    teams = await memberships.list_teams(user)
    if team not in teams:
        slugs = [*(each.slug for each in teams), team.slug]
        memberships.check_teams(user.role, slugs, changes.limits.max_teams_per_user, "userId")
    if await memberships.set_teams(changes, user, [*teams, team], "team"):
        await changes.raise_version(user)
    return team


async def remove_member(changes: RecordChanges, actor: Viewer, slug: str, user_id: str) -> Team:
    """End a membership, if there is one. The user keeps assigned tickets. Raises InvalidInput."""
    await lock_directory(actor)
    team = await get_team(slug, "team")
    user = await lock_user(ids.key_of(ids.USER, user_id), "userId")
    remaining = [each for each in await memberships.list_teams(user) if each.id != team.id]
    if await memberships.set_teams(changes, user, remaining):
        await changes.raise_version(user)
    return team


async def lock_team(actor: Viewer, slug: str, expected_version: int | None) -> Team:
    """Raises InvalidInput NOT_FOUND and StaleVersion."""
    await lock_directory(actor)
    # FOR UPDATE waits for transactions that store a ticket in the team.
    team = await Team.select_for_update().get(id=(await get_team(slug, "team")).id)
    check_version(team, expected_version)
    return team


def clean_slug(value: str) -> str:
    """The slug of a new team or category. Raises InvalidInput."""
    slug = text.clean_text(value, "slug", max_chars=text.MAX_SLUG_CHARS)
    if SLUG.fullmatch(slug) is None:
        message = "must have lower-case letters a to z and digits, in words joined by hyphens"
        raise InvalidInput(UserErrorCode.INVALID, message, "slug")
    return slug


def clean_fields(fields: TeamFields) -> dict[str, object]:
    """The columns to set, by name. Raises InvalidInput."""
    values: dict[str, object] = dict(fields)
    if "name" in fields:
        values["name"] = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    return values


async def check_team_limit(max_teams: int) -> None:
    """Raises InvalidInput if no other team may be active."""
    if await Team.filter(active=True).count() >= max_teams:
        message = f"At most {max_teams} teams can be active; archive one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="teams")


async def check_unused(team: Team, field: str) -> None:
    """Raises InvalidInput if the team has active categories or open tickets."""
    category = await Category.filter(team_id=team.id, active=True).order_by("slug").first()
    if category is not None:
        message = f"New tickets of the category {category.slug} go to this team. Set transferTo."
        raise InvalidInput(UserErrorCode.INVALID, message, field)
    if await Ticket.filter(team_id=team.id, status__in=OPEN_STATUSES).exists():
        message = "The team has open tickets. Set transferTo."
        raise InvalidInput(UserErrorCode.INVALID, message, field)
