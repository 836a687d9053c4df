"""The audit log: pages of it for the API, and batches for its export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core import ids
from models.core.errors import BadRequest
from models.core.lazy_query import ConnectionQuery, LazyQuery, ListQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, compare, in_list
from models.core.text import is_storable
from models.queries.connection import build_connection
from models.queries.filters.comparisons import Column, FilterData, instant_field
from models.queries.filters.limits import FILTER_SIZE, MAX_VALUES, FilterContext

EXPORT_BATCH_ENTRIES = 1000
SOURCE = "audit_entries a"
NEWEST_FIRST = Order(
    (
        Sort("a.occurred_at", "occurred_at", True, SortType.INSTANT),
        Sort("a.id", "id", True, SortType.UUID),
    )
)
OLDEST_FIRST = Order(
    (
        Sort("a.occurred_at", "occurred_at", False, SortType.INSTANT),
        Sort("a.id", "id", False, SortType.UUID),
    )
)

compile_occurred_at = instant_field(Column("a.occurred_at", attrgetter("occurred_at")))


@dataclass(frozen=True, slots=True)
class AuditConditions:
    """Selects entries; None selects all. `actor_id` and `record_id` are global ids."""

    actor_id: str | None = None
    actions: Sequence[str] | None = None
    record_kind: RecordKind | None = None
    record_id: str | None = None
    occurred_at: FilterData = field(default_factory=dict[str, object])
    """Operators of the API's DateTimeFilter, with their operands."""

    def to_sql(self, at: datetime) -> Condition:
        """The condition on `audit_entries a`; `at` is the current time. Raises BadRequest."""
        condition = TRUE
        if self.actor_id is not None:
            condition &= by_actor(self.actor_id)
        if self.actions is not None:
            condition &= by_actions(self.actions)
        if self.record_kind is not None:
            condition &= compare("a.record_kind", "=", self.record_kind.value)
        if self.record_id is not None:
            condition &= by_record(self.record_id)
        context = FilterContext(SYSTEM, at, database.dialect())
        return condition & compile_occurred_at(self.occurred_at, context).sql


async def delete_before(at: datetime, limit: int) -> int:
    """Delete at most `limit` of the oldest entries from before a time; returns how many."""
    rows = await database.fetch_dicts(
        "DELETE FROM audit_entries WHERE id IN (SELECT a.id FROM audit_entries a "
        f"WHERE a.occurred_at < ? ORDER BY {OLDEST_FIRST.order_by()} LIMIT ?) RETURNING id",
        [at, limit],
    )
    return len(rows)


def by_actor(actor_id: str) -> Condition:
    """The entries of a user or API client; none for the id of anything else."""
    for prefix, column in ((ids.USER, "a.actor_user_id"), (ids.API_CLIENT, "a.actor_client_id")):
        key = ids.key_of(prefix, actor_id)
        if key is not None:
            return compare(column, "=", key)
    return FALSE


def by_actions(actions: Sequence[str]) -> Condition:
    if len(actions) > MAX_VALUES:
        raise BadRequest(f"A filter can have at most {MAX_VALUES} values.", FILTER_SIZE)
    return in_list("a.action", [action for action in actions if is_storable(action)])


def by_record(record_id: str) -> Condition:
    """The entries about a record; none for an id that no record can have."""
    decoded = ids.decode(record_id)
    if decoded is None or decoded[0] in ids.NUMBERED_PREFIXES:
        return FALSE
    return compare("a.record_id", "=", UUID(decoded[1]))


def list_entries(
    conditions: AuditConditions, page_request: PageRequest, at: datetime
) -> ConnectionQuery[AuditEntry]:
    """Return a page of the entries, newest first. Raises BadRequest and CursorInvalid."""
    return build_connection(
        AuditEntry, "a", SOURCE, conditions.to_sql(at), NEWEST_FIRST, page_request
    )


async def read_in_batches(
    conditions: AuditConditions, at: datetime
) -> AsyncIterator[Sequence[AuditEntry]]:
    """Read all entries, oldest first, with at most EXPORT_BATCH_ENTRIES in memory."""
    condition, rest = conditions.to_sql(at), TRUE
    while True:
        order = OLDEST_FIRST.order_by()
        query = LazyQuery(AuditEntry, "a", SOURCE, condition & rest, order, EXPORT_BATCH_ENTRIES)
        entries = await ListQuery(query)
        if entries:
            yield entries
        if len(entries) < EXPORT_BATCH_ENTRIES:
            return
        rest = OLDEST_FIRST.condition_beyond(OLDEST_FIRST.cursor_of(entries[-1]), after=True)
