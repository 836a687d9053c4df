"""Node.js with the packages of tests/live/node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the clients' packages installed by make. Skips if either is missing, which is a failure in CI."""
    program = shutil.which("node")
    if program is None:
        return missing("Node.js is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return missing(f"Node.js {version} is older than {OLDEST_NODE}")
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        return missing("the clients' packages are not installed: make tests/live/node/node_modules")
    return program


def missing(reason: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must not skip this")
    pytest.skip(reason)
