"""Connections: lists that are read page by page, with keyset cursors."""

from __future__ import annotations

from typing import TypeVar, cast

from tortoise.models import Model

from models import database
from models.core.lazy_query import ConnectionQuery, LazyQuery
from models.core.paging.ordering import Order
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, Condition

M = TypeVar("M", bound=Model)


def build_connection(
    model: type[M],
    alias: str,
    source: str,
    condition: Condition,
    order: Order,
    page_request: PageRequest,
    source_params: tuple[object, ...] = (),
) -> ConnectionQuery[M]:
    """Return one page of the rows that meet the condition.

    `source` is the FROM clause, with its parameters, in which the model's table has the alias.
    Raises CursorInvalid.
    """
    backward = page_request.backward
    on_page = condition
    if page_request.after is not None:
        on_page &= order.condition_beyond(page_request.after, after=True)
    if page_request.before is not None:
        on_page &= order.condition_beyond(page_request.before, after=False)

    async def count_total(_: object) -> int:
        return await count_rows(source, condition, source_params)

    async def has_rows_before_page(_: object) -> bool:
        edge = page_request.before if backward else page_request.after
        if edge is None:
            return False
        outside = condition & order.condition_not_beyond(edge, after=not backward)
        return await has_rows(source, outside, source_params)

    order_by = order.order_by(reverse=backward)
    row_query = LazyQuery(
        model, alias, source, on_page, order_by, page_request.size + 1, source_params
    )
    return ConnectionQuery(
        row_query,
        page_request,
        order.columns,
        order.encode_cursor,
        count_total,
        has_rows_before_page,
    )


async def count_rows(
    source: str, condition: Condition, source_params: tuple[object, ...] = ()
) -> int:
    if condition is FALSE:
        return 0
    statement = f"SELECT COUNT(*) AS n FROM {source} WHERE {condition.text}"
    rows = await database.fetch_dicts(statement, [*source_params, *condition.params])
    return cast("int", rows[0]["n"])


async def has_rows(
    source: str, condition: Condition, source_params: tuple[object, ...] = ()
) -> bool:
    if condition is FALSE:
        return False
    statement = f"SELECT 1 AS found FROM {source} WHERE {condition.text} LIMIT 1"
    return bool(await database.fetch_dicts(statement, [*source_params, *condition.params]))
