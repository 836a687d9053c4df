"""The wheel of the Python client in an environment of its own, and the examples of its guides."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest
from support import World
from support.client import TIMEOUT_SECONDS
from support.databases import IS_SQLITE
from support.examples import Document, Program
from support.files import ENCRYPTION_KEY
from support.live import log_positions
from support.python_client import find_wheel, install_client
from support.service import ROOT, Process, start

from models import database
from models.log.event import encode_cursor

IMPORTED = (
    "import sys, ticketwire_client; print(*sorted({each.split('.')[0] for each in sys.modules}))"
)
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
GENERATORS = {"ariadne_codegen", "graphql", "httpx", "ruff", "setuptools"}


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has nothing but the wheel and its dependencies."""
    return install_client(tmp_path_factory.mktemp("client") / "venv")


def test_the_wheel_has_the_generated_code_and_types(python: Path, tmp_path: Path) -> None:
    names = set(ZipFile(find_wheel()).namelist())
    assert {f"ticketwire_client/{name}" for name in ("py.typed", "generated/client.py")} <= names
    assert {name.split("/")[0] for name in names} == {
        *("ticketwire_client", "ticketwire_client-0.1.0.dist-info")
    }
    imported = subprocess.run(
        [python, "-c", IMPORTED], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"pydantic", "httpx2"} <= set(imported)
    assert GENERATORS.isdisjoint(imported)


@pytest.mark.timeout(300)
def test_the_examples_are_typed(python: Path, tmp_path: Path) -> None:
    for document in (Document("clients/python/README.md"), Document("docs/clients.md")):
        for language, code in document.examples:
            if language == "python":
                (tmp_path / file_name(code)).write_text(code)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    pyright = Path(sys.executable).with_name("pyright")
    checked = subprocess.run(
        [pyright, "--pythonpath", python],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert "0 errors" in checked.stdout


def file_name(code: str) -> str:
    """The name in the first line of an example, such as `# first.py: TOKEN=…`."""
    return code.split(":")[0].removeprefix("# ")


@asynccontextmanager
async def run_example(
    python: Path, code: str, process: Process, token: str, folder: Path, *arguments: str
) -> AsyncIterator[Program]:
    file = folder / file_name(code)
    file.write_text(code.replace("127.0.0.1:8000", f"127.0.0.1:{process.port}"))
    running = await asyncio.create_subprocess_exec(
        python,
        file,
        *arguments,
        cwd=folder,
        env={"PATH": os.defpath, "TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Program(running)
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def run_to_end(program: Program) -> str:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        output, _ = await program.process.communicate()
    assert program.process.returncode == 0, output
    return output.decode()


@pytest.mark.skipif(not IS_SQLITE, reason="once is enough: the examples see only the API")
async def test_every_example_of_the_guides_works(python: Path, url: str, tmp_path: Path) -> None:
    readme, guide = Document("clients/python/README.md"), Document("docs/clients.md")
    guide.example("js", "open-tickets.mjs")  # test_typescript_client.py runs it
    await database.connect(url)
    world = await World.make()
    storage = {"TICKETWIRE_STORAGE_URL": f"file://{tmp_path}/storage"}
    keys = {"TICKETWIRE_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    process = await start(url, TICKETWIRE_RUN_JOBS="false", **storage, **keys)
    token, ada = world.ada.token, process.client(world.ada.token)
    try:
        first = readme.example("python", "first.py")
        async with run_example(python, first, process, token, tmp_path) as program:
            created, replied, *listed = (await run_to_end(program)).splitlines()
        assert created == "TKT-1001 NEW"
        assert replied.startswith("TKT-1001 at 0000")
        assert listed == ["TKT-1001 The printer is on fire"]
        options = readme.example("python", "options.py")
        async with run_example(python, options, process, token, tmp_path) as program:
            assert await run_to_end(program) == "AGENT\n"

        (tmp_path / "report.pdf").write_bytes(PDF)
        files, attach = readme.example("python", "files.py"), guide.example("python", "attach.py")
        async with run_example(python, files, process, token, tmp_path, "report.pdf") as program:
            assert (await run_to_end(program)).splitlines() == [
                f"report.pdf application/pdf {len(PDF)}",
                "log.txt text/plain 23",
            ]
        async with run_example(python, attach, process, token, tmp_path, "report.pdf") as program:
            assert await run_to_end(program) == f"report.pdf {len(PDF)}\n"

        follow = readme.example("python", "follow.py")
        replies = guide.example("python", "replies.py")
        async with (
            run_example(python, follow, process, token, tmp_path) as program,
            run_example(python, replies, process, token, tmp_path) as filtered,
        ):
            await program.line_with("new: TKT-1001")
            await program.line_with("reply: TKT-1001 Ada")
            await program.line_with("status: TKT-1001 RESOLVED")
            await filtered.line_with("Use the extinguisher.")

        mirror, file = readme.example("python", "mirror.py"), str(tmp_path / "tickets.db")
        ticket = (await process.client(world.cora.token).raise_ticket())["id"]
        for number in range(2):  # the second program continues where the first one was killed
            async with run_example(python, mirror, process, token, tmp_path, file) as program:
                for each in range(3):
                    await ada.mutate(
                        "updateTicket", {"ticketId": ticket, "subject": f"{number} {each}"}
                    )
                head = encode_cursor((await log_positions())[-1])
                if number == 0:
                    await wait_for_row(file, "0 2")
                else:
                    await program.line_with(head)
        rows = dict(sqlite3.connect(file).execute("select ref, subject from tickets"))
        assert rows == {
            **dict.fromkeys(("TKT-1001", "TKT-1002"), "The printer is on fire"),
            "TKT-1003": "1 2",
        }
        stored = sqlite3.connect(file).execute("select cursor from progress").fetchall()
        assert stored == [(head,)]
    finally:
        process.kill()
        await database.disconnect()
    assert (readme.unused, guide.unused) == ([], [])


async def wait_for_row(file: str, subject: str) -> None:
    """Wait until the copy has a ticket with this subject, by its first read or by an event."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            if Path(file).exists():
                try:
                    found = sqlite3.connect(file).execute(
                        "select 1 from tickets where subject = ?", [subject]
                    )
                    if found.fetchone():
                        return
                except sqlite3.OperationalError:
                    pass  # the program has not created the table yet
            await asyncio.sleep(0.05)


def test_the_locks_name_no_host_and_agree_with_the_service() -> None:
    service = (ROOT / "requirements-dev.txt").read_text()
    for name in ("requirements.txt", "requirements-generator.txt"):
        assert "://" not in (ROOT / "clients" / "python" / name).read_text()
    for line in (ROOT / "clients" / "python" / "requirements.txt").read_text().splitlines():
        if line.startswith(("httpx2==", "pydantic==")):
            assert line.split(" ")[0] in service, "the tests run both with the same versions"
