"""The GraphQL enums, registered when this package is imported."""

from schema.enums import errors, events, notifications, people, sla, tickets

__all__ = ["errors", "events", "notifications", "people", "sla", "tickets"]
