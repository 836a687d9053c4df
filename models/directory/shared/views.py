"""Creates, changes and deletes saved views. Each function is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from tortoise.expressions import F

from models.access.audience import Audience, can_see_shared
from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.positions import next_position
from models.core.record_changes import RecordChanges, Value, check_version
from models.core.record_limits import RecordLimits
from models.custom_fields.custom_field import column_of, is_custom_field_key, key_of_column
from models.directory.access import lock_directory
from models.directory.shared.audiences import (
    apply_audience,
    check_can_change,
    group_of,
    logged,
    records_beside,
)
from models.people.team import list_team_ids
from models.views.saved_view import SavedView, SavedViewRevision

MAX_COLUMNS = 30


class ViewFields(TypedDict, total=False):
    """The input fields of a view that the viewer sets.

    `team` is a slug. `custom_field_columns` has keys, which `columns` of the record has, too.
    """

    name: str
    audience: Audience
    team: str | None
    ticket_filter: Mapping[str, Value]
    order_by: Sequence[Mapping[str, str]]
    columns: Sequence[str]
    custom_field_columns: Sequence[str]
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
        audience=Audience.PERSONAL,
        ticket_filter={},
        order_by=[],
        columns=[],
        position=0,
        created_at=at,
        updated_at=at,
    )
    await apply_fields(view, actor, fields)
    await check_can_change(actor, view, "views")
    await check_view_limit(view, changes.limits)
    if "position" not in fields:
        last = await records_beside(SavedView, view).order_by("-position").first()
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
    await check_can_change(actor, draft, "views")
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
    if view is None or not can_see_shared(actor, view, await list_team_ids(actor.user_id)):
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
    if view is None or not can_see_shared(actor, view, await list_team_ids(actor.user_id)):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such view.", "viewId")
    await check_can_change(actor, view, "views")
    check_version(view, expected_version)
    return view


async def check_view_limit(view: SavedView, limits: RecordLimits) -> None:
    """Raises InvalidInput if there is no place for the view."""
    maximum = {
        Audience.PERSONAL: limits.max_saved_views_per_person,
        Audience.TEAM: limits.max_saved_views_per_team,
        Audience.EVERYONE: limits.max_saved_views_for_everyone,
    }[view.audience]
    if await records_beside(SavedView, view).exclude(id=view.id).count() >= maximum:
        message = f"There are {maximum} such views, the maximum. Delete one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="saved_views")


async def apply_fields(view: SavedView, actor: Viewer, fields: ViewFields) -> None:
    """Set the given fields of the record. Raises InvalidInput."""
    if "name" in fields:
        view.name = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    audience = fields.get("audience", view.audience)
    await apply_audience(view, actor, audience, fields.get("team"))
    view.ticket_filter = fields.get("ticket_filter", view.ticket_filter)
    view.order_by = fields.get("order_by", view.order_by)
    names = [each for each in view.columns if key_of_column(each) is None]
    columns_of_fields = [each for each in view.columns if key_of_column(each) is not None]
    if "columns" in fields:
        names = check_columns(fields["columns"], "columns")
    if "custom_field_columns" in fields:
        columns_of_fields = check_custom_field_columns(fields["custom_field_columns"])
    view.columns = [*names, *columns_of_fields]
    view.position = fields.get("position", view.position)
    check_relevance(view)


def check_relevance(view: SavedView) -> None:
    """Raises InvalidInput if the view is ordered by relevance, and its filter has no search."""
    search = view.ticket_filter.get("search")
    has_search = isinstance(search, str) and search.strip() != ""
    if not has_search and any(each["field"] == "RELEVANCE" for each in view.order_by):
        message = "RELEVANCE needs filter.search, outside of and, or and not"
        raise InvalidInput(UserErrorCode.INVALID, message, "orderBy")


def check_columns(columns: Sequence[str], field: str) -> list[str]:
    """The columns of an input field without duplicates. Raises InvalidInput."""
    if len(columns) > MAX_COLUMNS:
        message = f"must have at most {MAX_COLUMNS} columns; it has {len(columns)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, field)
    return list(dict.fromkeys(columns))


def check_custom_field_columns(keys: Sequence[str]) -> list[str]:
    """The columns of custom fields as they are stored. Raises InvalidInput.

    As in an order, a key may have no field: fields can be archived at any time.
    """
    if not all(map(is_custom_field_key, keys)):
        message = "must have keys of custom fields: lower-case letters, digits and underscores"
        raise InvalidInput(UserErrorCode.INVALID, message, "customFieldColumns")
    return [column_of(key) for key in check_columns(keys, "customFieldColumns")]
