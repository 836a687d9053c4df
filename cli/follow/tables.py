"""The tables of a mirror: their columns, and what of the API's records is in them.

All targets have the same tables. `as_of` is a cursor of the log: the row includes every change up
to it. A row never replaces one with a greater cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cli.follow import documents

SCHEMA_VERSION = 1
"""The version of the tables. A target with another version is refused."""
AS_OF = "as_of"
Node = Mapping[str, Any]  # JSON of the server: its shape is that of the documents
Row = dict[str, Any]
Kind = Literal["text", "cursor", "integer", "boolean", "time", "json"]
REPLACEMENT = "\ufffd"
"""Stands for NUL, which Postgres can't store."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    read: Callable[[Node], Any]
    index: Literal["", "index", "unique"] = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and how its rows are read.

    type       the type of its records in the API; "" for events and messages
    selection  the fields of the type
    columns    the columns, of which the first is the primary key
    """

    name: str
    type: str
    selection: str
    columns: Sequence[Column]

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def build_row(self, node: Node, as_of: str) -> Row:
        """The row of a record that was read with everything up to the cursor `as_of`."""
        node = {**node, AS_OF: as_of}
        return {column.name: clean(column.read(node)) for column in self.columns}


def clean(value: Any) -> Any:
    """The value without NUL characters, also inside of lists and objects."""
    if isinstance(value, str):
        return value.replace("\0", REPLACEMENT)
    if isinstance(value, Mapping):
        return {clean(key): clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [clean(each) for each in value]
    return value


def at(*path: str) -> Callable[[Node], Any]:
    """Reads a field, or a field of a nested record, which may be null."""

    def read(node: Node) -> Any:
        value: Any = node
        for name in path:
            value = None if value is None else value[name]
        return value

    return read


def ids(field: str, *, ordered: bool = False) -> Callable[[Node], list[str]]:
    """The ids of a list of records. Without an order of their own, they are sorted."""

    def read(node: Node) -> list[str]:
        found = [each["id"] for each in node[field]]
        return found if ordered else sorted(found)

    return read


def sorted_values(field: str) -> Callable[[Node], list[Any]]:
    return lambda node: sorted(node[field])


def read_links(node: Node) -> list[dict[str, str]]:
    links = [{"kind": each["kind"], "ticketId": each["ticket"]["id"]} for each in node["links"]]
    return sorted(links, key=lambda link: (link["ticketId"], link["kind"]))


def read_custom_fields(node: Node) -> dict[str, Any]:
    """The values by the keys of their fields; options by their keys."""
    return {each["field"]["key"]: read_custom_value(each) for each in node["customFields"]}


def read_custom_value(value: Node) -> Any:
    keys = sorted(option["key"] for option in value["options"])
    if value["type"] == "MULTI_SELECT":
        return keys
    if value["type"] == "SELECT":
        return keys[0] if keys else None
    return value[value["type"].lower()]


def read_actor_kind(field: str) -> Callable[[Node], str | None]:
    kinds = {"User": "USER", "ApiClient": "API_CLIENT", "System": "SYSTEM"}

    def read(node: Node) -> str | None:
        actor = node[field]
        return None if actor is None else kinds.get(actor["__typename"])

    return read


def read_actor_id(field: str) -> Callable[[Node], str | None]:
    return lambda node: None if node[field] is None else node[field].get("id")


def text(name: str, *path: str, index: Literal["", "index", "unique"] = "") -> Column:
    return Column(name, "text", at(*(path or (name,))), index)


def required(name: str, *path: str, index: Literal["", "index", "unique"] = "") -> Column:
    return Column(name, "text", at(*(path or (name,))), index, required=True)


def time(name: str, *path: str, index: Literal["", "index", "unique"] = "") -> Column:
    return Column(name, "time", at(*path), index)


def boolean(name: str, *path: str) -> Column:
    return Column(name, "boolean", at(*(path or (name,))))


ID = required("id")
AS_OF_COLUMN = Column(AS_OF, "cursor", at(AS_OF), required=True)

TEAMS = Table(
    "teams",
    "Team",
    documents.TEAM,
    [
        ID,
        required("slug", index="index"),
        required("name"),
        boolean("active"),
        boolean("assigns_by_load", "assignsByLoad"),
        AS_OF_COLUMN,
    ],
)
CATEGORIES = Table(
    "categories",
    "Category",
    documents.CATEGORY,
    [
        ID,
        required("slug", index="index"),
        required("name"),
        boolean("active"),
        required("team", "team", "slug"),
        text("parent_id", "parent", "id"),
        AS_OF_COLUMN,
    ],
)
ORGANIZATIONS = Table(
    "organizations",
    "Organization",
    documents.ORGANIZATION,
    [
        ID,
        required("name"),
        boolean("active"),
        boolean("shared"),
        Column("domains", "json", sorted_values("domains")),
        text("external_id", "externalId", index="index"),
        boolean("matches_domains", "matchesDomains"),
        AS_OF_COLUMN,
    ],
)
PEOPLE = Table(
    "people",
    "User",
    documents.PERSON,
    [
        ID,
        required("display_name", "displayName"),
        required("role"),
        boolean("active"),
        text("email", index="index"),
        text("organization_id", "organization", "id", index="index"),
        text("external_id", "externalId", index="index"),
        text("locale"),
        text("time_zone", "timeZone"),
        Column("teams", "json", lambda node: sorted(each["slug"] for each in node["teams"])),
        time("created_at", "createdAt"),
        AS_OF_COLUMN,
    ],
)
TICKETS = Table(
    "tickets",
    "Ticket",
    documents.TICKET,
    [
        ID,
        Column("number", "integer", at("number"), "unique", required=True),
        required("ref"),
        text("external_id", "externalId", index="index"),
        required("subject"),
        required("description"),
        required("status", index="index"),
        required("priority"),
        required("category", "category", "slug"),
        required("team", "team", "slug", index="index"),
        required("requester_id", "requester", "id", index="index"),
        text("organization_id", "organization", "id", index="index"),
        text("assignee_id", "assignee", "id", index="index"),
        Column("watcher_ids", "json", ids("watchers")),
        Column("participant_ids", "json", ids("participants")),
        Column("tags", "json", sorted_values("tags")),
        Column("resources", "json", at("resources")),
        Column("custom_fields", "json", read_custom_fields),
        Column("links", "json", read_links),
        Column("attachments", "json", at("attachments")),
        Column("escalation_level", "integer", at("escalationLevel")),
        time("held_until", "heldUntil"),
        text("resolution"),
        text("close_reason", "closeReason"),
        text("merged_into_id", "mergedInto", "id", index="index"),
        Column("satisfaction_score", "integer", at("satisfaction", "score")),
        text("satisfaction_comment", "satisfaction", "comment"),
        time("satisfaction_at", "satisfaction", "ratedAt"),
        Column("last_reply_by_kind", "text", read_actor_kind("lastReplyBy")),
        Column("last_reply_by_id", "text", read_actor_id("lastReplyBy")),
        time("last_reply_at", "lastReplyAt"),
        time("created_at", "createdAt", index="index"),
        time("updated_at", "updatedAt", index="index"),
        time("first_responded_at", "firstRespondedAt"),
        time("resolved_at", "resolvedAt"),
        time("closed_at", "closedAt"),
        time("texts_erased_at", "textsErasedAt"),
        Column("version", "integer", at("version"), required=True),
        AS_OF_COLUMN,
    ],
)
MESSAGES = Table(
    "messages",
    "",
    "",
    [
        ID,
        required("ticket_id", "ticket", "id", index="index"),
        Column("kind", "text", lambda node: node["__typename"].upper(), required=True),
        Column("author_kind", "text", read_actor_kind("author")),
        Column("author_id", "text", read_actor_id("author"), "index"),
        required("body"),
        Column("attachments", "json", at("attachments")),
        time("created_at", "createdAt", index="index"),
        AS_OF_COLUMN,
    ],
)

COMMON_FIELDS = frozenset(
    {"__typename", "id", "type", "cursor", "occurredAt", "ticket", "actor", "recordId", AS_OF}
)


def read_event_ticket(node: Node) -> str | None:
    return str(node["ticket"]["id"]) if "ticket" in node else None


def read_event_message(node: Node) -> str | None:
    for name in ("reply", "note", "message"):
        if node.get(name) is not None:
            return str(node[name]["id"])
    return None


def read_event_data(node: Node) -> dict[str, Any]:
    """The fields that only this type of event has. Records are named by their id or slug.

    An event of the directory has none. Its changes can be names of people, and the log does not say
    when an erasure removes them there. The record itself has the values.
    """
    data: dict[str, Any] = {}
    for name, value in node.items():
        if name in COMMON_FIELDS or name in ("reply", "note", "message"):
            continue
        data[name] = next(iter(value.values())) if isinstance(value, Mapping) else value
    return data


def read_record_type(node: Node) -> str | None:
    """The type of the record that an event of the directory is about."""
    if "recordId" not in node:
        return None
    return str(node["__typename"]).removesuffix("DirectoryEvent")


EVENTS = Table(
    "events",
    "",
    "",
    [
        ID,
        Column("cursor", "cursor", at("cursor"), "unique", required=True),
        required("type", index="index"),
        Column("ticket_id", "text", read_event_ticket, "index"),
        Column("message_id", "text", read_event_message, "index"),
        Column("record_type", "text", read_record_type),
        Column("record_id", "text", lambda node: node.get("recordId"), "index"),
        Column("actor_kind", "text", read_actor_kind("actor")),
        Column("actor_id", "text", read_actor_id("actor")),
        time("occurred_at", "occurredAt", index="index"),
        Column("data", "json", read_event_data),
        AS_OF_COLUMN,
    ],
)
TABLES = (TEAMS, CATEGORIES, ORGANIZATIONS, PEOPLE, TICKETS, MESSAGES, EVENTS)
RECORD_TABLES = {table.type: table for table in TABLES if table.type}
"""The tables of records that have a query of their own, by type."""
TABLES_BY_NAME = {table.name: table for table in TABLES}
