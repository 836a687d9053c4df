"""Creates many tickets within minutes: seeds 1,000 tickets and copies them by set-based statements.

- A tenth of the tickets are active copies: of all seeded tickets, each a minute older than the one
  before.
- The rest are old copies: of the closed tickets, spread over five years, with three events and one
  message each.
- Copies have their own customers and organizations. One copy in a hundred belongs to the seeded
  customers, so that their number of tickets grows too.
- All references are valid, and the log has no gaps and is in the order of time. The JSON data of
  copied events still has the original ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from demo.seed import seed_tickets
from models import database

SEEDED_TICKETS = 1000
ACTIVE_SHARE = 0.1
YEARS = 5
SQLITE_SETTINGS = (
    "PRAGMA foreign_keys = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -1000000",
)
POSTGRES_SETTINGS = (
    *("SET session_replication_role = replica", "SET synchronous_commit = off"),
    *("SET work_mem = '512MB'", "SET maintenance_work_mem = '1GB'", "ANALYZE"),
)
EMPTY_COLUMNS = ("external_id",)
"""Unique columns that a copy leaves empty."""
HELPER_TABLES = ("copies", "customers", "ticket_events", "ticket_copies", "event_copies")


async def create_dataset(tickets: int, log: Callable[[str], None]) -> None:
    """Fill a migrated, empty database with approximately this number of tickets."""
    await seed_tickets(SEEDED_TICKETS, datetime.now(UTC), lambda _: None)
    dialect = Dialect()
    await dialect.begin()
    closed = await count_closed_tickets()
    active_copies = round(tickets * ACTIVE_SHARE / SEEDED_TICKETS) - 1
    old_copies = round((tickets - tickets * ACTIVE_SHARE) / closed)
    index_statements = await dialect.drop_indexes()
    for statement in helper_table_statements(dialect, active_copies, old_copies):
        await run(statement)
    for table, (source, changes) in copy_sources(dialect).items():
        log(f"  {table}")
        await run(await dialect.copy_statement(table, source, changes))
    await run("UPDATE log_head SET position = (SELECT MAX(position) FROM events)")
    for table in HELPER_TABLES:
        await run(f"DROP TABLE {table}")
    log("  indexes")
    for statement in index_statements:
        await run(statement)
    await dialect.end()


async def run(statement: str) -> None:
    await database.connection().execute_script(statement)


async def count_closed_tickets() -> int:
    rows = await database.fetch_dicts(
        "SELECT COUNT(*) AS count FROM tickets WHERE status = 'closed' AND merged_into_id IS NULL"
    )
    return cast("int", rows[0]["count"])


def helper_table_statements(dialect: Dialect, active: int, old: int) -> Sequence[str]:
    """Create the helper tables.

    - copies: one row for each copy `k`. `people` is the copy of the customers to whom it belongs,
      or 0 for the seeded customers. `seconds` is how far it is shifted into the past.
    - customers: the seeded customers
    - ticket_events: the events of tickets; `in_old_copies` marks those that old copies have
    - ticket_copies: the id and number of each copied ticket
    - event_copies: the position of each copied event
    """
    series, shift = dialect.series(active + old), YEARS * 365 * 86_400 // max(1, old)
    copied_id = dialect.copied_id("t.id", "c.k")
    occurred_at = dialect.shift_into_past("e.occurred_at")
    return (
        f"CREATE TABLE copies AS SELECT k, CASE WHEN k > {active} THEN 1 ELSE 0 END AS old, "
        "CASE WHEN k % 100 = 0 THEN 0 ELSE k END AS people, "
        f"CASE WHEN k > {active} THEN (k - {active}) * {shift} ELSE k * 61 END AS seconds "
        f"FROM {series}",
        "CREATE TABLE customers AS SELECT id FROM users WHERE role = 'customer'",
        "CREATE TABLE ticket_events AS SELECT e.position AS position, e.ticket_id AS ticket_id, "
        "e.message_id AS message_id, CASE WHEN t.status = 'closed' AND t.merged_into_id IS NULL "
        "THEN 1 ELSE 0 END AS closed, "
        "CASE WHEN e.position IN (SELECT MIN(position) FROM events GROUP BY ticket_id UNION "
        "SELECT MIN(position) FROM events WHERE type = 'reply_added' GROUP BY ticket_id UNION "
        "SELECT MAX(position) FROM events WHERE type = 'status_changed' GROUP BY ticket_id) "
        "THEN 1 ELSE 0 END AS in_old_copies FROM events e JOIN tickets t ON t.id = e.ticket_id",
        f"CREATE TABLE ticket_copies AS SELECT t.id AS source, c.k AS k, {copied_id} AS id, "
        "(SELECT MAX(number) FROM tickets) + "
        f"ROW_NUMBER() OVER (ORDER BY {dialect.shift_into_past('t.created_at')}) AS number "
        "FROM tickets t CROSS JOIN copies c "
        "WHERE c.old = 0 OR (t.status = 'closed' AND t.merged_into_id IS NULL)",
        "CREATE TABLE event_copies AS SELECT e.position AS source, c.k AS k, "
        "(SELECT MAX(position) FROM events) + "
        f"ROW_NUMBER() OVER (ORDER BY {occurred_at}, e.position) AS position "
        "FROM ticket_events o JOIN events e ON e.position = o.position "
        "CROSS JOIN copies c WHERE c.old = 0 OR (o.closed = 1 AND o.in_old_copies = 1)",
    )


def copy_sources(dialect: Dialect) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """For each table: the FROM clause of its copies, and expressions for the changed columns.

    A table comes after those that it references.
    """
    ticket_id = dialect.copied_id("x.ticket_id", "c.k")
    new_id = dialect.copied_id("x.id", "c.k")

    def person(column: str) -> str:
        is_copied = f"{column} IN (SELECT id FROM customers) AND c.people > 0"
        copied = dialect.copied_id(column, "c.people")
        return f"CASE WHEN {is_copied} THEN {copied} ELSE {column} END"

    per_ticket = "{0} x JOIN ticket_copies n ON n.source = x.ticket_id JOIN copies c ON c.k = n.k"
    copied_organization = dialect.copied_id("x.organization_id", "c.people")
    organization = f"CASE WHEN c.people > 0 THEN {copied_organization} ELSE x.organization_id END"
    with_event = (
        "JOIN ticket_events o ON o.message_id = x.id WHERE c.old = 0 OR o.in_old_copies = 1"
    )
    return {
        "organizations": ("organizations x CROSS JOIN copies c WHERE c.people > 0", {"id": new_id}),
        "users": (
            "users x CROSS JOIN copies c WHERE c.people > 0 AND x.role = 'customer'",
            {
                "id": new_id,
                "organization_id": dialect.copied_id("x.organization_id", "c.k"),
                "email": "c.k || '.' || x.email",
            },
        ),
        "tickets": (
            "tickets x JOIN ticket_copies n ON n.source = x.id JOIN copies c ON c.k = n.k",
            {
                "id": "n.id",
                "number": "n.number",
                "merged_into_id": "NULL",
                "requester_id": person("x.requester_id"),
                "organization_id": organization,
            },
        ),
        "ticket_tags": (per_ticket.format("ticket_tags"), {"id": new_id, "ticket_id": ticket_id}),
        "ticket_resources": (
            per_ticket.format("ticket_resources"),
            {"id": new_id, "ticket_id": ticket_id, "external_id": "c.k || '-' || x.external_id"},
        ),
        "ticket_watchers": (
            per_ticket.format("ticket_watchers"),
            {"id": new_id, "ticket_id": ticket_id, "user_id": person("x.user_id")},
        ),
        "sla_clocks": (per_ticket.format("sla_clocks"), {"id": new_id, "ticket_id": ticket_id}),
        "messages": (
            f"{per_ticket.format('messages')} {with_event}",
            {"id": new_id, "ticket_id": ticket_id, "author_user_id": person("x.author_user_id")},
        ),
        "events": (
            "event_copies p JOIN events x ON x.position = p.source JOIN copies c ON c.k = p.k "
            "ORDER BY p.position",
            {
                "position": "p.position",
                "ticket_id": ticket_id,
                "actor_user_id": person("x.actor_user_id"),
                "message_id": dialect.copied_id("x.message_id", "c.k"),
            },
        ),
    }


class Dialect:
    """SQL that differs between SQLite and Postgres."""

    def __init__(self) -> None:
        self.is_sqlite = database.dialect() == "sqlite"

    def copied_id(self, key: str, copy: str) -> str:
        """The id of a copy, derived from the original id; null for null.

        It is a UUID of version 8, so it differs from all seeded ids.
        """
        if self.is_sqlite:
            parts = f"substr({key}, 1, 14) || '8' || substr({key}, 16, 9)"
            return f"({parts} || printf('%05x', {copy}) || substr({key}, -7))"
        parts = f"left({key}::text, 14) || '8' || substr({key}::text, 16, 9)"
        return f"CAST({parts} || lpad(to_hex({copy}), 5, '0') || right({key}::text, 7) AS uuid)"

    def shift_into_past(self, column: str) -> str:
        """An instant that is earlier by the seconds of copy `c`."""
        if self.is_sqlite:
            modifier = "'-' || c.seconds || ' seconds'"
            return f"strftime('%Y-%m-%d %H:%M:%f', {column}, {modifier}) || '000+00:00'"
        return f"{column} - c.seconds * interval '1 second'"

    def series(self, count: int) -> str:
        if self.is_sqlite:
            numbers = f"SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {count}"
            return f"(WITH RECURSIVE n(k) AS ({numbers}) SELECT k FROM n) s"
        return f"generate_series(1, {count}) k"

    async def copy_statement(self, table: str, source: str, changes: Mapping[str, str]) -> str:
        """The statement that copies a table's rows and shifts their instants into the past."""
        types = await self.column_types(table)
        values = [changes.get(name) or self.copied_value(name, types[name]) for name in types]
        columns = ", ".join(types)
        return f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM {source}"

    def copied_value(self, name: str, type: str) -> str:
        if name in EMPTY_COLUMNS:
            return "NULL"
        return self.shift_into_past(f"x.{name}") if type.startswith("timestamp") else f"x.{name}"

    async def column_types(self, table: str) -> Mapping[str, str]:
        if self.is_sqlite:
            rows = await database.fetch_dicts(
                f"SELECT name, lower(type) AS type FROM pragma_table_info('{table}')"
            )
        else:
            rows = await database.fetch_dicts(
                "SELECT column_name AS name, data_type AS type FROM information_schema.columns "
                f"WHERE table_schema = 'public' AND table_name = '{table}' "
                "AND is_generated = 'NEVER'"
            )
        return {str(row["name"]): str(row["type"]) for row in rows}

    async def begin(self) -> None:
        """Trade safety for speed: all references are valid, and the data may be lost in a crash."""
        for statement in SQLITE_SETTINGS if self.is_sqlite else POSTGRES_SETTINGS:
            await run(statement)

    async def drop_indexes(self) -> list[str]:
        """Drop the indexes that are not constraints; return the statements that recreate them."""
        if self.is_sqlite:
            rows = await database.fetch_dicts(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            )
        else:
            rows = await database.fetch_dicts(
                "SELECT indexname AS name, indexdef AS sql FROM pg_indexes "
                "WHERE schemaname = 'public' "
                "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
            )
        for row in rows:
            await run(f'DROP INDEX "{row["name"]}"')
        return [str(row["sql"]) for row in rows]

    async def end(self) -> None:
        """Leave the database as it would be after normal use.

        Postgres then has vacuumed and analysed the tables by itself; SQLite does neither.
        """
        if self.is_sqlite:
            await run("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            await run("SELECT setval('ticket_numbers', (SELECT MAX(number) FROM tickets))")
            await run("SET session_replication_role = origin")
            await run("VACUUM ANALYZE")
