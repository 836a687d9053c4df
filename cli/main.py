"""The command line. An error is one line on standard error, with exit code 1; wrong usage has 2."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from datetime import UTC, datetime
from typing import Annotated

import typer
from typer import Option

from cli.accounts import secrets, users
from cli.audit import audit, config
from cli.export import export_tickets
from cli.follow.command import follow
from cli.support import fail, load_settings, migrate_database, with_database
from cli.tokens import clients, tokens
from settings.application import Settings

app = typer.Typer(
    name="ticketwire",
    help="Ticketwire: support tickets over GraphQL, live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
schemas = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
settings_commands = typer.Typer(help="The settings.", no_args_is_help=True)
sla = typer.Typer(help="SLA clocks.", no_args_is_help=True)
app.add_typer(users, name="user")
app.add_typer(secrets, name="secrets")
app.add_typer(tokens, name="token")
app.add_typer(clients, name="client")
app.add_typer(schemas, name="schema")
app.add_typer(settings_commands, name="settings")
app.add_typer(sla, name="sla")
app.add_typer(audit, name="audit")
app.add_typer(config, name="config")
app.command("export")(export_tickets)
app.command("follow")(follow)


@app.command()
def serve(
    host: Annotated[str | None, Option(help="Default: HOST, or 127.0.0.1.")] = None,
    port: Annotated[int | None, Option(help="Default: PORT, or 8000.")] = None,
    workers: Annotated[int, Option(min=1, max=64, help="Processes; over 1 needs Postgres.")] = 1,
    demo: Annotated[
        bool, Option("--demo", help="Run in demo mode. Adds sample data if there is none.")
    ] = False,
) -> None:
    """Migrate the database and serve GraphQL over HTTP, WebSocket and server-sent events."""
    settings = load_settings(host=host, port=port)
    if demo:
        if settings.is_production:
            fail("--demo is not allowed in production mode: demo accounts have a known password")
        settings = load_settings(host=host, port=port, mode="demo")
    if workers > 1 and settings.database_url.startswith("sqlite"):
        fail("several workers need Postgres: set TICKETWIRE_DATABASE_URL")
    from server import bind_socket, run_server

    try:
        server_socket = bind_socket(settings)
    except OSError as error:
        fail(f"can't serve on {settings.host}:{settings.port}: {error.strerror}")
    with_database(settings, lambda: prepare_database(settings))
    if not run_server(settings, workers, server_socket):
        fail(f"could not serve on {settings.host}:{settings.port}")


async def prepare_database(settings: Settings) -> None:
    """Migrate the database, add sample data in demo mode, and print the server's address."""
    from demo.seed import has_demo_accounts, seed_demo
    from services.files import build_file_store

    await migrate_database()
    if settings.is_demo:
        await seed_demo(datetime.now(UTC), build_file_store(settings))
    elif await has_demo_accounts():
        fail("this database has demo accounts with a known password: use --demo or another one")
    show_address(settings)


def show_address(settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    paths = "(GraphQL at /graphql, event streams at /graphql/stream)"
    typer.echo(f"Ticketwire on http://{host}:{settings.port}  {paths}")
    if settings.is_demo:
        accounts = "customer@example.com, agent@example.com or admin@example.com"
        typer.echo(f"Sign in as {accounts}, password: demo")


@app.command("run-jobs")
def run_jobs() -> None:
    """Run the background jobs: SLA clocks, escalation, notifications, email, webhooks."""
    from background import run_jobs_alone
    from engine.telemetry.logging import configure_logging
    from models import database
    from models.database.config import STATEMENT_TIMEOUT_SECONDS
    from services.components import build_components

    settings = load_settings()
    configure_logging(settings.log_level)

    async def run_until_terminated() -> None:
        await migrate_database()  # without the time limit for statements that is set below
        await database.disconnect()
        await database.connect(
            settings.database_url, settings.database_pool_size, STATEMENT_TIMEOUT_SECONDS
        )
        parts = build_components(settings, None)
        jobs = asyncio.ensure_future(
            run_jobs_alone(settings, parts.services, parts.tickets, parts.webhook_payloads)
        )
        # A cancelled job releases its lease. After kill -9, others wait until the lease ends.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, jobs.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await jobs

    with contextlib.suppress(KeyboardInterrupt):
        with_database(settings, run_until_terminated)


@app.command()
def migrate() -> None:
    """Migrate the database."""
    applied = with_database(load_settings(), migrate_database)
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


@app.command()
def seed(
    tickets: Annotated[int, Option(min=1, max=10_000_000, help="How many to add.")] = 1000,
) -> None:
    """Add sample tickets with users, conversations and histories."""
    from rich import progress

    columns = (*progress.Progress.get_default_columns(), progress.MofNCompleteColumn())
    with progress.Progress(*columns) as bar:
        task = bar.add_task("tickets", total=tickets)

        def show_progress(done: int) -> None:
            bar.advance(task, done)

        async def add_tickets() -> int:
            from demo.seed import seed_tickets

            await migrate_database()
            return await seed_tickets(tickets, datetime.now(UTC), show_progress)

        added = with_database(load_settings(), add_tickets)
    typer.echo(f"added {added} tickets")


@sla.command("verify")
def sla_verify() -> None:
    """Compute all SLA clocks from the log alone. Exits with 1 if a stored clock differs."""
    from models.changes import sla_audit

    async def verify() -> tuple[int, list[str]]:
        await migrate_database()
        return await sla_audit.verify_all_tickets()

    tickets, differences = with_database(load_settings(), verify)
    for line in differences:
        typer.echo(line)
    if differences:
        fail(f"{len(differences)} differences in {tickets} tickets")
    typer.echo(f"the SLA clocks of {tickets} tickets match the log")


@schemas.command("print")
def schema_print() -> None:
    """Print the GraphQL schema."""
    from schema.root import build

    typer.echo(build().as_str())


@settings_commands.command("print")
def settings_print() -> None:
    """Print the table of all settings as Markdown."""
    from settings.reference import build_reference

    typer.echo(build_reference())


def main() -> None:
    """The `ticketwire` command."""
    app(prog_name="ticketwire")
