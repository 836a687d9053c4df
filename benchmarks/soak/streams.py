"""What a client keeps of each subscription: its cursor, and what is needed to check it at the end.

A stream outlives its connection. After a reconnect it resumes from its cursor, and must have missed
and repeated nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Mapping
from datetime import datetime
from typing import Any

MAX_ERRORS = 5


class Stream(ABC):
    """One subscription of one viewer."""

    query: str

    def __init__(self) -> None:
        self.received = 0
        self.errors: list[str] = []

    @property
    @abstractmethod
    def label(self) -> str: ...

    @abstractmethod
    def build_variables(self) -> Mapping[str, Any]:
        """The variables of the next subscribe message, with the cursor to resume after."""

    @abstractmethod
    def take(self, value: Any) -> datetime | None:
        """Take the value of the root field; return the time of the event in it, if any."""

    def receive(self, data: Mapping[str, Any]) -> datetime | None:
        self.received += 1
        (value,) = data.values()
        return self.take(value)

    def report(self, error: str) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(f"{self.label}: {error}")


class EventStream(Stream):
    """ticketEvents or ticketStatusChanged. Keeps the position of each event."""

    def __init__(self, field: str, name: str, filter: Mapping[str, Any], start: str) -> None:
        super().__init__()
        self.field, self.name, self.filter = field, name, filter
        self.start = start
        """The cursor after which the stream begins."""
        self.cursor = start
        self.positions = array("q")
        self.query = (
            f"subscription Follow($filter: TicketFilter, $after: String) {{ {field}(filter: "
            "$filter, after: $after) { id type cursor occurredAt "
            "ticket { id ref subject status priority } actor { __typename displayName } } }"
        )

    @property
    def label(self) -> str:
        return f"{self.field} of {self.name}"

    def build_variables(self) -> Mapping[str, Any]:
        return {"filter": self.filter, "after": self.cursor}

    def take(self, value: Any) -> datetime | None:
        cursor = value["cursor"]
        if cursor <= self.cursor:
            self.report(f"the event {cursor} came after {self.cursor}")
        self.cursor = cursor
        self.positions.append(int(cursor, 16))
        return read_time(value)


class ListStream(Stream):
    """ticketChanges: a live list. Keeps the status of each ticket in it."""

    query = (
        "subscription List($filter: TicketFilter, $after: String) { ticketChanges(filter: $filter, "
        "after: $after) { kind cursor ticketId ticket { id ref subject status } "
        "event { occurredAt actor { __typename } } } }"
    )

    def __init__(self, name: str, filter: Mapping[str, Any]) -> None:
        super().__init__()
        self.name, self.filter = name, filter
        self.statuses: dict[str, str] = {}
        self.cursor: str | None = None
        self.complete_cursor: str | None = None
        """All changes up to here have arrived. Changes with one cursor may be cut in two."""

    @property
    def label(self) -> str:
        return f"ticketChanges of {self.name}"

    def build_variables(self) -> Mapping[str, Any]:
        self.cursor = self.complete_cursor
        if self.complete_cursor is None:
            self.statuses.clear()
        return {"filter": self.filter, "after": self.complete_cursor}

    def take(self, value: Any) -> datetime | None:
        kind, cursor = value["kind"], value["cursor"]
        if kind == "GAP":
            self.statuses.clear()
            self.cursor = self.complete_cursor = None
            return None
        if self.cursor is not None and cursor < self.cursor:
            self.report(f"{kind} at {cursor} came after {self.cursor}")
        if kind == "SNAPSHOT":
            self.statuses[value["ticketId"]] = value["ticket"]["status"]
            return None
        if kind in ("SNAPSHOT_END", "HEARTBEAT"):
            self.cursor = self.complete_cursor = cursor
            return None
        if self.cursor is not None and cursor > self.cursor:
            self.complete_cursor = self.cursor
        self.cursor = cursor
        return self.apply_change(value)

    def apply_change(self, value: Any) -> datetime | None:
        if value["kind"] == "REMOVED":
            self.statuses.pop(value["ticketId"], None)
        elif value["ticket"] is not None:
            self.statuses[value["ticketId"]] = value["ticket"]["status"]
        return read_time(value["event"]) if value["event"] is not None else None


def read_time(event: Mapping[str, Any]) -> datetime | None:
    """The time of an event. None for the system's: its time is when a clock was due, not when the
    event was written."""
    if event["actor"]["__typename"] == "System":
        return None
    return datetime.fromisoformat(event["occurredAt"])


class StatsStream(Stream):
    """ticketStats. Keeps the newest statistics."""

    fields = "total open unassigned groups { key count }"
    query = (
        "subscription Stats($filter: TicketFilter) { ticketStats(filter: $filter, "
        f"groupBy: STATUS) {{ cursor {fields} }} }}"
    )

    def __init__(self, name: str, filter: Mapping[str, Any]) -> None:
        super().__init__()
        self.name, self.filter = name, filter
        self.newest: dict[str, Any] = {}
        self.cursor = ""

    @property
    def label(self) -> str:
        return f"ticketStats of {self.name}"

    def build_variables(self) -> Mapping[str, Any]:
        self.cursor = ""
        return {"filter": self.filter}

    def take(self, value: Any) -> datetime | None:
        cursor = value.pop("cursor")
        if cursor < self.cursor:
            self.report(f"statistics at {cursor} came after {self.cursor}")
        self.cursor, self.newest = cursor, value
        return None


class PresenceStream(Stream):
    """ticketPresence. Checks that people come in the order in which they arrived."""

    query = (
        "subscription Presence($ticketId: ID!) { ticketPresence(ticketId: $ticketId) "
        "{ people { user { id } state since } } }"
    )

    def __init__(self, ticket_id: str) -> None:
        super().__init__()
        self.ticket_id = ticket_id

    @property
    def label(self) -> str:
        return f"ticketPresence of {self.ticket_id}"

    def build_variables(self) -> Mapping[str, Any]:
        return {"ticketId": self.ticket_id}

    def take(self, value: Any) -> datetime | None:
        since = [datetime.fromisoformat(each["since"]) for each in value["people"]]
        if since != sorted(since):
            self.report("people are not in the order of `since`")
        return None


class NotificationStream(Stream):
    """notifications. Keeps the id of each notification."""

    query = (
        "subscription Inbox($after: String) { notifications(after: $after) "
        "{ id cursor reason event { id } } }"
    )

    def __init__(self, start: str) -> None:
        super().__init__()
        self.start = self.cursor = start
        self.ids: list[str] = []

    @property
    def label(self) -> str:
        return "notifications"

    def build_variables(self) -> Mapping[str, Any]:
        return {"after": self.cursor}

    def take(self, value: Any) -> datetime | None:
        self.cursor = value["cursor"]
        self.ids.append(value["id"])
        return None
