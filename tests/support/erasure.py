"""Helpers of tests that erase people: the job, and a search in everything that is stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from models import database
from support.client import Client
from support.databases import IS_SQLITE
from support.jobs import run_caller_jobs

ERASURE_FIELDS = """id kind status dryRun succeeded failed total erasure { userId reason
  erased { name count } remaining { name count } verifiedAt pendingFiles }"""
REASON = "The customer has asked for it."


async def start_erasure(client: Client, user_id: str, **input: Any) -> dict[str, Any]:
    """Run erasePerson, which must succeed; return the job."""
    payload = await send_erasure(client, user_id, **input)
    assert payload["userErrors"] == [], payload
    return dict(payload["job"])


async def send_erasure(client: Client, user_id: str, **input: Any) -> dict[str, Any]:
    query = f"""mutation($input: ErasePersonInput!) {{ erasePerson(input: $input) {{
      job {{ {ERASURE_FIELDS} }} replayed userErrors {{ code message field }} }} }}"""
    found = await client.run(query, input={"userId": user_id, "reason": REASON, **input})
    return dict(found["erasePerson"])


async def erase(client: Client, user_id: str, **input: Any) -> dict[str, Any]:
    """Erase a person to the end; return the job after it."""
    job = await start_erasure(client, user_id, **input)
    await run_caller_jobs()
    return await read_erasure(client, job)


async def read_erasure(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    query = f"query($id: ID!) {{ job(id: $id) {{ {ERASURE_FIELDS} }} }}"
    return dict((await client.run(query, id=job["id"]))["job"])


async def list_tables() -> list[str]:
    if IS_SQLITE:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
    else:
        sql = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    return [str(row["name"]) for row in await database.fetch_dicts(sql)]


async def find_rows(text: str) -> list[str]:
    """The `table.column` of each value that holds the text anywhere, in any case."""
    wanted, found = text.lower(), set[str]()
    for table in await list_tables():
        for row in await database.fetch_dicts(f'SELECT * FROM "{table}"'):
            for column, value in row.items():
                shown = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                if wanted in shown.lower():
                    found.add(f"{table}.{column}")
    return sorted(found)


def find_in_file(url: str, text: str) -> list[str]:
    """The files of an SQLite database that hold the text anywhere, also in unused space."""
    path = Path(url.removeprefix("sqlite:///"))
    files = [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))]
    wanted = text.lower().encode()
    return [each.name for each in files if each.exists() and wanted in each.read_bytes().lower()]


def checkpoint(url: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
