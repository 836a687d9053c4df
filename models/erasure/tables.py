"""Erases a person in the tables that are not part of tickets, a page of rows at a time.

The registry of columns says which tables these are. In rows about the person, all texts are
replaced; in all other rows only the address, because other people may have the same name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard, cast
from uuid import UUID

from tortoise import Tortoise
from tortoise.fields import CharField
from tortoise.models import Model

from models import database
from models.audit.records import RecordKind
from models.core.ids import is_uuid
from models.core.sql import FALSE, Condition, any_of, compare
from models.erasure.job import ErasureReport
from models.erasure.search import contains_address, read_page
from models.erasure.terms import ERASED, Terms, list_texts
from models.erasure.ticket_erasure import Person
from models.jobs.caller_job import CallerJob, JobKind
from models.people.token import Token
from models.people.user import ERASED_DOMAIN
from models.privacy.registry import COLUMNS, TREATMENTS, Holding, Treatment

if TYPE_CHECKING:
    from models.log.event import Json

ROWS_PER_PAGE = 2000
SHOWN_CHANGES = frozenset(
    {
        *("role", "active", "present", "organization_id", "successor_id", "created_at"),
        *("handover_pending", "second_factor", "recovery_codes", "password_reset", "teams"),
        *("revoked_at", "rotated_at"),
        *("reason", "user_id", "client_id", "expires_at", "last_used_at", "kind", "scopes"),
    }
)
"""The changes of a user or token that say nothing of who the person is. All others are erased, also
those of columns that are added later."""


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
    count = 0
    for record in await find_records(table, page.condition & concerns(table, person)):
        values = erase_record(record, table, person)
        if values:
            count += 1
            if not dry_run:
                await table.model.filter(pk=record.pk).update(**values)
    if count:
        report.add_counts({table.name: count})
    report.cursor = page.last
    return True


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


def replace(record: Model, column: str, terms: Terms) -> Json:
    """The value of a column with the terms replaced, at most as long as the column allows."""
    value = terms.replace_in_json(getattr(record, column))
    # The replacement can be longer than a short address.
    field = record._meta.fields_map[column]  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    if isinstance(value, str) and isinstance(field, CharField):
        return value[: field.max_length]
    return value


@dataclass(frozen=True, slots=True)
class RowRule:
    """How rows about the person are erased.

    columns  those that refer to the person
    erase    the new values; None for a row that is not about the person, where only the address is
             replaced
    """

    columns: tuple[str, ...]
    erase: Callable[[Any, Person], dict[str, Any] | None]


def erase_audit_entry(entry: Any, person: Person) -> dict[str, Any]:
    """Erase an entry about the account or its tokens, and where the person acted from."""
    kind = entry.record_kind
    is_own = kind is RecordKind.USER and entry.record_id == person.user_id
    is_own |= kind is RecordKind.API_TOKEN and is_own_token(entry, person)
    changes = person.terms.without_name.replace_in_json(entry.changes)
    is_actor = entry.actor_user_id in (None, person.user_id)
    return {
        "changes": erase_changes(entry.changes) if is_own else changes,
        "address": None if is_actor else entry.address,
    }


def is_own_token(entry: Any, person: Person) -> bool:
    """Whether an entry is about a token of the person. The token may be deleted already; then the
    entry of its creation names the user."""
    return entry.record_id in person.token_ids or str(person.user_id) in entry.changes.get(
        "user_id", ()
    )


def erase_directory_event(event: Any, person: Person) -> dict[str, Any] | None:
    if event.record_id != person.user_id:
        return None
    return {"data": {**event.data, "changes": erase_changes(event.changes)}}


def erase_mail(mail: Any, person: Person) -> dict[str, Any] | None:
    """An email to the person: no address, no answer that repeats it, no further attempt."""
    if person.user_id != mail.user_id and mail.address.lower() != person.terms.address:
        return None
    return {
        "address": f"{person.user_id.hex}@{ERASED_DOMAIN}",
        "answer": None if mail.answer is None else ERASED,
        "next_attempt_at": None,
        "claimed_by": None,
        "claimed_until": None,
    }


def erase_caller_job(job: Any, person: Person) -> dict[str, Any] | None:
    """The job of the erasure itself needs the address until it has verified its work."""
    if not is_own_job(job, person):
        return None
    reason = person.terms.without_name.replace_in_json(job.parameters["reason"])
    return {"parameters": {**job.parameters, "reason": reason}}


def erase_policy(policy: Any, person: Person) -> dict[str, Any] | None:
    """Deactivate a policy whose filter loses the address. It would erase more than was decided."""
    terms = person.terms.without_name
    filter = terms.replace_in_json(policy.ticket_filter)
    if filter == policy.ticket_filter:
        return None
    return {
        "name": replace(policy, "name", terms),
        "ticket_filter": filter,
        "active": False,
        "version": policy.version + 1,
    }


def erase_delivery(delivery: Any, person: Person) -> dict[str, Any]:
    """Without a body, the next attempt prepares one. The claim ends, so that an earlier one is not
    stored."""
    error = replace(delivery, "last_error", person.terms.without_name)
    return {"body": None, "last_error": error, "claimed_by": None, "claimed_until": None}


def erase_attempt(attempt: Any, person: Person) -> dict[str, Any]:
    return {"response": None, "error": replace(attempt, "error", person.terms.without_name)}


COPIES: Mapping[str, str] = {
    "webhook_deliveries": "body",
    "webhook_attempts": "response",
}
"""Columns that may repeat any text of tickets, and are removed from all rows."""
RULES: Mapping[str, RowRule] = {
    "audit_entries": RowRule(("record_id", "actor_user_id"), erase_audit_entry),
    "directory_events": RowRule(("record_id",), erase_directory_event),
    "mails": RowRule(("user_id",), erase_mail),
    "caller_jobs": RowRule((), erase_caller_job),
    "retention_policies": RowRule((), erase_policy),
    "webhook_deliveries": RowRule((), erase_delivery),
    "webhook_attempts": RowRule((), erase_attempt),
}


def erase_changes(changes: Mapping[str, Json]) -> dict[str, Json]:
    """`[before, after]` of each field, with ERASED in place of what says who the person is."""
    return {
        name: pair if name in SHOWN_CHANGES else erase_texts(pair) for name, pair in changes.items()
    }


def erase_texts(value: Json) -> Json:
    """The value with each text replaced, except for keys of records."""
    if isinstance(value, str):
        return value if is_uuid(value) else ERASED
    if isinstance(value, Mapping):
        return {name: erase_texts(each) for name, each in value.items()}
    return [erase_texts(each) for each in value] if isinstance(value, Sequence) else value


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


def is_own_job(record: object, person: Person) -> TypeGuard[CallerJob]:
    """Whether a row is a job that erases this person."""
    return (
        isinstance(record, CallerJob)
        and record.kind is JobKind.ERASE_PERSON
        and record.parameters["user_id"] == str(person.user_id)
    )


def count_remaining(record: Model, table: Table, person: Person) -> dict[str, int]:
    """The columns of the row that still have the address."""
    terms = person.terms.without_name
    return {
        f"{table.name}.{name}": 1
        for name in table.columns
        if any(map(terms.remain_in, list_texts(cast("Json", getattr(record, name)))))
    }
