"""The facts of a ticket that filters compare, loaded once for all filters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson

from models import database
from models.core.sql import in_list
from models.database import Dialect, Row, as_instant, as_uuid
from models.people.user import Role


class CustomValueFact(NamedTuple):
    """The value of a custom field of a ticket, as it is stored."""

    key: str
    customer_access: str
    type: str
    stored_text: str
    stored_number: float


@dataclass(frozen=True, slots=True)
class FilterFacts:
    """The values of a ticket that filters compare, as they are stored.

    category, team      slugs
    customer_watchers   the watchers whom customers can see
    resources           kind, external id and name
    sla_statuses        the statuses of its SLA clocks
    custom_values       key of the field, its customer access, type, stored text and number
    """

    id: UUID
    number: int
    external_id: str | None
    subject: str
    status: str
    priority: int
    category: str
    team: str
    requester_id: UUID
    organization_id: UUID | None
    assignee_id: UUID | None
    merged_into_id: UUID | None
    escalation_level: int
    created_at: datetime
    updated_at: datetime
    public_updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    held_until: datetime | None
    sla_breaches_at: datetime | None
    last_reply_at: datetime | None
    close_reason: str | None
    satisfaction_score: int | None
    tag_keys: frozenset[str]
    watchers: frozenset[UUID]
    customer_watchers: frozenset[UUID]
    resources: tuple[tuple[str, str, str | None], ...]
    sla_statuses: frozenset[str]
    custom_values: tuple[CustomValueFact, ...]


UUID_COLUMNS = ("id", "requester_id", "organization_id", "assignee_id", "merged_into_id")
TIME_COLUMNS = (
    "created_at",
    "updated_at",
    "public_updated_at",
    "resolved_at",
    "closed_at",
    "held_until",
    "sla_breaches_at",
    "last_reply_at",
)
PLAIN_COLUMNS = (
    "number",
    "external_id",
    "subject",
    "status",
    "priority",
    "escalation_level",
    "close_reason",
    "satisfaction_score",
)
ARRAY_SQL = {
    "sqlite": ("json_group_array", "json_array"),
    "postgres": ("json_agg", "json_build_array"),
}
"""The functions that aggregate rows to a JSON array, and that build an array of values."""


def build_columns(dialect: Dialect) -> str:
    """The columns of one row per ticket; related rows become JSON arrays, cast to text.

    One statement reads everything, so that all facts are of the same state of the ticket.
    """
    aggregate, build_array = ARRAY_SQL[dialect]

    def collect(name: str, value: str, table: str, join: str = "") -> str:
        rows = f"{table} a{join} WHERE a.ticket_id = t.id"
        return f"(SELECT CAST({aggregate}({value}) AS text) FROM {rows}) AS {name}"

    watcher = f"{build_array}(a.user_id, u.role)"
    resource = f"{build_array}(a.kind, a.external_id, a.name)"
    value = f"{build_array}(f.key, f.customer_access, a.type, a.stored_text, a.stored_number)"
    field = " JOIN custom_fields f ON f.id = a.field_id"
    return ", ".join(
        [
            *(f"t.{name} AS {name}" for name in (*UUID_COLUMNS, *TIME_COLUMNS, *PLAIN_COLUMNS)),
            "(SELECT s.slug FROM categories s WHERE s.id = t.category_id) AS category",
            "(SELECT s.slug FROM teams s WHERE s.id = t.team_id) AS team",
            collect("tag_keys", "a.key", "ticket_tags"),
            collect("watchers", watcher, "ticket_watchers", " JOIN users u ON u.id = a.user_id"),
            collect("resources", resource, "ticket_resources"),
            collect("sla_statuses", "DISTINCT a.status", "sla_clocks"),
            collect("custom_values", value, "ticket_custom_values", field),
        ]
    )


async def load_facts(ticket_ids: Collection[UUID]) -> list[FilterFacts]:
    """The facts of those of the tickets that exist, whether or not any viewer may see them."""
    condition = in_list("t.id", list(ticket_ids))
    columns = build_columns(database.dialect())
    sql = f"SELECT {columns} FROM tickets t WHERE {condition.text}"
    return [facts_of_row(row) for row in await database.fetch_dicts(sql, condition.params)]


def facts_of_row(row: Row) -> FilterFacts:
    keys = {name: None if row[name] is None else as_uuid(row[name]) for name in UUID_COLUMNS}
    instants = {name: as_instant(row[name]) for name in TIME_COLUMNS}
    values = {name: row[name] for name in (*PLAIN_COLUMNS, "category", "team")}
    watchers = [(UUID(key), role) for key, role in read_array(row["watchers"])]
    columns = cast("dict[str, object]", {**keys, **instants, **values})
    return FilterFacts(
        **columns,  # type: ignore[arg-type] - the columns of the statement above
        tag_keys=frozenset(read_array(row["tag_keys"])),
        watchers=frozenset(key for key, _ in watchers),
        customer_watchers=frozenset(key for key, role in watchers if role == Role.CUSTOMER.value),
        resources=tuple(tuple(each) for each in read_array(row["resources"])),
        sla_statuses=frozenset(read_array(row["sla_statuses"])),
        custom_values=tuple(CustomValueFact(*each) for each in read_array(row["custom_values"])),
    )


def read_array(text: object) -> list[Any]:
    return [] if text is None else orjson.loads(cast("str", text))
