"""An S3-compatible server in a process of its own: s3rver, from npm. It verifies signatures."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from models.files.s3_store import S3FileStore
from services.files import build_file_store
from settings.application import load
from support.client_program import run_client_program
from support.missing_programs import skip_unless_in_ci
from support.ports import reserve_port
from support.service import ROOT

PACKAGE = ROOT / "tests" / "live" / "s3"


@contextlib.asynccontextmanager
async def running_s3(folder: Path) -> AsyncIterator[dict[str, Any]]:
    """Run the server with its files in the folder; yields the service's settings for it."""
    node = shutil.which("node")
    if node is None or not (PACKAGE / "node_modules" / ".package-lock.json").exists():
        skip_unless_in_ci(
            "the storage is not installed: make tests/live/s3/node_modules/.package-lock.json"
        )
    port = reserve_port()
    folder.mkdir()
    async with run_client_program(
        node, "server.mjs", str(port), str(folder), folder=PACKAGE
    ) as program:
        await program.until(lambda: bool(program.values("listening")))
        yield {
            "storage_url": "s3://tickets/attachments",
            "storage_endpoint": f"http://127.0.0.1:{port}",
            "storage_access_key": "S3RVER",
            "storage_secret_key": "S3RVER",
        }


def build_s3_store(settings: dict[str, Any]) -> S3FileStore:
    store = build_file_store(load(**settings))
    assert isinstance(store, S3FileStore)
    return store
