"""Lists of retention policies."""

from __future__ import annotations

from models.core.lazy_query import ConnectionQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import TRUE
from models.queries.connection import build_connection
from models.retention.policy import RetentionPolicy

POLICY_ORDER = Order((Sort("p.id", "id", descending=False, type=SortType.UUID),))
"""Ids increase with time, so this is the order of creation."""


def list_policies(page_request: PageRequest) -> ConnectionQuery[RetentionPolicy]:
    """Return a page of the policies, in the order of creation. Raises CursorInvalid."""
    source = "retention_policies p"
    return build_connection(RetentionPolicy, "p", source, TRUE, POLICY_ORDER, page_request)
