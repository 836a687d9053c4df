"""Indexes that Tortoise can't declare: over expressions, and over a part of the rows.

Open tickets stay few while closed tickets accumulate. A statement uses an index only if it has the
same expression or condition, character by character, apart from the table alias.
`tests/service/models/queries/test_indexes.py` checks that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from models.tickets.lifecycle import OPEN_STATUSES, Status

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from models.database import Dialect

CLOSED_STATUSES = [status.value for status in Status if status not in OPEN_STATUSES]
OPEN_TICKETS_SQL = f"status NOT IN ({', '.join(repr(status) for status in CLOSED_STATUSES)})"
"""It says NOT IN, so that no index by status fits: SQLite would prefer that index, and sort."""
ASSIGNABLE_TICKETS_SQL = f"assignee_id IS NULL AND NOT kept_unassigned AND {OPEN_TICKETS_SQL}"
"""The tickets that assignment by load can assign."""
BREACH_TIME_ASC_SQL = "COALESCE(sla_breaches_at, '9999-12-31 00:00:00+00:00')"
BREACH_TIME_DESC_SQL = "COALESCE(sla_breaches_at, '0001-01-02 00:00:00+00:00')"
"""Tickets without a breach time sort last in both directions, as in models.core.paging."""
LAST_REPLY_ASC_SQL = "COALESCE(last_reply_at, '9999-12-31 00:00:00+00:00')"
LAST_REPLY_DESC_SQL = "COALESCE(last_reply_at, '0001-01-02 00:00:00+00:00')"
"""The same for tickets without a reply."""


def build_is_touched_sql(alias: str = "") -> str:
    """0 for tickets that are both NEW and unassigned, otherwise 1. `alias` ends with a dot."""
    is_untouched = f"{alias}status = 'new' AND {alias}assignee_id IS NULL"
    return f"(CASE WHEN {is_untouched} THEN 0 ELSE 1 END)"


def build_unerased_sql(alias: str = "") -> str:
    """Closed tickets with texts that no retention policy has erased. `alias` ends with a dot.

    It says NOT IN for the same reason as OPEN_TICKETS_SQL.
    """
    others = ", ".join(repr(each.value) for each in Status if each is not Status.CLOSED)
    is_changed = f"{alias}version > {alias}texts_erased_version"
    is_unerased = f"({alias}texts_erased_version IS NULL OR {is_changed})"
    return f"{alias}status NOT IN ({others}) AND {is_unerased}"


INDEXES: Mapping[str, str] = {
    "tickets_earliest_breach": f"({BREACH_TIME_ASC_SQL}, id)",
    "tickets_latest_breach": f"({BREACH_TIME_DESC_SQL}, id)",
    "tickets_open_updated": f"(updated_at, id) WHERE {OPEN_TICKETS_SQL}",
    "tickets_open_created": f"(created_at, id) WHERE {OPEN_TICKETS_SQL}",
    "tickets_open_priority": f"(priority DESC, created_at, id) WHERE {OPEN_TICKETS_SQL}",
    "tickets_waiting": (f"(team_id, {BREACH_TIME_ASC_SQL}, number) WHERE {ASSIGNABLE_TICKETS_SQL}"),
    "tickets_queue": (
        f"(team_id, {build_is_touched_sql()}, {BREACH_TIME_ASC_SQL}, number, id) "
        f"WHERE {OPEN_TICKETS_SQL}"
    ),
}

LAST_REPLY_INDEXES: Mapping[str, str] = {
    "tickets_oldest_reply": f"({LAST_REPLY_ASC_SQL}, id)",
    "tickets_newest_reply": f"({LAST_REPLY_DESC_SQL}, id)",
}
"""Apart from INDEXES, because a migration created those before the column existed."""


RETENTION_INDEXES: Mapping[str, str] = {
    "tickets_unerased": f"(closed_at, id) WHERE {build_unerased_sql()}",
}
"""Apart from INDEXES, for the same reason."""

SHARING_INDEXES: Mapping[str, str] = {
    "tickets_shared": "(organization_id) WHERE shared_with_organization",
}
"""Apart from INDEXES, for the same reason."""

ORDER_INDEXES: Mapping[str, str] = {
    "tickets_priority_oldest": "(priority DESC, created_at, id)",
    "tickets_untouched": f"({build_is_touched_sql()}, {BREACH_TIME_ASC_SQL}, id)",
}
"""Apart from INDEXES, for the same reason. They are for lists of all tickets, because those of open
tickets alone don't help there."""

EMAIL_PREFIX_SQL = 'email COLLATE "C"'
"""On Postgres, only this collation finds the addresses that begin with a text by an index."""

MESSAGE_EVENTS_COLUMNS: Mapping[Dialect, str] = {
    "postgres": "(ticket_id, position) INCLUDE (message_id, internal)",
    "sqlite": "(ticket_id, position, message_id, internal)",
}
"""Everything that a page of a ticket's messages needs from the log. Three of four events have no
message, and each of the others would be read from the table."""


async def install(client: BaseDBAsyncClient, indexes: Mapping[str, str] = INDEXES) -> None:
    for name, definition in indexes.items():
        await client.execute_query(f"CREATE INDEX {name} ON tickets {definition}")


async def remove(client: BaseDBAsyncClient, indexes: Mapping[str, str] = INDEXES) -> None:
    for name in indexes:
        await client.execute_query(f"DROP INDEX {name}")


async def install_email_prefix(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """An index for the start of an email address. On SQLite, the unique index suffices."""
    if dialect == "postgres":
        await client.execute_query(f"CREATE INDEX users_email_prefix ON users ({EMAIL_PREFIX_SQL})")


async def remove_email_prefix(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    if dialect == "postgres":
        await client.execute_query("DROP INDEX users_email_prefix")


async def install_message_events(client: BaseDBAsyncClient, dialect: Dialect) -> None:
    """An index of the events that have a message, for `list_messages` of timelines."""
    columns = MESSAGE_EVENTS_COLUMNS[dialect]
    await client.execute_query(
        f"CREATE INDEX events_messages ON events {columns} WHERE message_id IS NOT NULL"
    )


async def remove_message_events(client: BaseDBAsyncClient) -> None:
    await client.execute_query("DROP INDEX events_messages")
