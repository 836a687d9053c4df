"""The GraphQL enums, registered when this package is imported."""

from schema.enums import (
    audit,
    drafts,
    errors,
    events,
    jobs,
    macros,
    notifications,
    people,
    reports,
    sla,
    tickets,
    views,
)

__all__ = [
    "audit",
    "drafts",
    "errors",
    "events",
    "jobs",
    "macros",
    "notifications",
    "people",
    "reports",
    "sla",
    "tickets",
    "views",
]
