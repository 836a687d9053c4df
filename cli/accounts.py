"""The commands `ticketwire user …` and `ticketwire secrets …`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from typer import Option

from cli.support import fail, load_settings, migrate_database, read_password, with_database

users = typer.Typer(help="Users.", no_args_is_help=True)
secrets = typer.Typer(help="Encrypted secrets.", no_args_is_help=True)


@users.command("create")
def user_create(
    email: Annotated[str, Option(help="The email address, with which the user signs in.")],
    name: Annotated[str, Option(help="The display name.")],
    role: Annotated[str, Option(help="customer, agent or admin.")] = "customer",
    organization: Annotated[str | None, Option(help="A customer's organization by name.")] = None,
    team: Annotated[list[str] | None, Option(help="A team's slug. Can be repeated.")] = None,
    password: Annotated[str | None, Option(help="Default: read from standard input.")] = None,
) -> None:
    """Create a user, and the organization if it does not exist. Prints the id."""
    from models import provisioning

    chosen = password if password is not None else read_password()
    settings = load_settings()

    async def create() -> str:
        await migrate_database()
        return await provisioning.create_user(
            *(email, name, role, chosen, datetime.now(UTC)),
            organization=organization,
            teams=team or [],
            limits=settings.record_limits,
        )

    typer.echo(with_database(settings, create))


@users.command("export")
def user_export(
    person: Annotated[str, typer.Argument(help="The email address or the id.")],
) -> None:
    """Write all that is stored about a person to standard output as JSON lines."""
    from models.audit.entry import Origin
    from models.audit.storage import write_action
    from models.erasure.person_data import export_person, find_person
    from models.provisioning import InvalidArgument

    async def export() -> None:
        await migrate_database()
        user = await find_person(person)
        if user is None:
            raise InvalidArgument(f"there is no user {person!r}")
        await write_action(Origin("exportPerson"), datetime.now(UTC), record=user)
        await export_person(user, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()

    with_database(load_settings(), export)


@users.command("list")
def user_list(
    role: Annotated[str | None, Option(help="customer, agent or admin. Default: all.")] = None,
    inactive: Annotated[bool, Option("--inactive", help="Also list deactivated users.")] = False,
) -> None:
    """List users by email address: id, email address, role, state and name, separated by tabs."""
    from models import provisioning

    async def list_users() -> list[str]:
        await migrate_database()
        return await provisioning.list_users(role, inactive=inactive)

    for line in with_database(load_settings(), list_users):
        typer.echo(line)


@users.command("deactivate")
def user_deactivate(
    email: Annotated[str, Option(help="The email address of the user.")],
    reassign_to: Annotated[
        str | None,
        Option(help="Who gets the user's open tickets. Default: they stay in their teams."),
    ] = None,
) -> None:
    """Deactivate a user and revoke all their tokens. The jobs hand over the open tickets."""
    from models import provisioning

    async def deactivate() -> None:
        await migrate_database()
        await provisioning.deactivate_user(email, reassign_to, datetime.now(UTC))

    with_database(load_settings(), deactivate)
    typer.echo(f"deactivated {email}")


@users.command("set-password")
def user_set_password(
    email: Annotated[str, Option(help="The email address of the user.")],
    password: Annotated[str | None, Option(help="Default: read from standard input.")] = None,
) -> None:
    """Set the password of a user, and end the user's sessions."""
    from models import provisioning

    chosen = password if password is not None else read_password()

    async def change() -> None:
        await migrate_database()
        await provisioning.set_password(email, chosen, datetime.now(UTC))

    with_database(load_settings(), change)
    typer.echo(f"changed the password of {email}")


@secrets.command("reencrypt")
def secrets_reencrypt() -> None:
    """Encrypt all stored secrets with the first of TICKETWIRE_ENCRYPTION_KEYS.

    Afterwards the other keys can be removed. The exit code is 1 if no key decrypts a secret.
    """
    from models import stored_secrets
    from models.core.errors import InvalidInput
    from models.core.secrets import SecretStore, parse_keys
    from models.stored_secrets import Reencryption

    settings = load_settings()
    store = SecretStore(parse_keys(settings.encryption_keys), settings.key_file)

    async def reencrypt() -> Reencryption:
        await migrate_database()
        return await stored_secrets.reencrypt(store, datetime.now(UTC))

    try:
        result = with_database(settings, reencrypt)
    except InvalidInput as error:
        fail(error.message)
    typer.echo(f"encrypted {result.changed} of {result.total} secrets again")
    if result.undecryptable:
        fail(f"no key decrypts {result.undecryptable} secrets; they were not changed")
