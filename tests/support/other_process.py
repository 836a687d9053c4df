"""Changes that another process or an operator makes, over a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import asyncpg

from support.actors import World
from support.databases import IS_SQLITE

PAST = "'2020-01-01 00:00:00+00:00'"
ACCESS_ENDING_STATEMENTS = {
    "the token is revoked": f"UPDATE tokens SET revoked_at = {PAST} WHERE user_id = '{{ada}}'",
    "the token expired": f"UPDATE tokens SET expires_at = {PAST} WHERE user_id = '{{ada}}'",
    "the token is deleted": "DELETE FROM tokens WHERE user_id = '{ada}'",
    "the person is deactivated": "UPDATE users SET active = FALSE WHERE id = '{ada}'",
}


def write_to_file(path: str, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    with contextlib.closing(connection):
        assert connection.execute(statement).rowcount


async def write_as_another_process(url: str, statement: str, world: World) -> None:
    """Run a statement on a connection of its own."""
    text = statement.replace("{ada}", str(world.ada.id))
    if IS_SQLITE:
        # In a thread: a background job of this process may hold the lock, and must go on.
        await asyncio.to_thread(write_to_file, url.removeprefix("sqlite:///"), text)
        return
    connection = await asyncpg.connect(url)
    try:
        assert not (await connection.execute(text)).endswith(" 0")
    finally:
        await connection.close()
