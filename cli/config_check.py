"""Checks the settings and the services that they name, for `ticketwire config check`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource
from pydantic_settings import SettingsError as PydanticSettingsError

from settings.application import Settings, describe_error, describe_source_error, variable_of
from settings.follow import FollowSettings

CONNECT_SECONDS = 10.0
MASK = "***"
PREFIX = variable_of("")
SECRET_NAME = re.compile("secret|password|token|_key")
URL_PASSWORD = re.compile(r"(?<=://)([^:/?#]*):.*@")
QUERY_SECRET = re.compile(r"(?i)([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*")


def read_settings() -> tuple[Settings | None, list[str]]:
    """The settings, and one line for each error.

    An invalid setting has its default. If the others can't be read either, there are no settings.
    """
    errors: list[str] = []
    defaults: dict[str, object] = {}
    while True:
        try:
            return Settings(**defaults), errors  # pyright: ignore[reportArgumentType]
        except PydanticSettingsError as error:
            return None, [*errors, describe_source_error(error)]
        except ValidationError as error:
            for each in error.errors():
                if not each["loc"]:  # an error of several settings together
                    return None, [*errors, describe_error(each)]
                name = str(each["loc"][0]).lower()
                if name in defaults:  # the default contradicts another setting
                    return None, errors
                errors.append(describe_error(each))
                field = Settings.model_fields[name]
                defaults[name] = field.get_default(call_default_factory=True)


def find_unknown_variables() -> list[str]:
    """A line for each variable that looks like a setting but is none, such as a misspelt one.

    The service ignores them, so that an earlier version can start with the variables of a later
    one.
    """
    variables = {name.upper(): variable_of(name) for name in Settings.model_fields}
    # Those of `ticketwire follow` are checked by that command alone.
    variables |= {
        f"FOLLOW_{name.upper()}": variable_of(f"follow_{name}")
        for name in FollowSettings.model_fields
    }
    lines: list[str] = []
    for source in (EnvSettingsSource(Settings), DotEnvSettingsSource(Settings)):
        for variable in sorted(each.upper() for each in source.env_vars):
            if variable.startswith(PREFIX) and variable not in variables.values():
                similar = get_close_matches(variable.removeprefix(PREFIX), variables, 1)
                hint = f" Did you mean {variables[similar[0]]}?" if similar else ""
                lines.append(f"{variable}: there is no such setting.{hint}")
    return list(dict.fromkeys(lines))


def format_settings(settings: Settings) -> list[str]:
    """A line for each setting: `VARIABLE=value`, with secrets masked."""
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        value = mask_secrets(name, field, getattr(settings, name))
        lines.append(f"{variable_of(name)}={value}")
    return lines


def mask_secrets(name: str, field: FieldInfo, value: object) -> str:
    """The value as text. Passwords in URLs are masked, and other secrets wholly."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        is_secret = not field.repr and bool(value)
        return MASK if is_secret else str(value)
    if "://" in value:
        return QUERY_SECRET.sub(rf"\1{MASK}", URL_PASSWORD.sub(rf"\1:{MASK}@", value))
    is_secret = not field.repr or SECRET_NAME.search(name) is not None
    return MASK if is_secret and value else value


async def check_connections(settings: Settings) -> list[str]:
    """Connect to the database, and to Redis if there is one. Returns a line for each error."""
    errors: list[str] = []
    checks: dict[str, Callable[[Settings], Awaitable[None]]] = {
        variable_of("database_url"): check_database,
        variable_of("bus_url"): check_bus,
    }
    for variable, check in checks.items():
        try:
            await asyncio.wait_for(check(settings), CONNECT_SECONDS)
        except Exception as error:
            lines = str(error).splitlines()
            errors.append(f"{variable}: can't connect: {lines[0] if lines else repr(error)}")
    return errors


async def check_database(settings: Settings) -> None:
    from models import database

    path = settings.database_url.removeprefix("sqlite:///")
    is_file = path != settings.database_url
    if is_file and not await asyncio.to_thread(Path(path).exists):
        return  # the server creates it, and this check must not
    try:
        await database.connect(settings.database_url, settings.database_pool_size)
        await database.ping()
    finally:
        await database.disconnect()


async def check_bus(settings: Settings) -> None:
    from engine.bus.redis_connection import RedisConnection

    if not settings.bus_url.startswith("memory:"):
        async with RedisConnection(settings.bus_url) as connection:
            await connection.request("PING")
