"""The query `ticketReport`."""

from __future__ import annotations

import strawberry

from models.queries.statistics.report import Report, read_report
from models.queries.statistics.report_groups import ReportGroupBy, ReportGroups, ReportRange
from models.queries.statistics.time_buckets import DEFAULT_TIME_ZONE
from resolvers.context import context_of
from schema.filtering.filters import TicketFilter, filter_mapping
from schema.inputs.tickets.reports import ReportRangeInput


async def ticket_report(
    info: strawberry.Info,
    range: ReportRangeInput,
    filter: TicketFilter | None = None,
    group_by: ReportGroupBy | None = None,
    time_zone: str | None = None,
) -> Report:
    """Raises BadRequest if the range or the time zone is not valid."""
    context = context_of(info)
    zone = DEFAULT_TIME_ZONE if time_zone is None else time_zone
    days = ReportRange(range.first_day, range.last_day, zone)
    days.check(context.settings.max_report_days)
    groups = ReportGroups.build(group_by, days)
    data = filter_mapping(filter, context.viewer)
    return await read_report(context.viewer, data, groups, context.now())
