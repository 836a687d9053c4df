"""The command line. Errors go to standard error in one line, with exit code 1; wrong usage exits with 2."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from settings import Settings, SettingsError, load

T = TypeVar("T")

app = typer.Typer(
    name="ticketwire",
    help="Ticketwire: support tickets over GraphQL, live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
users = typer.Typer(help="People.", no_args_is_help=True)
tokens = typer.Typer(help="Bearer tokens.", no_args_is_help=True)
schemas = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
settings_commands = typer.Typer(help="The settings.", no_args_is_help=True)
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")
promises = typer.Typer(help="What is promised to customers.", no_args_is_help=True)
app.add_typer(schemas, name="schema")
app.add_typer(settings_commands, name="settings")
app.add_typer(promises, name="sla")


def fail(message: str) -> NoReturn:
    typer.echo(f"ticketwire: {message}", err=True)
    raise typer.Exit(1)


def settings_or_fail(**given: object) -> Settings:
    try:
        return load(**given)
    except SettingsError as error:
        fail(str(error))


def with_database(settings: Settings, work: Callable[[], Awaitable[T]]) -> T:
    """Run some work on the open database; what the database says becomes one line."""
    import sqlite3

    import asyncpg
    from tortoise.exceptions import BaseORMException

    from models import database

    async def run() -> T:
        try:
            await database.connect(settings.database_url, settings.database_pool_size)
            return await work()
        finally:
            await database.disconnect()

    try:
        prepare_folder(settings)
        return asyncio.run(run())
    except (OSError, BaseORMException, asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error) as error:
        fail(f"the database can't be used: {str(error).splitlines()[0] if str(error) else type(error).__name__}")


def prepare_folder(settings: Settings) -> None:
    """An SQLite file's folder is made at its first use."""
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        if path.is_dir():
            fail(f"the database can't be used: {path} is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)


async def migrated() -> list[str]:
    from models import migrate

    return await migrate.migrate()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; else HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; else PORT, else 8000.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; more than one needs Postgres.")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Fill an empty database with a small demo.")] = False,
) -> None:
    """Migrate the database and serve GraphQL over HTTP, WebSocket and server-sent events."""
    settings = settings_or_fail(host=host, port=port)
    if demo:
        if settings.is_production:
            fail("--demo has no place in production mode: demo accounts have a known password")
        settings = settings_or_fail(host=host, port=port, mode="demo")
    if workers > 1 and settings.database_url.startswith("sqlite"):
        fail("several workers need Postgres: set TICKETWIRE_DATABASE_URL")
    from server import bind_socket, run_server

    try:
        at = bind_socket(settings)
    except OSError as error:
        fail(f"can't serve on {settings.host}:{settings.port}: {error.strerror}")
    with_database(settings, lambda: prepare(settings))
    if not run_server(settings, workers, at):
        fail(f"could not serve on {settings.host}:{settings.port}")


async def prepare(settings: Settings) -> None:
    from demo.seed import has_demo_accounts, seed_demo

    await migrated()
    if settings.is_demo:
        await seed_demo(datetime.now(UTC))
    elif await has_demo_accounts():
        fail("this database holds demo accounts, whose password everybody knows: serve it with --demo, or use another one")
    show_address(settings)


def show_address(settings: Settings) -> None:
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.echo(f"Ticketwire on http://{shown}:{settings.port}  (GraphQL at /graphql, event streams at /graphql/stream)")
    if settings.is_demo:
        typer.echo("Sign in as customer@example.com, agent@example.com or admin@example.com, password: demo")


@app.command()
def work() -> None:
    """Do what follows the log and the clock, in a process of its own: promises, escalation, notices, mail. Any number may run."""
    from background import work_alone
    from engine.telemetry.logging import configure_logging
    from models import database

    settings = settings_or_fail()
    configure_logging(settings.log_level)

    async def forever() -> None:
        await migrated()  # which may take as long as it takes
        await database.disconnect()
        await database.connect(settings.database_url, settings.database_pool_size, database.STATEMENT_SECONDS)
        working = asyncio.ensure_future(work_alone(settings))
        # told to stop, it hands its duties on; kill -9 leaves them to the leases' end
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await working

    with contextlib.suppress(KeyboardInterrupt):
        with_database(settings, forever)


