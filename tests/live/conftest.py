"""Node.js with the packages of tests/live/node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.missing import missing

FOLDER = Path(__file__).parent / "node"
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the clients' packages installed by make. Skips if either is missing, which is a failure in CI."""
    program = shutil.which("node")
    if program is None:
        missing("Node.js is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        missing(f"Node.js {version} is older than {OLDEST_NODE}")
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        missing("the clients' packages are not installed: make tests/live/node/node_modules/.package-lock.json")
    return program
