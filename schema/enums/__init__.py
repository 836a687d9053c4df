"""The GraphQL enums, registered when this package is imported."""

from schema.enums import (
    audit,
    errors,
    events,
    jobs,
    macros,
    notifications,
    people,
    sla,
    tickets,
    views,
)

__all__ = [
    "audit",
    "errors",
    "events",
    "jobs",
    "macros",
    "notifications",
    "people",
    "sla",
    "tickets",
    "views",
]
