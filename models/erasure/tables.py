"""Erases a person in the tables that are not part of tickets, a page of rows at a time.

The registry of columns says which tables these are. In rows about the person, all texts are
replaced; in all other rows only the address, because other people may have the same name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from tortoise import Tortoise
from tortoise.models import Model

from models import database
from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.audit.records import LOGGED_RECORDS
from models.core.sql import FALSE, Condition, any_of, compare
from models.core.time import now
from models.erasure.job import ErasureReport
from models.erasure.row_rules import COPIES, RULES, is_own_job, replace
from models.erasure.search import contains_address, read_page
from models.erasure.terms import list_texts
from models.erasure.ticket_erasure import Person
from models.log import event
from models.people.token import Token
from models.privacy.registry import COLUMNS, TREATMENTS, Holding, Treatment

if TYPE_CHECKING:
    from models.log.event import Json

ROWS_PER_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the columns that an erasure searches."""

    name: str
    model: type[Model]
    columns: tuple[str, ...]

    @property
    def key(self) -> str:
        meta = self.model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
        return str(meta.db_pk_column)


@lru_cache(maxsize=1)
def searched_tables() -> tuple[Table, ...]:
    """The tables that `erase_page` treats."""
    return group_columns(TREATMENTS[Treatment.SEARCHED])


@lru_cache(maxsize=1)
def all_tables() -> tuple[Table, ...]:
    """The tables that the verification reads: all columns that are not technical or digests."""
    skipped = COLUMNS[Holding.TECHNICAL] | COLUMNS[Holding.DIGEST]
    return group_columns({name for each in COLUMNS.values() for name in each} - skipped)


@lru_cache(maxsize=1)
def models_by_table() -> dict[str, type[Model]]:
    models = Tortoise.apps["models"].values()  # pyright: ignore[reportOptionalSubscript]
    return {str(model._meta.db_table): model for model in models}  # pyright: ignore[reportPrivateUsage]


def group_columns(names: frozenset[str] | set[str]) -> tuple[Table, ...]:
    columns: dict[str, list[str]] = {}
    for name in sorted(names):
        table, _, column = name.partition(".")
        columns.setdefault(table, []).append(column)
    models = models_by_table()
    return tuple(Table(name, models[name], tuple(each)) for name, each in columns.items())


async def erase_page(person: Person, report: ErasureReport, *, dry_run: bool) -> bool:
    """Erase the person in the next rows of a table; returns whether there are more pages."""
    tables = searched_tables()
    if report.table >= len(tables):
        return False
    table = tables[report.table]
    page = await read_page(table.name, table.key, report.cursor, ROWS_PER_PAGE)
    if page is None:
        report.go_to_table(report.table + 1)
        return True
    if table.name == "audit_entries":
        tokens = await Token.filter(user_id=person.user_id).values_list("id", flat=True)
        person = dataclasses.replace(person, token_ids=frozenset(cast("list[UUID]", tokens)))
    count, erased, at = 0, [], now()
    for record in await find_records(table, page.condition & concerns(table, person)):
        values = erase_record(record, table, person)
        if values:
            count += 1
            if not dry_run:
                await table.model.filter(pk=record.pk).update(**values)
                erased.append(record)
    await log_erased(erased, at)
    if count:
        report.add_counts({table.name: count})
    report.cursor = page.last
    return True


async def log_erased(records: Sequence[Model], at: datetime) -> None:
    """Log ERASED for records of which other systems have copies, so that they forget it, too."""
    await event.append(
        [
            DirectoryEvent(
                type=DirectoryEventType.ERASED,
                record_kind=LOGGED_RECORDS[type(each)].kind,
                record_id=each.pk,
                occurred_at=at,
                data={"changes": {}},
            )
            for each in records
            if type(each) in LOGGED_RECORDS and LOGGED_RECORDS[type(each)].in_directory
        ]
    )


def concerns(table: Table, person: Person) -> Condition:
    """The rows `x` that may be about the person, or have the address."""
    columns = [f"x.{column}" for column in table.columns]
    conditions = contains_address(columns, person.terms.address)
    for column in RULES[table.name].columns if table.name in RULES else ():
        conditions.append(compare(f"x.{column}", "=", person.user_id))
    if table.name in COPIES:
        # A body can be prepared again. So it need not be searched for the person's name.
        conditions.append(Condition(f"(x.{COPIES[table.name]} IS NOT NULL)"))
    if table.name == "audit_entries":
        of_tokens = "x.record_id IN (SELECT k.id FROM tokens k WHERE k.user_id = ?)"
        conditions.append(Condition(f"({of_tokens})", (person.user_id,)))
    return any_of(conditions or [FALSE])


async def find_records(table: Table, condition: Condition) -> Sequence[Model]:
    """The rows with the condition, locked until the transaction ends."""
    rows = await database.fetch_dicts(
        f"SELECT x.{table.key} AS key FROM {table.name} x WHERE {condition.text}", condition.params
    )
    if not rows:
        return []
    keys = [row["key"] for row in rows]
    return await table.model.filter(pk__in=keys).select_for_update(no_key=True).order_by(table.key)


def erase_record(record: Model, table: Table, person: Person) -> dict[str, Any]:
    """The new values of the columns that must change."""
    rule = RULES.get(table.name)
    values = None if rule is None else rule.erase(record, person)
    if values is None:
        terms = person.terms.without_name
        values = {name: replace(record, name, terms) for name in table.columns}
    return {name: value for name, value in values.items() if getattr(record, name) != value}


async def verify_page(person: Person, report: ErasureReport) -> bool:
    """Count the rows that still have the address; returns whether there are more pages."""
    tables = all_tables()
    if report.table >= len(tables) or not person.terms.address:
        return False
    table = tables[report.table]
    page = await read_page(table.name, table.key, report.cursor, ROWS_PER_PAGE)
    if page is None:
        report.go_to_table(report.table + 1)
        return True
    columns = [f"x.{column}" for column in table.columns]
    found = page.condition & any_of(contains_address(columns, person.terms.address))
    rows = await database.fetch_dicts(
        f"SELECT x.{table.key} AS key FROM {table.name} x WHERE {found.text}", found.params
    )
    keys = [row["key"] for row in rows]
    for record in await table.model.filter(pk__in=keys) if keys else ():
        if is_own_job(record, person):
            record.parameters = {"reason": record.parameters["reason"]}
        report.add_remaining(count_remaining(record, table, person))
    report.cursor = page.last
    return True


def count_remaining(record: Model, table: Table, person: Person) -> dict[str, int]:
    """The columns of the row that still have the address."""
    terms = person.terms.without_name
    return {
        f"{table.name}.{name}": 1
        for name in table.columns
        if any(map(terms.remain_in, list_texts(cast("Json", getattr(record, name)))))
    }
