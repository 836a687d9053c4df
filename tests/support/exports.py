"""Exports of tickets: the worker, and the file that a caller gets."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from models.core import time
from models.core.record_limits import RecordLimits
from models.files.store import FileStore, LocalFileStore
from services.components import build_components
from settings.application import load
from support.admin_mutations import run_mutation
from support.client import Client
from support.files import ENCRYPTION_KEY, send
from support.loop_limits import count_runs
from workers.ticket_exports import TicketExports

EXPORT_FIELDS = """id kind status total succeeded failed progress
  result { exported unprocessed }
  export { format count size sha256 cursor expiresAt url }
  errors(first: 100) { nodes { ref code message } }"""


def build_exporter(
    url: str, store: Path | FileStore, limits: RecordLimits | None = None, **settings: Any
) -> TicketExports:
    """The worker of exports with files in a folder, or in another store."""
    parts = build_components(
        load(database_url=url, encryption_keys=ENCRYPTION_KEY, compiled_plans="all", **settings),
        None,
    )
    used = LocalFileStore(store) if isinstance(store, Path) else store
    return TicketExports(
        used, parts.tickets, limits or RecordLimits(), tickets_per_second=1_000_000
    )


async def run_exports(worker: TicketExports, at: datetime | None = None) -> None:
    """Run the exports until none waits or runs."""
    for _ in count_runs():
        if not (await worker.run_once(at or time.now(), 0)).more:
            break


async def start_export(client: Client, format: str = "JSONL", **input: Any) -> dict[str, Any]:
    return await run_mutation(client, "exportTickets", format=format, **input)


async def read_export(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    query = f"query($id: ID!) {{ job(id: $id) {{ {EXPORT_FIELDS} }} }}"
    return dict((await client.run(query, id=job["id"]))["job"])


async def download(client: Client, job: dict[str, Any]) -> bytes:
    """The file of a finished export, whose size and digest are right."""
    export = (await read_export(client, job))["export"]
    response = await send(client, "GET", export["url"])
    assert response.status_code == 200, response.text
    assert len(response.content) == export["size"]
    assert hashlib.sha256(response.content).hexdigest() == export["sha256"]
    return response.content


async def export(
    client: Client, worker: TicketExports, format: str = "JSONL", **input: Any
) -> bytes:
    """Export tickets, and return the file."""
    job = await start_export(client, format, **input)
    await run_exports(worker)
    return await download(client, job)


def parse_lines(content: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content.splitlines()]


def parse_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
