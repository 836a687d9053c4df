"""Lists of saved views, and the numbers of the tickets that match filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.audience import Audience, visible_shared_records
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.lazy_query import ConnectionQuery, LazyQuery, ListQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.positions import MAX_POSITION
from models.core.sql import Condition
from models.queries.connection import build_connection
from models.queries.filters.filter import FilterData, compile_filter
from models.views.saved_view import SavedView

AUDIENCES = range(min(Audience), max(Audience) + 1)
POSITIONS = range(MAX_POSITION + 1)
VIEW_ORDER = Order(
    (
        Sort("v.audience", "audience", False, SortType.INTEGER, integers=AUDIENCES),
        Sort("v.position", "position", False, SortType.INTEGER, integers=POSITIONS),
        Sort("v.id", "id", False, SortType.UUID),
    )
)
MAX_COUNTS_PER_STATEMENT = 50
MAX_PARAMS_PER_STATEMENT = 5_000
"""Both databases limit the parameters of a statement to some 32,000; one filter has up to 2,000."""


def list_views(
    viewer: Viewer, page_request: PageRequest, *, all_teams: bool = False
) -> ConnectionQuery[SavedView]:
    """Return a page of the views that the viewer sees: personal ones, those of teams, and those
    for everyone, each by position. Raises CursorInvalid."""
    condition = visible_shared_records(viewer, "v", all_teams=all_teams)
    return build_connection(SavedView, "v", "saved_views v", condition, VIEW_ORDER, page_request)


async def read_views(viewer: Viewer, limit: int) -> list[SavedView]:
    """The first views of `list_views`."""
    condition = visible_shared_records(viewer, "v", all_teams=False)
    order = VIEW_ORDER.order_by(reverse=False)
    return await ListQuery(LazyQuery(SavedView, "v", "saved_views v", condition, order, limit))


async def count_tickets(viewer: Viewer, filters: Sequence[FilterData], at: datetime) -> list[int]:
    """Return for each filter the number of tickets that are visible and match it.

    One statement counts for many filters. Raises BadRequest if a filter exceeds a limit.
    """
    visible, dialect = visible_tickets(viewer), database.dialect()
    conditions = [visible & compile_filter(each, viewer, at, dialect) for each in filters]
    counts: list[int] = []
    for part in split_conditions(conditions):
        selects = [f"(SELECT COUNT(*) FROM tickets t WHERE {each.text})" for each in part]
        columns = ", ".join(f"{select} AS n{index}" for index, select in enumerate(selects))
        params = [param for each in part for param in each.params]
        [row] = await database.fetch_dicts(f"SELECT {columns}", params)
        counts += [cast("int", row[f"n{index}"]) for index in range(len(part))]
    return counts


def split_conditions(conditions: Sequence[Condition]) -> Iterator[list[Condition]]:
    """Split conditions so that each part fits into one statement."""
    part, params = list[Condition](), 0
    for each in conditions:
        is_full = params + len(each.params) > MAX_PARAMS_PER_STATEMENT
        if part and (is_full or len(part) >= MAX_COUNTS_PER_STATEMENT):
            yield part
            part, params = [], 0
        part.append(each)
        params += len(each.params)
    if part:
        yield part


async def read_revisions() -> tuple[int, int]:
    """The revisions of the permissions, which include memberships, and of the saved views.

    If two reads are equal, every viewer has seen the same views in between.
    """
    rows = await database.fetch_dicts(
        "SELECT r.revision AS permissions, v.revision AS views "
        "FROM rights r CROSS JOIN saved_view_revision v"
    )
    return cast("int", rows[0]["permissions"]), cast("int", rows[0]["views"])


async def read_team_slugs(user_id: UUID | None) -> list[str]:
    """The slugs of a user's teams, in order."""
    rows = await database.fetch_dicts(
        "SELECT s.slug AS slug FROM teams s JOIN memberships m ON m.team_id = s.id "
        "WHERE m.user_id = ? ORDER BY s.slug",
        [user_id],
    )
    return [cast("str", row["slug"]) for row in rows]
