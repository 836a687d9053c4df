"""The GraphQL enums, registered when this package is imported."""

from schema.enums import (
    audit,
    custom_fields,
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
    webhooks,
)

__all__ = [
    "audit",
    "custom_fields",
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
    "webhooks",
]
