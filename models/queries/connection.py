"""Connections: lists that are read page by page, with keyset cursors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar, cast
from uuid import UUID

from tortoise.models import Model

from models import database
from models.core.lazy_query import ConnectionQuery, LazyQuery
from models.core.paging.ordering import Order, Range
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, in_list
from models.database import as_uuid
from models.queries.shared_counts import SharedCounts

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
    """Describe one page of the rows that meet the condition.

    `source` is the FROM clause, with its parameters, in which the model's table has the alias.
    Raises CursorInvalid.
    """
    backward = page_request.backward
    # Wherever the page begins, the best plan is the index of the order. With other values in the
    # condition, it may be another one, so Postgres should know all of them.
    is_postgres = database.dialect() == "postgres"
    hidden = is_postgres and not condition.params and not source_params
    edge = page_request.before if backward else page_request.after
    if edge is None or source_params or order.has_one_range(compares_expressions=is_postgres):
        on_page = condition & between_cursors(order, page_request, hidden=hidden)
    else:
        ranges = order.ranges_beyond(
            edge, after=not backward, hidden=hidden, compares_expressions=is_postgres
        )
        on_page = build_merged_page(alias, source, condition, order, page_request, ranges)

    async def count_total(_: object) -> int:
        return await count_rows(source, condition, source_params)

    async def has_rows_before_page(_: object) -> bool:
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


def build_merged_page(
    alias: str,
    source: str,
    condition: Condition,
    order: Order,
    page_request: PageRequest,
    ranges: Sequence[Range],
) -> Condition:
    """The condition of a page's rows, which reads at most one page of each range.

    With the ranges in one condition, the database would read all rows that equal the cursor's in
    the first sort, and drop those on the other side of the cursor.
    """
    backward = page_request.backward
    other_edge = replace(page_request, **{"before" if backward else "after": None})
    listed = condition & between_cursors(order, other_edge)
    parts: list[Condition] = []
    for number, each in enumerate(ranges):
        selected = listed & each.condition
        order_by = each.order_by(reverse=backward)
        text = (
            f"SELECT id FROM (SELECT {alias}.id AS id FROM {source} WHERE {selected.text} "
            f"ORDER BY {order_by} LIMIT {page_request.size + 1}) range{number}"
        )
        parts.append(Condition(text, selected.params))
    union = " UNION ALL ".join(part.text for part in parts)
    params = tuple(param for part in parts for param in part.params)
    return FALSE if listed is FALSE else Condition(f"({alias}.id IN ({union}))", params)


def build_owned_connection(
    model: type[M],
    alias: str,
    table: str,
    owner_column: str,
    owner_ids: Sequence[UUID],
    condition: Condition,
    order: Order,
    page_request: PageRequest,
) -> ConnectionQuery[M]:
    """Describe one page for each owner, of the rows that meet the condition, in one statement.

    The statement ranks all rows of the owners, so use it only if an owner has at most a few
    hundred.
    Raises CursorInvalid.
    """
    source, owner = f"{table} {alias}", f"{alias}.{owner_column}"
    listed = condition & in_list(owner, owner_ids)
    on_page = listed & between_cursors(order, page_request)
    order_by = order.order_by(reverse=page_request.backward)
    edge = page_request.before if page_request.backward else page_request.after
    outside = FALSE
    if edge is not None:
        outside = listed & order.condition_not_beyond(edge, after=not page_request.backward)
    totals = SharedCounts(lambda: count_by_owner(source, owner, listed))
    totals_outside = SharedCounts(lambda: count_by_owner(source, owner, outside))

    async def has_rows_before_page(owner_key: object) -> bool:
        return await totals_outside.count_for(owner_key) > 0

    ranked = (
        f"(SELECT {alias}.*, ROW_NUMBER() OVER (PARTITION BY {owner} ORDER BY {order_by}) AS place "
        f"FROM {source} WHERE {on_page.text}) {alias}"
    )
    is_on_page = Condition(f"({alias}.place <= ?)", (page_request.size + 1,))
    row_condition = FALSE if on_page is FALSE else is_on_page
    return ConnectionQuery(
        LazyQuery(model, alias, ranked, row_condition, order_by, source_params=on_page.params),
        page_request,
        order.columns,
        order.encode_cursor,
        totals.count_for,
        has_rows_before_page,
        owner,
    )


def between_cursors(order: Order, page_request: PageRequest, *, hidden: bool = False) -> Condition:
    """The rows between the cursors of the request; see `condition_beyond`. Raises CursorInvalid."""
    condition = TRUE
    if page_request.after is not None:
        condition &= order.condition_beyond(page_request.after, after=True, hidden=hidden)
    if page_request.before is not None:
        condition &= order.condition_beyond(page_request.before, after=False, hidden=hidden)
    return condition


async def count_by_owner(source: str, owner: str, condition: Condition) -> Mapping[UUID, int]:
    """The number of rows of each owner that meet the condition."""
    if condition is FALSE:
        return {}
    rows = await database.fetch_dicts(
        f"SELECT {owner} AS owner, COUNT(*) AS n FROM {source} WHERE {condition.text} "
        f"GROUP BY {owner}",
        condition.params,
    )
    return {as_uuid(row["owner"]): cast("int", row["n"]) for row in rows}


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
