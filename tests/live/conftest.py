"""The fixture `node`: Node.js with the packages of tests/live/node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.missing_programs import skip_unless_in_ci

NODE_FOLDER = Path(__file__).parent / "node"
MIN_NODE_VERSION = 20


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js, with the client packages installed by make.

    Skips the test if Node.js or a package is missing; in CI it fails instead.
    """
    program = shutil.which("node")
    if program is None:
        skip_unless_in_ci("Node.js is not installed")
    version = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < MIN_NODE_VERSION:
        skip_unless_in_ci(f"Node.js {version} is older than {MIN_NODE_VERSION}")
    if not (NODE_FOLDER / "node_modules" / ".package-lock.json").exists():
        skip_unless_in_ci(
            "the client packages are not installed: "
            "run make tests/live/node/node_modules/.package-lock.json"
        )
    return program
