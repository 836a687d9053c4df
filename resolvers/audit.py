"""The audit log, and the events of the directory."""

from __future__ import annotations

import strawberry

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.queries.logs import audit_log as queries
from models.queries.logs import directory_events as event_queries
from models.queries.logs.audit_log import AuditConditions
from resolvers.context import context_of
from schema.input_mapping import to_mapping
from schema.pagination import After, Before, First, Last
from schema.types.log.audit import AuditLogFilter


async def audit_log(
    info: strawberry.Info,
    filter: AuditLogFilter | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[AuditEntry]:
    page = parse_page_arguments(first, after, last, before)
    return queries.list_entries(conditions_of(filter), page, context_of(info).now())


def conditions_of(filter: AuditLogFilter | None) -> AuditConditions:
    if filter is None:
        return AuditConditions()
    given = {
        name: value
        for name, value in vars(filter).items()
        if value is not None and value is not strawberry.UNSET
    }
    bounds = to_mapping(given.pop("occurred_at", {}))
    given["occurred_at"] = {name: bound for name, bound in bounds.items() if bound is not None}
    return AuditConditions(**given)


async def directory_events(
    info: strawberry.Info,
    kinds: list[RecordKind] | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[DirectoryEvent]:
    page = parse_page_arguments(first, after, last, before)
    return await event_queries.list_events(context_of(info).viewer, kinds, page)
