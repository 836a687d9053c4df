"""Node.js with the packages of tests/live/node."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
INSTALLED = FOLDER / "node_modules" / ".package-lock.json"
OLDEST_NODE = 20


@pytest.fixture(scope="session")
async def node() -> str:
    """Node.js, with the clients' packages installed as the lock says. Skips where there is none, which in CI is a failure."""
    program, installer = shutil.which("node"), shutil.which("npm")
    if program is None or installer is None:
        return missing("Node.js and npm are not installed")
    version = (await output(program, "--version")).strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return missing(f"Node.js {version} is older than {OLDEST_NODE}")
    with locked(Path(tempfile.gettempdir()) / "ticketwire-live-node.lock"):
        if not INSTALLED.exists() or INSTALLED.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
            await output(installer, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    return program


def missing(reason: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must not skip this")
    pytest.skip(reason)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One test process at a time; several may run side by side."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def output(program: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, wrong = await process.communicate()
    assert process.returncode == 0, wrong.decode()
    return said.decode()
