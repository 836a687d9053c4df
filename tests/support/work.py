"""The work of statements in the database, which does not depend on the machine's speed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import cast

from models import database
from support.databases import IS_SQLITE


async def measure_work(sent: Sequence[tuple[str, object]], path: str) -> int:
    """The rows that Postgres reads without sorting, or the steps of SQLite's machine."""
    work = 0
    if IS_SQLITE:
        for text, values in sent:
            work += count_steps(path, text, cast("Sequence[object]", values))
        return work
    for text, values in sent:
        work += count_plan_rows(await explain_analyze(text, values, "sort"))
    return work


async def explain_analyze(text: str, values: object, *without: str) -> dict[str, object]:
    """How Postgres executes a statement without some kinds of steps, such as `sort`.

    It would use them because the tables are small.
    """
    async with database.transaction():
        for each in without:
            await database.connection().execute_query(f"SET LOCAL enable_{each} = off")
        rows = await database.connection().execute_query_dict(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", list(cast("Sequence[object]", values))
        )
    return cast("dict[str, object]", json.loads(rows[0]["QUERY PLAN"])[0]["Plan"])


def count_steps(path: str, text: str, values: Sequence[object]) -> int:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection = sqlite3.connect(path)
    try:
        connection.set_progress_handler(count, 1)
        connection.execute(text, tuple(values)).fetchall()
    finally:
        connection.close()
    return steps


def count_plan_rows(plan: dict[str, object], alias: str | None = None) -> int:
    """The rows that all nodes of a plan, or those that read a table, returned or dropped."""
    rows = sum(
        cast("int", plan.get(name, 0))
        for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    ) * cast("int", plan["Actual Loops"])
    parts = cast("list[dict[str, object]]", plan.get("Plans", []))
    return (rows if alias in (None, plan.get("Alias")) else 0) + sum(
        count_plan_rows(part, alias) for part in parts
    )
