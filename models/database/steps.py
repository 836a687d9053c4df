"""Writing several tables in one go: on Postgres one statement, so a transaction waits for its server once; on SQLite one by one.

Texts and values come from Tortoise's own description of the records, as `save` and `bulk_create` would write them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from tortoise.models import Model

from models import database

RECORDS = 200
MOST = 20_000
"""Records and parameters of one statement; both databases take 32,766 parameters."""


class Step(NamedTuple):
    """One INSERT or UPDATE. Steps that run together don't see one another's rows."""

    text: str
    values: Sequence[object]


@lru_cache(maxsize=512)
def text_of(kind: type[Model], count: int, first: str) -> str:
    columns = list(kind._meta.fields_db_projection.values())  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    names = ", ".join(f'"{column}"' for column in columns)
    row = ", ".join([first, *"?" * (len(columns) - 1)])
    places = ", ".join([f"({row})"] * count)
    return f'INSERT INTO "{kind._meta.db_table}" ({names}) VALUES {places}'  # pyright: ignore[reportPrivateUsage]


def insert(records: Sequence[Model]) -> list[Step]:
    """New records of one kind."""
    found: list[Step] = []
    for start in range(0, len(records), RECORDS):
        some = records[start : start + RECORDS]
        found.append(Step(text_of(type(some[0]), len(some), "?"), [value for record in some for value in stored(record)]))
    return found


def stored(record: Model) -> list[object]:
    """The record's values as its columns take them."""
    fields = record._meta.fields_map  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return [
        fields[name].to_db_value(getattr(record, name), record)
        for name in record._meta.fields_db_projection  # pyright: ignore[reportPrivateUsage]
    ]


def update(record: type[Model] | Model, values: Mapping[str, object], where: Mapping[str, object]) -> Step:
    """New values for the rows that have those of `where`."""
    meta = record._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    sets = ", ".join(f'"{name}" = ?' for name in values)
    tests = " AND ".join(f'"{name}" = ?' for name in where)
    given = [meta.fields_map[name].to_db_value(value, record) for name, value in (*values.items(), *where.items())]
    return Step(f'UPDATE "{meta.db_table}" SET {sets} WHERE {tests}', given)


async def run(steps: Sequence[Step]) -> list[int]:
    """Run the steps inside the caller's transaction; returns how many rows each wrote."""
    if database.dialect() == "sqlite":
        return [len(await database.fetch(f"{step.text} RETURNING 1", step.values)) for step in steps]
    counts: list[int] = []
    while steps:
        size = fitting(steps)
        counts += await at_once(steps[:size])
        steps = steps[size:]
    return counts


def fitting(steps: Sequence[Step]) -> int:
    """How many of the steps one statement takes."""
    total = 0
    for place, step in enumerate(steps):
        total += len(step.values)
        if total > MOST and place:
            return place
    return len(steps)


async def at_once(steps: Sequence[Step]) -> list[int]:
    if len(steps) == 1:
        return [len(await database.fetch(f"{steps[0].text} RETURNING 1", steps[0].values))]
    parts = ", ".join(f"s{place} AS ({step.text} RETURNING 1)" for place, step in enumerate(steps))
    counted = ", ".join(f"(SELECT COUNT(*) FROM s{place})" for place in range(len(steps)))
    ((*counts,),) = await database.fetch(f"WITH {parts} SELECT {counted}", [value for step in steps for value in step.values])
    return [int(str(count)) for count in counts]
