"""Creates and changes categories. Each function is part of the caller's transaction.

Categories form a tree of two levels. An archived category can't be chosen, but tickets keep it.
"""

from __future__ import annotations

from typing import TypedDict

from models.access.viewer import Viewer
from models.core import text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.directory.access import lock_directory
from models.directory.teams import clean_slug
from models.people.team import Category, Team, get_active_team, get_category


class CategoryFields(TypedDict, total=False):
    """The team and the parent by slug."""

    name: str
    team: str
    parent: str | None
    active: bool


async def create_category(
    changes: RecordChanges, actor: Viewer, slug: str, fields: CategoryFields
) -> Category:
    """Create a category; the name and the team are required. Raises InvalidInput."""
    await lock_directory(actor)
    clean = clean_slug(slug)
    if await Category.exists(slug=clean):
        raise InvalidInput(UserErrorCode.TAKEN, "Another category has this slug.", "slug")
    await check_category_limit(changes.limits.max_categories)
    category = Category(slug=clean)
    for name, value in (await clean_fields(fields, category)).items():
        setattr(category, name, value)
    await changes.create(category)
    return category


async def update_category(
    changes: RecordChanges,
    actor: Viewer,
    slug: str,
    fields: CategoryFields,
    expected_version: int | None = None,
) -> Category:
    """Change, archive or restore a category. Tickets stay in their teams.

    Raises InvalidInput and StaleVersion.
    """
    await lock_directory(actor)
    key = (await get_category(slug, "category")).id
    category = await Category.select_for_update(no_key=True).get(id=key)
    check_version(category, expected_version)
    values = await clean_fields(fields, category)
    if fields.get("active") and not category.active:
        await check_can_be_restored(category, values, changes.limits.max_categories)
    if fields.get("active") is False and category.active:
        await check_has_no_active_child(category)
    await changes.update(category, **values)
    return category


async def check_can_be_restored(
    category: Category, values: dict[str, object], max_categories: int
) -> None:
    """Raises InvalidInput unless the team and the parent are active."""
    await check_category_limit(max_categories)
    team_id = values.get("team_id", category.team_id)
    if not await Team.exists(id=team_id, active=True):
        message = "The team of the category is archived. Give another team."
        raise InvalidInput(UserErrorCode.INVALID, message, "active")
    parent_id = values.get("parent_id", category.parent_id)
    if parent_id is not None and not await Category.exists(id=parent_id, active=True):
        message = "The parent of the category is archived. Restore it first."
        raise InvalidInput(UserErrorCode.INVALID, message, "active")


async def check_has_no_active_child(category: Category) -> None:
    child = await Category.filter(parent_id=category.id, active=True).order_by("slug").first()
    if child is not None:
        message = f"The category has the active category {child.slug} below it. Archive it first."
        raise InvalidInput(UserErrorCode.INVALID, message, "category")


async def clean_fields(fields: CategoryFields, category: Category) -> dict[str, object]:
    """The columns to set, by name. Raises InvalidInput."""
    values: dict[str, object] = {}
    if "active" in fields:
        values["active"] = fields["active"]
    if "name" in fields:
        values["name"] = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    if "team" in fields:
        values["team_id"] = (await get_active_team(fields["team"], "team")).id
    if "parent" in fields:
        parent = fields["parent"]
        values["parent_id"] = None if parent is None else (await get_parent(parent, category)).id
    return values


async def get_parent(slug: str, category: Category) -> Category:
    """The category that may be above another one. Raises InvalidInput."""
    parent = await get_category(slug, "parent")
    if parent.id == category.id or parent.parent_id is not None:
        message = "must be another category, without a parent of its own"
        raise InvalidInput(UserErrorCode.INVALID, message, "parent")
    if not parent.active:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived category", "parent")
    if await Category.exists(parent_id=category.id):
        message = "must be null, because other categories are below this one"
        raise InvalidInput(UserErrorCode.INVALID, message, "parent")
    return parent


async def check_category_limit(max_categories: int) -> None:
    """Raises InvalidInput if no other category may be active."""
    if await Category.filter(active=True).count() >= max_categories:
        message = f"At most {max_categories} categories can be active; archive one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="categories")
