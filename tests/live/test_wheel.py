"""The wheel that `python -m build` makes, in an environment of its own without Node.js."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pytest
from support.client import TIMEOUT_SECONDS, TLS
from support.ports import reserve_port
from support.service import ROOT, START_SECONDS
from support.web_applications import require_built, require_graphiql

BUILD_SECONDS = 1500


def run(*command: object, folder: Path) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def copy_sources(target: Path) -> None:
    """Copy what git tracks or would track, as a clean clone has it: without built files."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def wait_for(url: str, process: subprocess.Popen[bytes], http: httpx2.Client) -> httpx2.Response:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return http.get(url)
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start; exit code {process.poll()}")


@pytest.mark.timeout(1800)  # it installs npm's packages, and builds; a busy machine takes minutes
def test_the_wheel_serves_the_web_applications_without_node(tmp_path: Path) -> None:
    require_graphiql()
    require_built()  # otherwise npm's registry can't be reached
    sources, wheels, environment = tmp_path / "sources", tmp_path / "wheels", tmp_path / "venv"
    sources.mkdir()
    copy_sources(sources)
    assert not (sources / "web" / "dist").exists()
    graphiql = Path("web") / "graphiql" / "dist"  # building it again would take a minute
    shutil.copytree(ROOT / graphiql, sources / graphiql)
    build = (sys.executable, "-m", "build", "--installer", "uv", "--outdir", wheels)
    run(*build, folder=sources)  # a source distribution, and from it the wheel
    (wheel,) = wheels.glob("*.whl")
    names = ZipFile(wheel).namelist()
    assert {"web/dist/desk.html", "web/graphiql/dist/index.html"} <= set(names)
    assert not [name for name in names if "node_modules" in name or "/src/" in name]

    uv = Path(sys.executable).with_name("uv")
    python = environment / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, environment, folder=tmp_path)
    install = (uv, "pip", "install", "--quiet", "--python", python)
    run(*install, "--require-hashes", "-r", ROOT / "requirements.txt", folder=tmp_path)
    run(*install, "--no-deps", wheel, folder=tmp_path)
    assert not list(environment.rglob("node"))

    port = reserve_port()
    process = subprocess.Popen(
        [environment / "bin" / "ticketwire", "serve", "--port", str(port)],
        cwd=tmp_path,
        env={"PATH": os.defpath, "TICKETWIRE_LOG_LEVEL": "error", "HOME": str(tmp_path)},
    )
    try:
        with httpx2.Client(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
            base = f"http://127.0.0.1:{port}"
            start = wait_for(f"{base}/", process, http)
            assert (start.status_code, start.headers["location"]) == (303, "/sign-in")
            page = http.get(f"{base}/sign-in")
            assert page.status_code == 200
            files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
            assert len(files) >= 3
            graphiql_page = http.get(f"{base}/graphql", headers={"Accept": "text/html"})
            assert "GraphiQL" in graphiql_page.text
            files += re.findall(r'(?:src|href)="(/graphiql/[^"]+)"', graphiql_page.text)
            assert len(files) >= 6
            for name in files:
                assert http.get(base + name).status_code == 200, name
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)