@app.command()
def migrate() -> None:
    """Bring the database to today's tables."""
    applied = with_database(settings_or_fail(), migrated)
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")


@app.command()
def seed(
    tickets: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many tickets to add.")] = 1000,
) -> None:
    """Add realistic tickets, with people, conversations and histories."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("tickets", total=tickets)

        def advance(done: int) -> None:
            bar.advance(task, done)

        async def fill() -> int:
            from demo.seed import seed_tickets

            await migrated()
            return await seed_tickets(tickets, datetime.now(UTC), advance)

        added = with_database(settings_or_fail(), fill)
    typer.echo(f"added {added} tickets")


@promises.command("verify")
def sla_verify() -> None:
    """Work all clocks out anew from the log, and compare them with the stored ones; exit code 1 where one differs."""
    from models.changes import sla_audit

    async def verify() -> tuple[int, list[str]]:
        await migrated()
        return await sla_audit.verify_all_tickets()

    tickets, differences = with_database(settings_or_fail(), verify)
    for line in differences:
        typer.echo(line)
    if differences:
        fail(f"{len(differences)} differences in {tickets} tickets")
    typer.echo(f"the clocks of {tickets} tickets are what the log says")


@users.command("create")
def user_create(
    email: Annotated[str, typer.Option(help="The e-mail address, by which the person signs in.")],
    name: Annotated[str, typer.Option(help="The name to show.")],
    role: Annotated[str, typer.Option(help="customer, agent or admin.")] = "customer",
    organization: Annotated[str | None, typer.Option(help="A customer's account by name; made where there is none.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="A team by slug; may be given more than once.")] = None,
    password: Annotated[
        str | None, typer.Option(help="The password; read from standard input where left out.", show_default=False)
    ] = None,
) -> None:
    """Create a person; prints the id."""
    from models import provisioning

    given = password if password is not None else read_password()

    async def create() -> str:
        await migrated()
        return await provisioning.create(email, name, role, given, organization=organization, teams=team or [])

    try:
        typer.echo(with_database(settings_or_fail(), create))
    except provisioning.Unusable as error:
        fail(str(error))


def read_password() -> str:
    """Asked for twice at a terminal; a line of standard input elsewhere."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@tokens.command("create")
def token_create(
    email: Annotated[str | None, typer.Option(help="The person whom the token stands for.")] = None,
    client: Annotated[str | None, typer.Option(help="Or the API client by name; made where there is none.")] = None,
    scopes: Annotated[
        str | None, typer.Option(help="Scopes, joined by commas; all that the owner may hold where left out.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="When it ends: an instant, or days such as 90d.")] = None,
    name: Annotated[str, typer.Option(help="What to call it.")] = "command line",
) -> None:
    """Create a token; prints its text alone."""
    from models import provisioning

    if (email is None) == (client is None):
        fail("give either --email or --client")

    async def create() -> str:
        await migrated()
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()] if scopes is not None else None
        return await provisioning.issue_token(email, client, wanted, expires, name, datetime.now(UTC))

    try:
        typer.echo(with_database(settings_or_fail(), create))
    except provisioning.Unusable as error:
        fail(str(error))


@schemas.command("print")
def schema_print() -> None:
    """Print the GraphQL schema."""
    from schema.root import build

    typer.echo(build().as_str())


@settings_commands.command("print")
def settings_print() -> None:
    """Print the table of all settings as Markdown."""
    from settings_reference import build_reference

    typer.echo(build_reference())


def main() -> None:
    """The `ticketwire` command."""
    app(prog_name="ticketwire")


if __name__ == "__main__":
    main()
