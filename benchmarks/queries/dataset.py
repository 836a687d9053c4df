"""The database that all contenders serve: seeded tickets, an agent's token, and a table for the
events of the peers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from benchmarks.databases import temporary_database
from benchmarks.fanout import machine
from benchmarks.fanout.ours import is_postgres
from demo.seed import seed_tickets
from models import database, migrate
from models.access.scopes import AGENT_SCOPES
from models.people.token import TokenKind, issue_token
from models.people.user import Role, User
from models.tickets.ticket import Ticket

MAX_TICKET_NUMBERS = 500

PEER_EVENTS = {
    "postgres": (
        "CREATE TABLE peer_events (LIKE events INCLUDING ALL)",
        "CREATE SEQUENCE peer_positions OWNED BY peer_events.position",
        "ALTER TABLE peer_events ALTER position SET DEFAULT nextval('peer_positions'), "
        "ALTER data SET DEFAULT '{}', "
        "ADD FOREIGN KEY (ticket_id) REFERENCES tickets (id), "
        "ADD FOREIGN KEY (actor_user_id) REFERENCES users (id)",
    ),
    "sqlite": (
        "CREATE TABLE peer_events (position INTEGER PRIMARY KEY AUTOINCREMENT, "
        "type VARCHAR(24) NOT NULL, ticket_id CHAR(36) NOT NULL REFERENCES tickets (id), "
        "actor_user_id CHAR(36) REFERENCES users (id), occurred_at TIMESTAMP NOT NULL, "
        "version INT NOT NULL, internal INT NOT NULL, data JSON NOT NULL)",
        "CREATE INDEX peer_events_ticket ON peer_events (ticket_id, position)",
    ),
}
"""Like the log's table, but a sequence assigns the positions."""

RAISE_TICKET = """
CREATE FUNCTION raise_ticket(subject text, description text, category text)
RETURNS tickets LANGUAGE plpgsql VOLATILE AS $$
DECLARE ticket tickets; BEGIN
  INSERT INTO tickets (id, number, external_scope, subject, description, status, priority,
    category_id, team_id, requester_id, escalation_level, status_since, created_at, updated_at,
    version)
  SELECT gen_random_uuid(), nextval('ticket_numbers'), '', raise_ticket.subject,
    raise_ticket.description, 'new', 2, c.id, c.team_id, '{requester}', 0, now(), now(), now(), 1
    FROM categories c WHERE c.slug = raise_ticket.category
    RETURNING * INTO ticket;
  INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, data)
    VALUES ('ticket_created', ticket.id, ticket.requester_id, now(), 1, false, jsonb_build_object(
      'changes', jsonb_build_object('subject', jsonb_build_array(null, ticket.subject))));
  RETURN ticket;
END $$
"""
"""PostGraphile's custom mutation: a function that writes both rows."""


@dataclass(frozen=True)
class Dataset:
    url: str
    token: str
    requester_id: str
    ticket_numbers: list[int]


@contextlib.asynccontextmanager
async def create_dataset(server: str, tickets: int) -> AsyncGenerator[Dataset]:
    """Create a database with tickets; drop it afterwards."""
    async with temporary_database(server) as url:
        await database.connect(url)
        try:
            await migrate.migrate()
            await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
            # The peers know nothing of merged tickets, whose messages would be shown as one list.
            await database.connection().execute_script("UPDATE tickets SET merged_into_id = NULL")
            agent = await User.create(
                email="bench@example.com", display_name="Bench", role=Role.AGENT
            )
            token = await create_token(agent)
            numbers = await read_ticket_numbers()
            await create_peer_tables(agent)
        finally:
            await database.disconnect()
        yield Dataset(url, token, str(agent.id), numbers)


async def create_token(agent: User) -> str:
    scopes = [scope.value for scope in AGENT_SCOPES]
    at = datetime.now(UTC)
    _, token = await issue_token(TokenKind.API, "bench", scopes, user_id=agent.id, at=at)
    return token


async def read_ticket_numbers() -> list[int]:
    tickets = Ticket.all().limit(MAX_TICKET_NUMBERS)
    return [int(str(number)) for number in await tickets.values_list("number", flat=True)]


async def create_peer_tables(agent: User) -> None:
    dialect = database.dialect()
    statements = [*PEER_EVENTS[dialect]]
    if dialect == "postgres":
        statements.append(RAISE_TICKET.replace("{requester}", str(agent.id)))
        statements.append("VACUUM ANALYZE")  # as autovacuum would; SQLite does not analyse
    for statement in statements:
        await database.connection().execute_script(statement)


async def pin_database(url: str, cores: set[int]) -> None:
    """Pin the processes of a Postgres database to the cores."""
    if url.startswith("sqlite"):
        return
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        )
        for row in rows:
            if is_postgres(row["pid"]):
                machine.pin(row["pid"], cores)
    finally:
        await connection.close()


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
