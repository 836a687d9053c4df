"""Building the application."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from support.client import TIMEOUT_SECONDS
from support.commands import ROOT

from app import create_app
from models.people import password
from settings.application import load


def test_building_the_application_hashes_no_password(tmp_path: Path) -> None:
    """A hash takes 0.2 s of CPU; the first sign-in computes it."""
    password.get_dummy_hash.cache_clear()
    create_app(load(database_url=f"sqlite:///{tmp_path / 'x.db'}"))
    assert password.get_dummy_hash.cache_info().currsize == 0


async def test_a_server_that_can_not_start_ends(empty_url: str) -> None:
    """An open connection to SQLite has a thread, which must not keep the process alive."""
    serve = f"uvicorn.run(create_app(load(database_url={empty_url!r})), port=0)"
    imports = "import uvicorn; from app import create_app; from settings.application import load"
    code = f"{imports}; {serve}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode != 0
    assert b"log_head" in errors, errors
