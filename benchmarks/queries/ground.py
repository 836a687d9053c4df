"""The database that all contenders serve: tickets by the demo's seed, a caller's token, and a table for the peers' events."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from benchmarks.databases import empty
from benchmarks.fanout import machine
from benchmarks.fanout.ours import is_postgres
from demo.seed import seed_tickets
from models import database, migrate
from models.access.scopes import AGENT_SCOPES
from models.people.token import TokenKind, issue_token
from models.people.user import Role, User
from models.tickets.ticket import Ticket

NUMBERS = 500

PEER_EVENTS = {
    "postgres": (
        "CREATE TABLE peer_events (LIKE events INCLUDING ALL)",
        "CREATE SEQUENCE peer_positions OWNED BY peer_events.position",
        "ALTER TABLE peer_events ALTER position SET DEFAULT nextval('peer_positions'), ALTER data SET DEFAULT '{}', "
        "ADD FOREIGN KEY (ticket_id) REFERENCES tickets (id), ADD FOREIGN KEY (actor_user_id) REFERENCES users (id)",
    ),
    "sqlite": (
        "CREATE TABLE peer_events (position INTEGER PRIMARY KEY AUTOINCREMENT, type VARCHAR(24) NOT NULL, "
        "ticket_id CHAR(36) NOT NULL REFERENCES tickets (id), actor_user_id CHAR(36) REFERENCES users (id), "
        "occurred_at TIMESTAMP NOT NULL, version INT NOT NULL, internal INT NOT NULL, data JSON NOT NULL)",
        "CREATE INDEX peer_events_ticket ON peer_events (ticket_id, position)",
    ),
}
"""As our log's table, but the peers number their events by a plain sequence."""

RAISE_TICKET = """
CREATE FUNCTION raise_ticket(subject text, description text, category text) RETURNS tickets LANGUAGE plpgsql VOLATILE AS $$
DECLARE made tickets; BEGIN
  INSERT INTO tickets (id, number, external_scope, subject, description, status, priority, category_id, team_id, requester_id,
    escalation_level, status_since, created_at, updated_at, version)
  SELECT gen_random_uuid(), nextval('ticket_numbers'), '', raise_ticket.subject, raise_ticket.description, 'new', 2, c.id,
    c.team_id, '{requester}', 0, now(), now(), now(), 1 FROM categories c WHERE c.slug = raise_ticket.category
    RETURNING * INTO made;
  INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, data) VALUES ('ticket_created',
    made.id, made.requester_id, now(), 1, false,
    jsonb_build_object('changes', jsonb_build_object('subject', jsonb_build_array(null, made.subject))));
  RETURN made;
END $$
"""
"""How a user of PostGraphile writes two rows at once."""


@dataclass(frozen=True)
class Ground:
    url: str
    token: str
    requester: str
    numbers: list[int]


@contextlib.asynccontextmanager
async def ground(server: str, tickets: int) -> AsyncGenerator[Ground]:
    """A database with tickets; gone at the end."""
    async with empty(server) as url:
        await database.connect(url)
        try:
            await migrate.migrate()
            await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
            # A ticket's messages are its own alone, or the peers would need to know about merging.
            await database.fetch_dicts("UPDATE tickets SET merged_into_id = NULL WHERE merged_into_id IS NOT NULL RETURNING id")
            agent = await User.create(email="bench@example.com", display_name="Bench", role=Role.AGENT)
            scopes = [scope.value for scope in AGENT_SCOPES]
            _, token = await issue_token(TokenKind.API, "bench", scopes, user_id=agent.id, at=datetime.now(UTC))
            numbers = [int(str(each)) for each in await Ticket.all().limit(NUMBERS).values_list("number", flat=True)]
            dialect = database.dialect()
            for statement in PEER_EVENTS[dialect]:
                await database.connection().execute_script(statement)
            if dialect == "postgres":
                await database.connection().execute_script(RAISE_TICKET.replace("{requester}", str(agent.id)))
                await database.connection().execute_script("VACUUM ANALYZE")  # as its autovacuum would; SQLite is never analysed
        finally:
            await database.disconnect()
        yield Ground(url, token, str(agent.id), numbers)


async def pinned(url: str, cores: set[int]) -> None:
    """Keep the database's processes off the server's cores."""
    if url.startswith("sqlite"):
        return
    connection = await asyncpg.connect(url)
    try:
        for row in await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"):
            if is_postgres(row["pid"]):
                machine.pin(row["pid"], cores)
    finally:
        await connection.close()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
