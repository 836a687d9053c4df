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

import orjson

from benchmarks import http_reader
from benchmarks.databases import ROOT, find_free_port
from benchmarks.http_reader import HttpResponse
from benchmarks.programs import BenchmarkError, stop_process
from benchmarks.queries.dataset import Dataset
from benchmarks.queries.operations import (
    DOCUMENTS,
    POSTGRAPHILE_DOCUMENTS,
    build_request,
    build_variables,
)

PEERS = Path(__file__).parent / "peers"
START_TIMEOUT_SECONDS = 40.0
RESPONSE_TIMEOUT_SECONDS = 20


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
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def build_requests(self, name: str, dataset: Dataset) -> list[bytes]:
        numbers = dataset.ticket_numbers if name == "Q1" else [0]
        token = dataset.token if self.sends_token else None
        return [build_request(self.path, self.body(name, number), token) for number in numbers]

    def body(self, name: str, number: int) -> object:
        return {"query": self.documents[name], "variables": build_variables(name, number)}

    async def start(self, dataset: Dataset, cores: set[int], log_folder: Path) -> None:
        """Start the server and wait until it is ready. Raises BenchmarkError."""
        self.port = find_free_port()
        variables = {
            "DATABASE_URL": dataset.url,
            "TICKETWIRE_DATABASE_URL": dataset.url,
            "REQUESTER": dataset.requester_id,
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

    async def fetch(self, name: str, dataset: Dataset) -> object:
        """The response to the first request of an operation. Raises BenchmarkError."""
        response = await exchange(self.port, self.build_requests(name, dataset)[0])
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

    def build_requests(self, name: str, dataset: Dataset) -> list[bytes]:
        numbers = dataset.ticket_numbers if name == "Q1" else [0]
        return [
            build_request(f"/{name}", build_variables(name, number), None) for number in numbers
        ]


def find_error(log: Path) -> str:
    """The first line with "Error" in the last 4,000 bytes of the log."""
    lines = log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
    return next((line for line in lines if "Error" in line), "no error in its log")[:200]


async def exchange(port: int, request: bytes) -> HttpResponse:
    """Send a request; return the response. Raises BenchmarkError."""
    try:
        return await http_reader.exchange(port, request, RESPONSE_TIMEOUT_SECONDS)
    except TimeoutError:
        raise BenchmarkError(f"no response within {RESPONSE_TIMEOUT_SECONDS} s") from None


def node_contender(label: str, program: str, documents: Mapping[str, str] = DOCUMENTS) -> Contender:
    environment = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    command = ["node", f"{program}.mjs"]
    return Contender(label, command, documents, folder=PEERS, environment=environment)


def python_command(module: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.queries.peers.{module}"]


def create_contenders(server: str) -> dict[str, Contender]:
    """The contenders that support the database, by name."""
    production = {
        "TICKETWIRE_MODE": "production",
        "TICKETWIRE_LOG_LEVEL": "warning",
        "TICKETWIRE_RUN_JOBS": "false",
        "TICKETWIRE_COST_BUCKET_SIZE": "0",
    }
    serve = [sys.executable, "-m", "cli", "serve", "--port"]
    strawberry = python_command("strawberry_dataloader")
    contenders = {
        "ticketwire": Contender("Ticketwire", serve, environment=production, sends_token=True),
        "mercurius": node_contender("Mercurius, JIT and loaders", "mercurius"),
        "tuned": node_contender("Mercurius tuned by hand", "tuned"),
        "postgraphile": node_contender("PostGraphile 5", "postgraphile", POSTGRAPHILE_DOCUMENTS),
        "strawberry": Contender("Strawberry with DataLoaders", strawberry, path="/"),
        "handler": Handler("handler without GraphQL", python_command("handler")),
    }
    if server == "sqlite":
        del contenders["tuned"], contenders["postgraphile"]
    return contenders
