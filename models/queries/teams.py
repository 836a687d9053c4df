"""Lists of teams and categories."""

from __future__ import annotations

from models.core.lazy_query import LazyQuery, Many
from models.core.sql import TRUE
from models.people.team import Category, Team


def list_teams() -> Many[Team]:
    """Return all teams by name. Everybody may see them."""
    return Many(LazyQuery(Team, "t", "teams t", TRUE, "t.name"))


def list_categories() -> Many[Category]:
    """Return all categories by name. Everybody may see them."""
    return Many(LazyQuery(Category, "c", "categories c", TRUE, "c.name"))
