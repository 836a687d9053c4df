"""The Python client of clients/python, as `make clients` builds it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httpx2

from support.client import TLS
from support.missing_programs import skip_unless_in_ci
from support.service import ROOT

PACKAGE = ROOT / "clients" / "python"
BUILT = PACKAGE / "dist" / "built"
SOURCES = ("operations/*", "generator/*.py", "src/ticketwire_client/*.py", "pyproject.toml")
INSTALL_SECONDS = 300


def find_wheel() -> Path:
    """The wheel. Skips the test if it is not built, or older than a source; in CI it fails."""
    if not BUILT.exists():
        skip_unless_in_ci("the Python client is not built: run make clients")
    files = [ROOT / "schema" / "schema.graphql"]
    files += [file for pattern in SOURCES for file in PACKAGE.glob(pattern)]
    if any(file.stat().st_mtime > BUILT.stat().st_mtime for file in files):
        skip_unless_in_ci("the Python client is older than its sources: run make clients")
    (wheel,) = BUILT.parent.glob("*.whl")
    return wheel


def import_client() -> ModuleType:
    """The package ticketwire_client with its generated code, imported from its sources.

    It needs pydantic and httpx2, which the service has too.
    """
    find_wheel()
    source = str(PACKAGE / "src")
    if source not in sys.path:
        sys.path.append(source)
    return importlib.import_module("ticketwire_client")


def install_client(folder: Path) -> Path:
    """Install the wheel into a new environment; return the path of its Python.

    Skips the test if the packages can't be installed; in CI it fails.
    """
    wheel = find_wheel()
    uv = str(Path(sys.executable).with_name("uv"))
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    locked = ["--require-hashes", "-r", str(PACKAGE / "requirements.txt")]
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [*install, *locked],
        [*install, "--no-deps", str(wheel)],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            skip_unless_in_ci(f"the Python client can't be installed: {done.stderr[-500:]}")
    return python


class LosesResponses(httpx2.AsyncBaseTransport):
    """Sends requests, and loses the responses of the next `count` of them."""

    def __init__(self) -> None:
        self.transport = httpx2.AsyncHTTPTransport(verify=TLS)
        self.count = 0
        self.sent = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.transport.handle_async_request(request)
        self.sent += 1
        if self.count:
            self.count -= 1
            await response.aread()
            raise httpx2.ReadError("the connection broke", request=request)
        return response

    async def aclose(self) -> None:
        await self.transport.aclose()
