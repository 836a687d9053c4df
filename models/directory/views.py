"""Creates, changes and deletes saved views. Each function is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.positions import next_position
from models.core.record_changes import RecordChanges, Value, check_version
from models.core.record_limits import RecordLimits
from models.directory.access import lock_directory
from models.people.team import get_active_team, list_team_ids
from models.views.saved_view import (
    SavedView,
    SavedViewRevision,
    ViewAudience,
    can_change_view,
    can_see_view,
)

MAX_COLUMNS = 30
NOT_PERMITTED = (
    "Team views can be changed by the team's members and by admins, views for everyone by admins."
)


class ViewFields(TypedDict, total=False):
    """The input fields of a view that the caller sets. `team` is a slug."""

    name: str
    audience: ViewAudience
    team: str | None
    ticket_filter: Mapping[str, Value]
    order_by: Sequence[Mapping[str, str]]
    columns: Sequence[str]
    position: int


async def create_view(
    changes: RecordChanges, actor: Viewer, fields: ViewFields, at: datetime
) -> SavedView:
    """Create a view. Without a position, it comes last among those of the same people.

    Raises InvalidInput and Forbidden.
    """
    await lock_views(actor)
    view = SavedView(
        name="",
        audience=ViewAudience.PERSONAL,
        ticket_filter={},
        order_by=[],
        columns=[],
        position=0,
        created_at=at,
        updated_at=at,
    )
    await apply_fields(view, actor, fields)
    await check_can_change(actor, view)
    await check_view_limit(view, changes.limits)
    if "position" not in fields:
        last = await views_beside(view).order_by("-position").first()
        view.position = next_position(last.position if last else None)
    await logged(changes, view).create(view)
    return view


async def update_view(
    changes: RecordChanges,
    actor: Viewer,
    view_id: str,
    fields: ViewFields,
    at: datetime,
    expected_version: int | None = None,
) -> SavedView:
    """Change the given fields of a view. Raises InvalidInput, StaleVersion and Forbidden."""
    view = await lock_view(actor, view_id, expected_version)
    draft = copy(view)
    await apply_fields(draft, actor, fields)
    await check_can_change(actor, draft)
    if group_of(draft) != group_of(view):
        await check_view_limit(draft, changes.limits)
    log = logged(changes, view, draft)
    if await log.update_from(view, draft):
        view.updated_at = at
        await view.save(update_fields=["updated_at"])
    return view


async def delete_view(
    changes: RecordChanges, actor: Viewer, view_id: str, expected_version: int | None = None
) -> SavedView:
    """Delete a view. Raises InvalidInput, StaleVersion and Forbidden."""
    view = await lock_view(actor, view_id, expected_version)
    await logged(changes, view).delete(view)
    return view


async def recall_view(actor: Viewer, key: UUID) -> SavedView:
    """The view of a repeated mutation. Raises InvalidInput NOT_FOUND if it is gone."""
    view = await SavedView.get_or_none(id=key)
    if view is None or not can_see_view(actor, view, await list_team_ids(actor.user_id)):
        message = "The view of the first call no longer exists for you."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return view


async def lock_views(actor: Viewer) -> None:
    """Wait for other changes of views and memberships. Raises Forbidden as `lock_directory`."""
    await lock_directory(actor)
    await SavedViewRevision.filter(id=1).update(revision=F("revision") + 1)


async def lock_view(actor: Viewer, view_id: str, expected_version: int | None) -> SavedView:
    """A view that the actor may change. Raises InvalidInput, StaleVersion and Forbidden."""
    await lock_views(actor)
    key = ids.key_of(ids.SAVED_VIEW, view_id)
    view = await SavedView.get_or_none(id=key) if key else None
    if view is None or not can_see_view(actor, view, await list_team_ids(actor.user_id)):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such view.", "viewId")
    await check_can_change(actor, view)
    check_version(view, expected_version)
    return view


async def check_can_change(actor: Viewer, view: SavedView) -> None:
    """Raises Forbidden."""
    if not can_change_view(actor, view, await list_team_ids(actor.user_id)):
        raise Forbidden(NOT_PERMITTED)


def logged(changes: RecordChanges, *views: SavedView) -> RecordChanges:
    """The changes that the audit log stores. It has no personal views, because they are private."""
    is_shared = any(view.audience is not ViewAudience.PERSONAL for view in views)
    return changes if is_shared else RecordChanges()


def group_of(view: SavedView) -> tuple[ViewAudience, UUID | None, UUID | None]:
    """What the views of the same people have in common."""
    return (view.audience, view.owner_id, view.team_id)


def views_beside(view: SavedView) -> QuerySet[SavedView]:
    """The stored views of the same people."""
    audience, owner_id, team_id = group_of(view)
    return SavedView.filter(audience=audience, owner_id=owner_id, team_id=team_id)


async def check_view_limit(view: SavedView, limits: RecordLimits) -> None:
    """Raises InvalidInput if there is no place for the view."""
    maximum = {
        ViewAudience.PERSONAL: limits.max_saved_views_per_person,
        ViewAudience.TEAM: limits.max_saved_views_per_team,
        ViewAudience.EVERYONE: limits.max_saved_views_for_everyone,
    }[view.audience]
    if await views_beside(view).exclude(id=view.id).count() >= maximum:
        message = f"There are {maximum} such views, the maximum. Delete one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="saved_views")


async def apply_fields(view: SavedView, actor: Viewer, fields: ViewFields) -> None:
    """Set the given fields of the record. Raises InvalidInput."""
    if "name" in fields:
        view.name = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    await apply_audience(view, actor, fields)
    view.ticket_filter = fields.get("ticket_filter", view.ticket_filter)
    view.order_by = fields.get("order_by", view.order_by)
    if "columns" in fields:
        view.columns = check_columns(fields["columns"])
    view.position = fields.get("position", view.position)
    check_relevance(view)


async def apply_audience(view: SavedView, actor: Viewer, fields: ViewFields) -> None:
    """Set the people who see the view. Raises InvalidInput."""
    view.audience = fields.get("audience", view.audience)
    slug = fields.get("team")
    if view.audience is not ViewAudience.TEAM:
        if slug is not None:
            message = "is only allowed for the audience TEAM"
            raise InvalidInput(UserErrorCode.INVALID, message, "team")
        view.team_id = None
    elif slug is not None:
        view.team_id = (await get_active_team(slug, "team")).id
    elif view.team_id is None:
        raise InvalidInput(UserErrorCode.REQUIRED, "is required for the audience TEAM", "team")
    view.owner_id = actor.user_id if view.audience is ViewAudience.PERSONAL else None


def check_relevance(view: SavedView) -> None:
    """Raises InvalidInput if the view is ordered by relevance, and its filter has no search."""
    search = view.ticket_filter.get("search")
    has_search = isinstance(search, str) and search.strip() != ""
    if not has_search and any(each["field"] == "RELEVANCE" for each in view.order_by):
        message = "RELEVANCE needs filter.search, outside of and, or and not"
        raise InvalidInput(UserErrorCode.INVALID, message, "orderBy")


def check_columns(columns: Sequence[str]) -> list[str]:
    """The columns without duplicates. Raises InvalidInput."""
    if len(columns) > MAX_COLUMNS:
        message = f"must have at most {MAX_COLUMNS} columns; it has {len(columns)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, "columns")
    return list(dict.fromkeys(columns))
