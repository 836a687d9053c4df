"""A server with sample tickets, an account that sees them all, and a ticket of this account."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from benchmarks.attacks.accounts import CREATE, create_account, mutate
from benchmarks.attacks.target import Target
from benchmarks.databases import temporary_database
from benchmarks.server import run_server
from demo.seed import seed_tickets
from models import database, migrate

HTTP_TIMEOUT_SECONDS = 60
UNLIMITED = {
    "TICKETWIRE_COST_BUCKET_SIZE": "0",
    "TICKETWIRE_MAX_SUBSCRIPTION_COST_PER_VIEWER": "1000000",
    "TICKETWIRE_MAX_SUBSCRIPTION_COST": "1000000",
    "TICKETWIRE_RUN_JOBS": "false",
}
"""Settings of a server on which a client may open many subscriptions, and only clients write."""


@dataclass(frozen=True)
class TicketServer:
    """A running server; `target` has the account's token and its ticket."""

    url: str
    """The URL of its database."""
    http: httpx2.AsyncClient
    target: Target
    process: subprocess.Popen[bytes]


@contextlib.asynccontextmanager
async def run_ticket_server(
    engine: str, tickets: int, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[TicketServer]:
    """Run a server over a new database of this engine with so many sample tickets.

    `settings` are environment variables in addition to UNLIMITED. Raises BenchmarkError if the
    server does not start.
    """
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(temporary_database(engine))
        token = await prepare_database(url, tickets)
        variables = {**UNLIMITED, **(settings or {})}
        server = await stack.enter_async_context(run_server(url, settings=variables))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}", timeout=HTTP_TIMEOUT_SECONDS
            )
        )
        new = {"subject": "benchmark", "description": "the", "category": "technical"}
        ticket_id = (await mutate(http, token, CREATE, new))["ticket"]["id"]
        yield TicketServer(url, http, Target(server.port, token, ticket_id), server.process)


async def prepare_database(url: str, tickets: int) -> str:
    """Migrate a database and add sample tickets; return the token of a new account."""
    await database.connect(url)
    try:
        await migrate.migrate()
        await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
        return await create_account("Caller")
    finally:
        await database.disconnect()
