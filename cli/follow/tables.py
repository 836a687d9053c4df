"""The tables of a mirror: their columns, and what of the API's records is in them.

All targets have the same tables. `as_of` is a cursor of the log: the row includes every change up
to it. A row never replaces one with a greater cursor.
"""

from __future__ import annotations

from cli.follow import documents
from cli.follow.columns import (
    AS_OF_COLUMN,
    ID,
    Column,
    Table,
    at,
    boolean,
    ids,
    read_actor_id,
    read_actor_kind,
    read_custom_fields,
    read_event_data,
    read_event_message,
    read_event_ticket,
    read_links,
    read_record_type,
    required,
    sorted_values,
    text,
    time,
)

SCHEMA_VERSION = 2
"""The version of the tables. A target with another version is refused."""

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
