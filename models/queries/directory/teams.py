"""Lists of teams and categories."""

from __future__ import annotations

from models.core.lazy_query import LazyQuery, Many
from models.core.sql import TRUE, Condition
from models.people.team import Category, Team


def list_teams(*, include_inactive: bool) -> Many[Team]:
    """Return the teams by name. Everybody may see them."""
    condition = TRUE if include_inactive else Condition("(t.active = ?)", (True,))
    return Many(LazyQuery(Team, "t", "teams t", condition, "t.name, t.id"))


def list_categories(*, include_inactive: bool) -> Many[Category]:
    """Return the categories by name. Everybody may see them."""
    condition = TRUE if include_inactive else Condition("(c.active = ?)", (True,))
    return Many(LazyQuery(Category, "c", "categories c", condition, "c.name, c.id"))
