"""Lists of API clients, page by page."""

from __future__ import annotations

from models.core.lazy_query import ConnectionQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import TRUE, Condition
from models.people.user import ApiClient
from models.queries.connection import build_connection

CLIENT_ORDER = Order(
    (
        Sort("c.display_name", "display_name", False, SortType.TEXT),
        Sort("c.id", "id", False, SortType.UUID),
    )
)


def list_api_clients(page_request: PageRequest, *, active_only: bool) -> ConnectionQuery[ApiClient]:
    """Return a page of API clients by name. Raises CursorInvalid."""
    condition = Condition("(c.active = ?)", (True,)) if active_only else TRUE
    return build_connection(ApiClient, "c", "api_clients c", condition, CLIENT_ORDER, page_request)
