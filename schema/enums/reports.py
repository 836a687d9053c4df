"""The enum of reports."""

from __future__ import annotations

from models.queries.statistics.report_groups import ReportGroupBy
from schema.enums.registration import register_enum

register_enum(
    ReportGroupBy,
    "TicketReportGroupBy",
    "The property by which a report groups tickets. DAY, WEEK and MONTH are those of the ticket's "
    "creation, in the report's time zone.",
    {
        "DAY": "One group per day.",
        "WEEK": "One group per week, from Monday to Sunday. The first and the last one count only "
        "the days of the range.",
        "MONTH": "One group per month. The first and the last one count only the days of the "
        "range.",
        "TEAM": "One group per team that has tickets. Its key is the slug.",
        "CATEGORY": "One group per category that has tickets. Its key is the slug.",
        "ASSIGNEE": "One group per current assignee, with the id as its key, and one with the key "
        "`unassigned`.",
        "PRIORITY": "One group per priority, including empty ones.",
        "ORGANIZATION": "One group per organization that has tickets, with the id as its key, and "
        "one with the key `none`.",
    },
)
