"""Helpers of tests of `ticketwire follow`: runs it, and reads what it has stored."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from cli.follow.api import Api
from cli.follow.columns import AS_OF, Column
from cli.follow.follower import Follower
from cli.follow.tables import TABLES
from cli.follow.target_url import build_target
from models.audit.directory_event import DirectoryEvent
from models.core import ids
from models.log.event import Event, encode_cursor
from models.tickets.message import Message

Rows = dict[str, dict[str, dict[str, Any]]]
"""The rows of a mirror by table and id, as the same Python values for each kind of target."""
SCOPES = ["tickets:read", "notes:read", "events:read", "users:read"]


async def follow_once(server: str, token: str, to: str) -> list[str]:
    """Bring a target up to date in this process; return what the follower reported."""
    lines: list[str] = []
    api = Api(server, token, 60, lines.append)
    try:
        await Follower(api, build_target(to), lines.append).run(once=True)
    finally:
        await api.close()
    return lines


async def read_rows(to: str, *, with_as_of: bool = False) -> Rows:
    if to.startswith("sqlite:///"):
        stored = read_sqlite(to.removeprefix("sqlite:///"))
    elif to.startswith("postgres://"):
        stored = await read_postgres(to)
    else:
        stored = read_jsonl(Path(to.removeprefix("jsonl:")))
    rows: Rows = {}
    for table in TABLES:
        columns = [column for column in table.columns if with_as_of or column.name != AS_OF]
        rows[table.name] = {
            row["id"]: {column.name: decode(column, row[column.name]) for column in columns}
            for row in stored[table.name]
        }
        assert len(rows[table.name]) == len(stored[table.name]), "a row is stored twice"
    return rows


def decode(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.kind == "json" and isinstance(value, str):
        return json.loads(value)
    if column.kind == "time" and isinstance(value, str):
        return datetime.fromisoformat(value)
    return bool(value) if column.kind == "boolean" else value


def read_sqlite(path: str) -> dict[str, list[dict[str, Any]]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table.name: [dict(row) for row in connection.execute(f"SELECT * FROM {table.name}")]
            for table in TABLES
        }


async def read_postgres(url: str) -> dict[str, list[dict[str, Any]]]:
    connection: Any = await asyncpg.connect(url)
    try:
        return {
            table.name: [
                dict(row)
                for row in await connection.fetch(f"SELECT * FROM ticketwire.{table.name}")
            ]
            for table in TABLES
        }
    finally:
        await connection.close()


def read_jsonl(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The last row of each id. An incomplete line at the end does not count yet."""
    found: dict[str, dict[str, dict[str, Any]]] = {table.name: {} for table in TABLES}
    batch: list[dict[str, Any]] = []
    for text in path.read_bytes().splitlines(keepends=True):
        line = json.loads(text) if text.endswith(b"\n") else {}
        if "commit" in line:
            for each in batch:
                found[each["table"]][each["id"]] = each["row"]
            batch = []
        elif "row" in line:
            batch.append(line)
    return {name: list(rows.values()) for name, rows in found.items()}


def list_differences(
    found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]
) -> list[tuple[str, str, Any, Any]]:
    """The id, the column and both values of each difference. A missing row has the column `id`."""
    return [
        (id, column, found.get(id, {}).get(column), expected.get(id, {}).get(column))
        for id in sorted(found.keys() | expected.keys())
        for column in found.get(id, expected.get(id, {}))
        if found.get(id, {}).get(column) != expected.get(id, {}).get(column)
    ]


async def check_mirror(server: str, token: str, to: str, folder: Path) -> Rows:
    """Check that a mirror that is up to date equals the server; return its rows.

    The records are compared with those of a new mirror, which reads each of them now. The events
    and messages are compared with the server's own tables.
    """
    rows = await read_rows(to)
    fresh = folder / "fresh.jsonl"
    fresh.unlink(missing_ok=True)
    await follow_once(server, token, f"jsonl:{fresh}")
    expected = await read_rows(f"jsonl:{fresh}")
    for table in TABLES:
        differences = list_differences(rows[table.name], expected[table.name])
        assert not differences, (table.name, differences[:5])
    positions = [
        *(await Event.all().values_list("position", flat=True)),
        *(await DirectoryEvent.all().values_list("position", flat=True)),
    ]
    cursors = sorted(encode_cursor(int(str(each))) for each in positions)
    assert sorted(each["cursor"] for each in rows["events"].values()) == cursors
    bodies = {ids.encode(ids.MESSAGE, each.id): each.body for each in await Message.all()}
    assert {key: each["body"] for key, each in rows["messages"].items()} == bodies
    return rows


async def read_cursor(to: str) -> str:
    """The cursor of a target; "" if it has none yet."""
    if to.startswith("sqlite:///"):
        with (
            contextlib.closing(sqlite3.connect(to.removeprefix("sqlite:///"), timeout=60)) as db,
            contextlib.suppress(sqlite3.OperationalError),  # it has no tables yet
        ):
            return str(db.execute("SELECT cursor FROM mirror").fetchone()[0] or "")
        return ""
    if to.startswith("postgres://"):
        connection: Any = await asyncpg.connect(to)
        try:
            return str(await connection.fetchval("SELECT cursor FROM ticketwire.mirror") or "")
        except asyncpg.UndefinedTableError:
            return ""
        finally:
            await connection.close()
    path = Path(to.removeprefix("jsonl:"))
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    commits = [json.loads(line)["commit"] for line in lines if line.startswith(b'{"commit":')]
    return str(commits[-1]["position"]["cursor"] or "") if commits else ""
