"""The database that all contenders serve: seeded tickets, an agent's token, a table for the events
of the peers, and the same rows in natural tables."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.accounts import create_token, create_user
from benchmarks.databases import temporary_database
from benchmarks.queries.natural_tables import create_natural_tables, find_natural_user
from demo.seed import seed_tickets
from models import database, migrate
from models.people.user import Role, User
from models.tickets.ticket import Ticket

MAX_TICKET_NUMBERS = 5000

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
    natural_url: str
    natural_requester_id: str
    ticket_numbers: list[int]


@contextlib.asynccontextmanager
async def create_dataset(server: str, tickets: int) -> AsyncGenerator[Dataset]:
    """Create a database with tickets; drop it afterwards."""
    async with temporary_database(server) as url:
        await database.connect(url)
        try:
            await migrate.migrate()
            await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
            await shorten_instants()
            # The peers know nothing of merged tickets, whose messages would be shown as one list.
            await database.connection().execute_script("UPDATE tickets SET merged_into_id = NULL")
            agent = await create_user("Bench", Role.AGENT)
            token = await create_token(agent)
            numbers = await read_ticket_numbers()
            is_sqlite = database.dialect() == "sqlite"
            natural_file = url.removeprefix("sqlite:///") + ".natural" if is_sqlite else None
            await create_natural_tables(natural_file)
            natural_requester = await find_natural_user(str(agent.id))
            await create_peer_tables(agent)
        finally:
            await database.disconnect()
        natural_url = f"sqlite:///{natural_file}" if natural_file else url
        yield Dataset(url, token, str(agent.id), natural_url, natural_requester, numbers)


async def shorten_instants() -> None:
    """Cut the tickets' last change to milliseconds, which is all that JavaScript's dates hold: with
    microseconds, pages of the peers would repeat and skip tickets."""
    cut = {
        "postgres": "date_trunc('milliseconds', updated_at)",
        "sqlite": "substr(updated_at, 1, 23) || '000' || substr(updated_at, 27)",
    }[database.dialect()]
    where = "length(updated_at) = 32" if database.dialect() == "sqlite" else "true"
    statement = f"UPDATE tickets SET updated_at = {cut} WHERE {where}"
    await database.connection().execute_script(statement)


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
