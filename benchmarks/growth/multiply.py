"""Many tickets in minutes: a thousand of the demo's seed, copied by statements over sets, with people and accounts of their own.

A tenth of the tickets are copies of all, so that they stand as in a living service, moved by minutes; the rest are copies of the
closed ones, spread over five years before, with three entries and one message each. One copy in a hundred belongs to the
seed's customers, whose tickets so grow as well. All references hold, and the log is gapless and in the order of time; what the
data of copied entries says of ids is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from demo.seed import seed_tickets
from models import database

TEMPLATE = 1000
LIVING = 0.1
YEARS = 5
SQLITE = ("PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000")
POSTGRES = (
    *("SET session_replication_role = replica", "SET synchronous_commit = off"),
    *("SET work_mem = '512MB'", "SET maintenance_work_mem = '1GB'", "ANALYZE"),
)
UNIQUE = ("external_id",)
"""Columns that a copy leaves empty."""


async def multiply(tickets: int, say: Callable[[str], None]) -> None:
    """Fill a migrated, empty database with about so many tickets."""
    await seed_tickets(TEMPLATE, datetime.now(UTC), lambda _: None)
    dialect = Dialect()
    await dialect.begin()
    closed = cast("int", await value("SELECT COUNT(*) FROM tickets WHERE status = 'closed' AND merged_into_id IS NULL"))
    living = round(tickets * LIVING / TEMPLATE) - 1
    old = round((tickets - tickets * LIVING) / closed)
    indexes = await dialect.drop_indexes()
    for statement in prepared(dialect, living, old):
        await run(statement)
    for table, (source, changes) in copies(dialect).items():
        say(f"  {table}")
        await run(await dialect.copied(table, source, changes))
    await run("UPDATE log_head SET position = (SELECT MAX(position) FROM events)")
    for statement in ("copies", "own_people", "kept", "numbered", "placed"):
        await run(f"DROP TABLE {statement}")
    say("  indexes")
    for statement in indexes:
        await run(statement)
    await dialect.end()


async def run(statement: str) -> None:
    await database.connection().execute_script(statement)


async def value(statement: str) -> object:
    return next(iter((await database.fetch_dicts(statement))[0].values()))


def prepared(dialect: Dialect, living: int, old: int) -> Sequence[str]:
    """Which copies there are, and which rows go into them."""
    series, shift = dialect.series(living + old), YEARS * 365 * 86_400 // max(1, old)
    made, plus = dialect.new("t.id", "c.k"), dialect.moved("e.occurred_at")
    return (
        f"CREATE TABLE copies AS SELECT k, CASE WHEN k > {living} THEN 1 ELSE 0 END AS old, "
        f"CASE WHEN k % 100 = 0 THEN 0 ELSE k END AS people, "
        f"CASE WHEN k > {living} THEN (k - {living}) * {shift} ELSE k * 61 END AS seconds FROM {series}",
        "CREATE TABLE own_people AS SELECT id FROM users WHERE role = 'customer'",
        "CREATE TABLE kept AS SELECT e.position AS position, e.ticket_id AS ticket_id, e.message_id AS message_id, "
        "CASE WHEN t.status = 'closed' AND t.merged_into_id IS NULL THEN 1 ELSE 0 END AS closed, "
        "CASE WHEN e.position IN (SELECT MIN(position) FROM events GROUP BY ticket_id UNION "
        "SELECT MIN(position) FROM events WHERE type = 'reply_added' GROUP BY ticket_id UNION "
        "SELECT MAX(position) FROM events WHERE type = 'status_changed' GROUP BY ticket_id) THEN 1 ELSE 0 END AS short "
        "FROM events e JOIN tickets t ON t.id = e.ticket_id",
        f"CREATE TABLE numbered AS SELECT t.id AS source, c.k AS k, {made} AS id, (SELECT MAX(number) FROM tickets) + "
        f"ROW_NUMBER() OVER (ORDER BY {dialect.moved('t.created_at')}) AS number FROM tickets t CROSS JOIN copies c "
        "WHERE c.old = 0 OR (t.status = 'closed' AND t.merged_into_id IS NULL)",
        "CREATE TABLE placed AS SELECT e.position AS source, c.k AS k, (SELECT MAX(position) FROM events) + "
        f"ROW_NUMBER() OVER (ORDER BY {plus}, e.position) AS position FROM kept o JOIN events e ON e.position = o.position "
        "CROSS JOIN copies c WHERE c.old = 0 OR (o.closed = 1 AND o.short = 1)",
    )


def copies(dialect: Dialect) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """By table, each after those that it points to: where its copies come from, and the columns that are not as they were."""
    ticket, own = dialect.new("x.ticket_id", "c.k"), dialect.new("x.id", "c.k")

    def person(column: str) -> str:
        mapped = f"{column} IN (SELECT id FROM own_people) AND c.people > 0"
        return f"CASE WHEN {mapped} THEN {dialect.new(column, 'c.people')} ELSE {column} END"

    per_ticket = "{0} x JOIN numbered n ON n.source = x.ticket_id JOIN copies c ON c.k = n.k"
    account = "CASE WHEN c.people > 0 THEN " + dialect.new("x.organization_id", "c.people") + " ELSE x.organization_id END"
    said = "JOIN kept o ON o.message_id = x.id WHERE c.old = 0 OR o.short = 1"
    return {
        "organizations": ("organizations x CROSS JOIN copies c WHERE c.people > 0", {"id": own}),
        "users": (
            "users x CROSS JOIN copies c WHERE c.people > 0 AND x.role = 'customer'",
            {"id": own, "organization_id": dialect.new("x.organization_id", "c.k"), "email": "c.k || '.' || x.email"},
        ),
        "tickets": (
            "tickets x JOIN numbered n ON n.source = x.id JOIN copies c ON c.k = n.k",
            {
                "id": "n.id",
                "number": "n.number",
                "merged_into_id": "NULL",
                "requester_id": person("x.requester_id"),
                "organization_id": account,
            },
        ),
        "ticket_tags": (per_ticket.format("ticket_tags"), {"id": own, "ticket_id": ticket}),
        "ticket_resources": (
            per_ticket.format("ticket_resources"),
            {"id": own, "ticket_id": ticket, "external_id": "c.k || '-' || x.external_id"},
        ),
        "ticket_watchers": (
            per_ticket.format("ticket_watchers"),
            {"id": own, "ticket_id": ticket, "user_id": person("x.user_id")},
        ),
        "sla_clocks": (per_ticket.format("sla_clocks"), {"id": own, "ticket_id": ticket}),
        "messages": (
            f"{per_ticket.format('messages')} {said}",
            {"id": own, "ticket_id": ticket, "author_user_id": person("x.author_user_id")},
        ),
        "events": (
            "placed p JOIN events x ON x.position = p.source JOIN copies c ON c.k = p.k ORDER BY p.position",
            {
                "position": "p.position",
                "ticket_id": ticket,
                "actor_user_id": person("x.actor_user_id"),
                "message_id": dialect.new("x.message_id", "c.k"),
            },
        ),
    }


class Dialect:
    """What the two databases say differently."""

    def __init__(self) -> None:
        self.is_sqlite = database.dialect() == "sqlite"

    def new(self, key: str, copy: str) -> str:
        """The key of a copy out of the key it is made of, by its version no key of the seed's; null stays null."""
        if self.is_sqlite:
            parts = f"substr({key}, 1, 14) || '8' || substr({key}, 16, 9)"
            return f"({parts} || printf('%05x', {copy}) || substr({key}, -7))"
        parts = f"left({key}::text, 14) || '8' || substr({key}::text, 16, 9)"
        return f"CAST({parts} || lpad(to_hex({copy}), 5, '0') || right({key}::text, 7) AS uuid)"

    def moved(self, column: str) -> str:
        """An instant of copy `c`."""
        if self.is_sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-' || c.seconds || ' seconds') || '000+00:00'"
        return f"{column} - c.seconds * interval '1 second'"

    def series(self, count: int) -> str:
        if self.is_sqlite:
            return f"(WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {count}) SELECT k FROM n) s"
        return f"generate_series(1, {count}) k"

    async def copied(self, table: str, source: str, changes: Mapping[str, str]) -> str:
        """The statement that copies a table's rows, its instants moved."""
        columns = await self.columns(table)
        found = [changes.get(name) or self.as_it_was(name, kind) for name, kind in columns.items()]
        return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(found)} FROM {source}"

    def as_it_was(self, name: str, kind: str) -> str:
        if name in UNIQUE:
            return "NULL"
        return self.moved(f"x.{name}") if kind.startswith("timestamp") else f"x.{name}"

    async def columns(self, table: str) -> Mapping[str, str]:
        if self.is_sqlite:
            found = await database.fetch_dicts(f"SELECT name, lower(type) AS type FROM pragma_table_info('{table}')")
        else:
            found = await database.fetch_dicts(
                "SELECT column_name AS name, data_type AS type FROM information_schema.columns "
                f"WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER'"
            )
        return {str(row["name"]): str(row["type"]) for row in found}

    async def begin(self) -> None:
        """References are right by construction, and nothing here must survive a crash."""
        for statement in SQLITE if self.is_sqlite else POSTGRES:
            await run(statement)

    async def drop_indexes(self) -> list[str]:
        """Drop those that nothing here needs; returns the statements that make them again."""
        if self.is_sqlite:
            found = await database.fetch_dicts("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        else:
            found = await database.fetch_dicts(
                "SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE schemaname = 'public' "
                "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
            )
        for row in found:
            await run(f'DROP INDEX "{row["name"]}"')
        return [str(row["sql"]) for row in found]

    async def end(self) -> None:
        """As a database that has been in use: vacuumed where that is done by itself, never analysed where it is not."""
        if self.is_sqlite:
            await run("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            await run("SELECT setval('ticket_numbers', (SELECT MAX(number) FROM tickets))")
            await run("SET session_replication_role = origin")
            await run("VACUUM ANALYZE")
