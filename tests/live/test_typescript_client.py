"""The TypeScript client (clients/typescript): its own tests, and its live list of a real server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import World
from support.client import Client
from support.client_program import ClientProgram, run_client_program
from support.examples import Document
from support.live import random_mutation
from support.missing_programs import skip_unless_in_ci
from support.seed import SEED
from support.service import Process, start
from support.tcp_proxy import TcpProxy, run_tcp_proxy

from models import database

# The first test also compiles the package.
pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

PACKAGE = Path(__file__).parent.parent.parent / "clients/typescript"
README = PACKAGE / "README.md"
MODEL_RUNS = 1500
WITHOUT_JOBS = {"TICKETWIRE_RUN_JOBS": "false"}
"""Only the test changes tickets, so the list must equal what it has read."""
FIELDS = "id version status tags assignee { id displayName }"
OPEN_TICKETS = (
    "{ tickets(first: 100, filter: {status: {in: [NEW, OPEN]}}) { nodes { " + FIELDS + " } } }"
)


def require_packages() -> None:
    if not (PACKAGE / "node_modules/.package-lock.json").exists():
        skip_unless_in_ci("the packages of the TypeScript client are not installed: run make test")


@pytest.fixture(scope="session")
def build(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled package with its tests. The compiler also checks all types."""
    require_packages()
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(PACKAGE / "node_modules")
    shutil.copy(PACKAGE / "package.json", folder)
    compiler = PACKAGE / "node_modules/typescript/bin/tsc"
    command = [node, compiler, "-p", PACKAGE / "tsconfig.test.json", "--outDir", folder / "build"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout
    return folder / "build"


@pytest.mark.stress
@pytest.mark.never_retried
def test_the_package_passes_its_own_tests(node: str, build: Path) -> None:
    tests = sorted((build / "tests").glob("*.test.js"))
    environment = {**os.environ, "MODEL_RUNS": str(MODEL_RUNS), "MODEL_SEED": str(SEED)}
    result = subprocess.run(
        [node, "--test", *tests], capture_output=True, text=True, env=environment, timeout=280
    )
    assert result.returncode == 0, result.stdout
    assert f"in {MODEL_RUNS} random runs" in result.stdout


def test_the_package_has_two_dependencies() -> None:
    package = json.loads((PACKAGE / "package.json").read_text())
    assert set(package["dependencies"]) == {"@0no-co/graphql.web", "graphql-ws"}
    lock = json.loads((PACKAGE / "package-lock.json").read_text())["packages"]
    assert not any(each.get("hasInstallScript") for each in lock.values())


async def read_open_tickets(client: Client) -> list[dict[str, Any]]:
    answer = (await client.post(OPEN_TICKETS)).json()
    return sorted(answer["data"]["tickets"]["nodes"], key=lambda ticket: ticket["id"])


async def wait_until_equal(program: ClientProgram, client: Client) -> None:
    """Wait until the list of the program equals the response of the server."""
    expected = await read_open_tickets(client)
    await program.until(lambda: bool(program.values("list")))
    await program.until(
        lambda: (
            (lists := program.values("list"))[-1]["status"] == "live"
            and lists[-1]["rows"] == expected
        )
    )


def check_order(program: ClientProgram) -> None:
    """Neither the list nor a ticket in it ever went back."""
    cursors = [each["cursor"] for each in program.values("list")]
    assert cursors == sorted(cursors)
    versions: dict[str, int] = {}
    rows = [row for each in program.values("list") for row in each["rows"]]
    for row in rows:
        assert row["version"] >= versions.get(row["id"], 0), row
        versions[row["id"]] = row["version"]
    watched = [each["version"] for each in program.values("ticket") if each]
    assert watched == sorted(watched)


async def change_tickets(random: Random, client: Client, ids: list[str], people: list[str]) -> None:
    for _ in range(10):
        name, values = random_mutation(random, random.choice(ids), people)
        await client.mutate(name, values)


async def interrupt(
    kind: str, proxy: TcpProxy, process: Process, program: ClientProgram
) -> Process:
    """Interrupt the client, and return the process that serves afterwards, unless it is cut."""
    count = interruptions(program)
    if kind == "cut":
        proxy.cut()
    elif kind == "kill":
        await asyncio.to_thread(process.kill)
    else:
        await asyncio.to_thread(process.stop)
    await program.until(lambda: interruptions(program) > count)
    return process if kind == "cut" else await start(process.url, process.port, **WITHOUT_JOBS)


def interruptions(program: ClientProgram) -> int:
    statuses = [each["status"] for each in program.values("list")]
    return statuses.count("interrupted")


@pytest.mark.stress
@pytest.mark.never_retried
async def test_a_live_list_follows_the_server_across_interruptions(
    node: str, build: Path, url: str, random: Random
) -> None:
    await database.connect(url)
    world = await World.make()
    people = [world.ada.gid, world.bill.gid]
    await database.disconnect()
    process = await start(url, **WITHOUT_JOBS)
    try:
        async with run_tcp_proxy(process.port) as proxy:
            cora, ada = process.client(world.cora.token), process.client(world.ada.token)
            # No random change may close the ticket to which the client replies.
            replied = (await cora.raise_ticket())["id"]
            ids = [(await cora.raise_ticket())["id"] for _ in range(4)]
            arguments = (proxy.http, proxy.ws, world.ada.token, replied)
            async with run_client_program(
                node, "tests/live.js", *arguments, folder=build
            ) as program:
                await wait_until_equal(program, ada)
                await change_tickets(random, ada, ids, people)
                await wait_until_equal(program, ada)
                for kind in ("cut", "kill", "stop"):
                    process = await interrupt(kind, proxy, process, program)
                    await change_tickets(random, ada, ids, people)
                    ids.append((await cora.raise_ticket())["id"])
                    proxy.mend()
                    program.process.send_signal(signal.SIGUSR2)  # as if the browser were online
                    # The reply changes a ticket, so the list is compared after it.
                    await program.until(lambda: ["sent"] in program.values("outbox"))
                    await wait_until_equal(program, ada)
                check_order(program)
                await check_reply(ada)
    finally:
        process.kill()


async def check_reply(client: Client) -> None:
    """The reply that was written while the client was offline is stored exactly once."""
    query = "{ tickets(first: 10) { nodes { messages(first: 50) { nodes { body } } } } }"
    tickets = (await client.run(query))["tickets"]["nodes"]
    bodies = [each["body"] for ticket in tickets for each in ticket["messages"]["nodes"]]
    assert bodies.count("written offline") == 1


async def test_an_unknown_token_ends_the_session(node: str, build: Path, url: str) -> None:
    process = await start(url)
    try:
        arguments = (process.http, process.ws, "twk_unknown")
        async with run_client_program(node, "tests/live.js", *arguments, folder=build) as program:
            await program.until(lambda: bool(program.values("list")))
            assert program.values("sessionExpired") == [True]
            assert program.values("list")[-1]["status"] == "signed-out"
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("guide", "program"),
    [("clients/typescript/README.md", "list.mjs"), ("docs/clients.md", "open-tickets.mjs")],
)
async def test_the_examples_of_the_guides_follow_a_list(
    node: str, build: Path, url: str, tmp_path: Path, guide: str, program: str
) -> None:
    await database.connect(url)
    world = await World.make()
    await database.disconnect()
    process = await start(url, **WITHOUT_JOBS)
    try:
        ref = (await process.client(world.cora.token).raise_ticket())["ref"]
        code = Document(guide).example("js", f"// {program}")
        code = code.replace("http://127.0.0.1:8000/graphql", process.http)
        code = code.replace("process.env.TOKEN", "process.argv[2]")
        (tmp_path / program).write_text(code)
        install_package(build, tmp_path / "node_modules")
        async with run_client_program(node, program, world.ada.token, folder=tmp_path) as running:
            await running.until(lambda: running.values("tickets")[-1:] in ([1], [[ref]]))
            assert running.values("status")[-1] == "live"
    finally:
        process.kill()


