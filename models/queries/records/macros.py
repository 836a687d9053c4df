"""Lists of macros."""

from __future__ import annotations

from models.access.audience import visible_shared_records
from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import Condition
from models.macros.macro import Macro
from models.queries.connection import build_connection
from models.queries.directory.users import clean_search

MACRO_ORDER = Order(
    (
        Sort("c.name", "name", False, SortType.TEXT),
        Sort("c.id", "id", False, SortType.UUID),
    )
)


def list_macros(
    viewer: Viewer,
    search: str | None,
    page_request: PageRequest,
    *,
    include_inactive: bool = False,
    all_teams: bool = False,
) -> ConnectionQuery[Macro]:
    """Return a page of the macros that the viewer sees, by name.

    `search` is any part of a name or of a text, in any case. Raises BadRequest if it can't be
    stored, and CursorInvalid.
    """
    condition = visible_shared_records(viewer, "c", all_teams=all_teams)
    if not include_inactive:
        condition &= Condition("(c.active = ?)", (True,))
    part = clean_search(search)
    if part:
        condition &= Condition(
            "(replace(lower(c.name), ?, '') <> lower(c.name) "
            "OR replace(lower(COALESCE(c.text, '')), ?, '') <> lower(COALESCE(c.text, '')))",
            (part, part),
        )
    return build_connection(Macro, "c", "macros c", condition, MACRO_ORDER, page_request)
