"""The commands `ticketwire token …` and `ticketwire client …`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from typer import Option

from cli.support import fail, load_settings, migrate_database, with_database

tokens = typer.Typer(help="Bearer tokens.", no_args_is_help=True)
clients = typer.Typer(help="API clients.", no_args_is_help=True)


@tokens.command("create")
def token_create(
    scopes: Annotated[str, Option(help="Comma-separated scopes, such as tickets:read.")],
    email: Annotated[str | None, Option(help="The email address of the owner.")] = None,
    client: Annotated[str | None, Option(help="The API client that owns the token.")] = None,
    expires: Annotated[str | None, Option(help="A date and time, or days such as 90d.")] = None,
    name: Annotated[str, Option(help="The name of the token.")] = "command line",
) -> None:
    """Create a token, and the API client if it does not exist. Prints only the token."""
    from models import token_provisioning

    if (email is None) == (client is None):
        fail("give either --email or --client")

    settings = load_settings()

    async def create() -> str:
        await migrate_database()
        return await token_provisioning.create_token(
            *(email, client, split_names(scopes), expires, name, datetime.now(UTC)),
            limits=settings.record_limits,
        )

    typer.echo(with_database(settings, create))


@tokens.command("list")
def token_list(
    email: Annotated[str | None, Option(help="Only tokens of the user with this address.")] = None,
    client: Annotated[str | None, Option(help="Only tokens of this API client.")] = None,
) -> None:
    """List the live API tokens: id, first characters, expiry, scopes, owner and name."""
    from models import token_provisioning

    if email is not None and client is not None:
        fail("give at most one of --email and --client")

    async def read() -> list[str]:
        await migrate_database()
        return await token_provisioning.list_tokens(email, client, datetime.now(UTC))

    for line in with_database(load_settings(), read):
        typer.echo(line)


@tokens.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="The id of the token, from `token list`.")],
) -> None:
    """Revoke an API token. Its open connections end within seconds."""
    from models import token_provisioning

    async def revoke() -> None:
        await migrate_database()
        await token_provisioning.revoke_token(token_id, datetime.now(UTC))

    with_database(load_settings(), revoke)


@clients.command("create")
def client_create(name: Annotated[str, Option(help="The name, which is unique.")]) -> None:
    """Create an API client. Prints its id."""
    from models import token_provisioning

    settings = load_settings()

    async def create() -> str:
        await migrate_database()
        now = datetime.now(UTC)
        return await token_provisioning.create_client(name, now, settings.record_limits)

    typer.echo(with_database(settings, create))


@clients.command("list")
def client_list() -> None:
    """List the API clients: id, whether it is active, and name."""
    from models import token_provisioning

    async def read() -> list[str]:
        await migrate_database()
        return await token_provisioning.list_clients()

    for line in with_database(load_settings(), read):
        typer.echo(line)


def split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