README_NAMES = """
import { createKey, DraftConflictError, gql, TicketwireClient, type TypedDocument } from "INDEX";
type Ticket = { id: string; status: string };
type Payload = { userErrors: { message: string }[]; cursor: string | null };
declare const client: TicketwireClient;
declare const viewer: { user: { id: string } };
declare const query: ReturnType<TicketwireClient["watch"]>;
declare const id: string, agentId: string, resolution: string, body: string;
declare const EVENTS: TypedDocument<object, { ticketId: string }>;
declare const RESOLVE: TypedDocument<{ resolveTicket: Payload }, { input: object }>;
declare const REPLY: TypedDocument<{ replyToTicket: Payload }, { input: object }>;
declare function showSignIn(): void;
declare function hideSignIn(): void;
declare function render(...shown: unknown[]): void;
declare function show(errors: unknown): void;
"""
"""What the reader's own program has, and the parts of the package that the README imports once."""


def test_the_parts_of_programs_in_the_readme_are_typed(node: str, tmp_path: Path) -> None:
    require_packages()
    blocks = re.findall(r"^```ts\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    parts = [
        f"export async function part{number}() {{\n{code}}}\n" for number, code in enumerate(blocks)
    ]
    names = README_NAMES.replace("INDEX", str(PACKAGE / "src/index.js"))
    (tmp_path / "parts.mts").write_text(names + "".join(parts))
    options = {"noEmit": True, "rootDir": "/", "noUnusedLocals": False}
    config = {"extends": str(PACKAGE / "tsconfig.json"), "compilerOptions": options}
    (tmp_path / "tsconfig.json").write_text(json.dumps({**config, "include": ["parts.mts"]}))
    command = [node, PACKAGE / "node_modules/typescript/bin/tsc", "-p", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout


def install_package(build: Path, modules: Path) -> None:
    """Make the compiled package available to a program, as npm does."""
    package = modules / "@ticketwire/client"
    package.mkdir(parents=True)
    shutil.copy(PACKAGE / "package.json", package)
    (package / "dist").symlink_to(build / "src")
    (modules / "ws").symlink_to(PACKAGE / "node_modules/ws")
