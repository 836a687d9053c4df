"""Creates and changes API clients. Each function is part of the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from models import database
from models.core import text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.people.user import ApiClient

LOCK_ID = 5_318_604_228
"""The Postgres advisory lock of changes of API clients; the same in all processes."""
NAME_TAKEN = "Another API client has this name."


async def create_client(changes: RecordChanges, name: str, at: datetime) -> ApiClient:
    """Raises InvalidInput if the name is taken, or if there are too many active API clients."""
    await lock_changes()
    display_name = await clean_name(name, None)
    await check_limit(changes.limits.max_api_clients)
    client = ApiClient(display_name=display_name, created_at=at)
    await changes.create(client)
    return client


async def rename_client(
    changes: RecordChanges, client_id: UUID | None, name: str | None, expected_version: int | None
) -> ApiClient:
    """Raises InvalidInput and StaleVersion. Without a name, nothing changes."""
    await lock_changes()
    client = await lock_client(client_id)
    check_version(client, expected_version)
    if name is not None:
        await changes.update(client, display_name=await clean_name(name, client))
    return client


async def set_active(
    changes: RecordChanges, client_id: UUID | None, *, active: bool, expected_version: int | None
) -> ApiClient:
    """Raises InvalidInput and StaleVersion."""
    await lock_changes()
    client = await lock_client(client_id)
    check_version(client, expected_version)
    if active and not client.active:
        await check_limit(changes.limits.max_api_clients)
    await changes.update(client, active=active)
    return client


async def lock_changes() -> None:
    """Wait for other changes of API clients, so that a free name stays free until the commit.

    SQLite needs no lock: its transactions begin with BEGIN IMMEDIATE.
    """
    if database.dialect() == "postgres":
        await database.fetch("SELECT pg_advisory_xact_lock(?)", [LOCK_ID])


async def lock_client(client_id: UUID | None) -> ApiClient:
    """Raises InvalidInput NOT_FOUND for `clientId`."""
    clients = ApiClient.select_for_update(no_key=True)
    client = await clients.get_or_none(id=client_id) if client_id else None
    if client is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such API client.", "clientId")
    return client


async def clean_name(name: str, client: ApiClient | None) -> str:
    """The name of this client, or of a new one. Raises InvalidInput."""
    display_name = text.clean_line(name, "displayName", max_chars=text.MAX_NAME_CHARS)
    owner = await ApiClient.get_or_none(display_name=display_name)
    if owner is not None and owner != client:
        raise InvalidInput(UserErrorCode.TAKEN, NAME_TAKEN, "displayName")
    return display_name


async def check_limit(max_clients: int) -> None:
    """Raises InvalidInput if there can't be another active API client."""
    if await ApiClient.filter(active=True).count() >= max_clients:
        message = f"At most {max_clients} API clients can be active; deactivate one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="api_clients")
