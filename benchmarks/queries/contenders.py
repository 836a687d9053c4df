"""The measured servers. Each serves the same rows from a process pinned to the server's cores."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from benchmarks import http_reader
from benchmarks.databases import ROOT, find_free_port
from benchmarks.http_reader import HttpResponse
from benchmarks.programs import BenchmarkError, stop_process
from benchmarks.queries.dataset import Dataset
from benchmarks.queries.operations import (
    DOCUMENTS,
    NAMES,
    NEW_TICKET,
    POSTGRAPHILE_DOCUMENTS,
    build_request,
)

PEERS = Path(__file__).parent / "peers"
START_TIMEOUT_SECONDS = 40.0
RESPONSE_TIMEOUT_SECONDS = 20
CURSOR_STEP = 5
"""Every fifth ticket of the list is a place where a page begins."""
LAST_PAGE = 50
"""No page begins at the last tickets, so that all pages are full."""
KEYED_REQUESTS_PER_SECOND = 8000
"""More than any contender executes, because a request with a used key would be replayed."""


@dataclass
class Contender:
    """A server started by a command. The port is the command's last argument."""

    label: str
    command: Sequence[str]
    documents: Mapping[str, str] = field(default_factory=lambda: DOCUMENTS)
    path: str = "/graphql"
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    sends_token: bool = False
    sends_keys: bool = False
    """Whether each request of M1 has an idempotency key."""
    is_natural: bool = False
    """Whether it serves the tables of natural_tables.py."""
    questions: Sequence[str] = NAMES
    """The operations that it is measured with."""
    cursors: list[str] = field(default_factory=list[str])
    """Where pages begin, once it runs."""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def build_requests(self, name: str, dataset: Dataset, seconds: float = 0) -> list[bytes]:
        """The requests to send in rotation; `seconds` is for how long, for keys."""
        token = dataset.token if self.sends_token else None
        return [
            self.build_request(name, variables, token)
            for variables in self.list_variables(name, dataset, seconds)
        ]

    def list_variables(
        self, name: str, dataset: Dataset, seconds: float
    ) -> list[Mapping[str, object]]:
        if name == "Q1":
            return [{"n": number} for number in dataset.ticket_numbers]
        if name in ("Q2", "Q3"):
            return [{"after": cursor} for cursor in self.cursors]
        if not self.sends_keys:
            return [{"i": NEW_TICKET}]
        count = max(1, int(KEYED_REQUESTS_PER_SECOND * seconds))
        return [{"i": {**NEW_TICKET, "idempotencyKey": uuid4().hex}} for _ in range(count)]

    def build_request(self, name: str, variables: Mapping[str, object], token: str | None) -> bytes:
        body = {"query": self.documents[name], "variables": variables}
        return build_request(self.path, body, token)

    async def find_cursors(self, dataset: Dataset) -> None:
        """Read the whole list once. Raises BenchmarkError."""
        found: list[str] = []
        token = dataset.token if self.sends_token else None
        after: object = None
        while True:
            request = self.build_request("Walk", {"after": after}, token)
            page = (await self.fetch("Walk", request))["data"]["tickets"]
            found += [edge["cursor"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        self.cursors = found[:-LAST_PAGE:CURSOR_STEP]
        if not self.cursors:
            raise BenchmarkError(f"{len(found)} tickets are too few for pages")

    async def start(self, dataset: Dataset, cores: set[int], log_folder: Path) -> None:
        """Start the server and wait until it is ready. Raises BenchmarkError."""
        self.port = find_free_port()
        natural = self.is_natural
        variables = {
            "DATABASE_URL": dataset.natural_url if natural else dataset.url,
            "TICKETWIRE_DATABASE_URL": dataset.url,
            "REQUESTER": dataset.natural_requester_id if natural else dataset.requester_id,
            "TABLES": "natural" if natural else "",
        }
        log = log_folder / f"{self.label.replace(' ', '-')}.log"
        core_list = ",".join(str(core) for core in sorted(cores))
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                ["taskset", "-c", core_list, *self.command, str(self.port)],
                env={**os.environ, **variables, **self.environment},
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        for _ in range(int(START_TIMEOUT_SECONDS / 0.05)):
            if self.process.poll() is not None:
                raise BenchmarkError(f"the server exited: {find_error(log)}")
            if await self.is_ready():
                return
            await asyncio.sleep(0.05)
        raise BenchmarkError(f"the server was not ready within {START_TIMEOUT_SECONDS:.0f} s")

    async def is_ready(self) -> bool:
        if self.sends_token:
            return await http_reader.is_healthy(self.port)
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    async def fetch(self, name: str, request: bytes) -> Any:
        """The response to a request of an operation. Raises BenchmarkError."""
        response = await send_request(self.port, request)
        if response.status != 200:
            text = response.body[:160].decode(errors="replace")
            raise BenchmarkError(f"{name}: status {response.status}: {text}")
        return orjson.loads(response.body)

    async def stop(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(stop_process, self.process)
            self.process = None


class Handler(Contender):
    """A server with a path for each operation, whose body holds only the variables."""

    def build_request(self, name: str, variables: Mapping[str, object], token: str | None) -> bytes:
        return build_request(f"/{name}", variables, token)


def find_error(log: Path) -> str:
    """The first line with "Error" in the last 4,000 bytes of the log."""
    lines = log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
    return next((line for line in lines if "Error" in line), "no error in its log")[:200]


async def send_request(port: int, request: bytes) -> HttpResponse:
    """Send a request; return the response. Raises BenchmarkError."""
    try:
        return await http_reader.send_request(port, request, RESPONSE_TIMEOUT_SECONDS)
    except TimeoutError:
        raise BenchmarkError(f"no response within {RESPONSE_TIMEOUT_SECONDS} s") from None


NODE = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
PRODUCTION = {
    "TICKETWIRE_MODE": "production",
    "TICKETWIRE_LOG_LEVEL": "warning",
    "TICKETWIRE_RUN_JOBS": "false",
    "TICKETWIRE_COST_BUCKET_SIZE": "0",
}


def python_command(module: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.queries.peers.{module}"]


def create_contenders(server: str) -> dict[str, Contender]:
    """The contenders that support the database, by name."""
    ours = Contender(
        "Ticketwire",
        [sys.executable, "-m", "cli", "serve", "--port"],
        environment=PRODUCTION,
        sends_token=True,
        sends_keys=True,
    )
    contenders = {"ticketwire": ours}
    for is_natural in (True, False):
        contenders |= create_peers(is_natural)
    if server == "sqlite":
        for name in ("tuned", "best"):
            del contenders[name], contenders[f"{name}-natural"]
        del contenders["postgraphile"]
    return contenders


def create_peers(is_natural: bool) -> dict[str, Contender]:
    """The peers on natural tables, or on Ticketwire's."""

    def create(
        label: str, program: str, documents: Mapping[str, str] = DOCUMENTS, **environment: str
    ) -> Contender:
        return Contender(
            f"{label}, {'its own' if is_natural else 'our'} tables",
            ["node", f"{program}.mjs"],
            documents,
            folder=PEERS,
            environment={**NODE, **environment},
            is_natural=is_natural,
        )

    tables = "its own" if is_natural else "our"
    handler = python_command("handler")
    peers: dict[str, Contender] = {
        "mercurius": create("Mercurius with JIT and loaders", "mercurius"),
        "tuned": create("Mercurius tuned by hand", "tuned"),
        "best": create("Mercurius tuned, reads only what is selected", "tuned", BEST="1"),
        "handler": Handler(
            f"handler without GraphQL, {tables} tables", handler, is_natural=is_natural
        ),
    }
    if not is_natural:
        return peers | {
            "postgraphile": create("PostGraphile 5", "postgraphile", POSTGRAPHILE_DOCUMENTS),
            "strawberry": Contender(
                "Strawberry with DataLoaders, our tables",
                python_command("strawberry_dataloader"),
                path="/",
            ),
        }
    peers["durable"] = Handler(
        "handler with our durable work, its own tables",
        handler,
        environment={"DURABLE": "1"},
        sends_keys=True,
        is_natural=True,
        questions=("M1",),
    )
    return {f"{name}-natural": contender for name, contender in peers.items()}
