"""Who is measured: a process that serves the same rows, started for each of its turns, pinned to the server's cores."""

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

from benchmarks.databases import ROOT, free_port
from benchmarks.fanout import machine
from benchmarks.programs import Failed, end
from benchmarks.queries.ground import Ground
from benchmarks.queries.questions import TABLES, USUAL, request, variables

PEERS = Path(__file__).parent / "peers"
START_SECONDS = 40.0


@dataclass
class Contender:
    """A server out of a command; the port it is to serve on comes last."""

    label: str
    command: Sequence[str]
    documents: Mapping[str, str] = field(default_factory=lambda: USUAL)
    path: str = "/graphql"
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    authorized: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def requests(self, name: str, ground: Ground) -> list[bytes]:
        numbers = ground.numbers if name == "Q1" else [0]
        token = ground.token if self.authorized else None
        return [request(self.path, self.body(name, number), token) for number in numbers]

    def body(self, name: str, number: int) -> object:
        return {"query": self.documents[name], "variables": variables(name, number)}

    async def start(self, ground: Ground, cores: set[int], logs: Path) -> None:
        """Serve; returns once it answers. Raises Failed."""
        self.port = free_port()
        given = {"DATABASE_URL": ground.url, "TICKETWIRE_DATABASE_URL": ground.url, "REQUESTER": ground.requester}
        log = logs / f"{self.label.replace(' ', '-')}.log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, sorted(cores))), *self.command, str(self.port)],
                env={**os.environ, **given, **self.environment},
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        for _ in range(int(START_SECONDS / 0.05)):
            if self.process.poll() is not None:
                words = log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
                raise Failed(f"it ended: {next((line for line in words if 'Error' in line), 'no word of why')[:200]}")
            if await self.is_ready():
                return
            await asyncio.sleep(0.05)
        raise Failed("it did not answer in time")

    async def is_ready(self) -> bool:
        with contextlib.suppress(OSError, Failed, asyncio.IncompleteReadError):
            if not self.authorized:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return True
            head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            status, _ = await answer_to(self.port, head)
            return status == 200
        return False

    async def ask(self, name: str, ground: Ground) -> object:
        """The answer to the first request of a kind. Raises Failed."""
        status, body = await answer_to(self.port, self.requests(name, ground)[0])
        if status != 200:
            raise Failed(f"{name}: status {status}: {body[:160].decode(errors='replace')}")
        return orjson.loads(body)

    @property
    def cpu(self) -> float:
        assert self.process is not None
        return machine.cpu_seconds(self.process.pid)

    async def stop(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(end, self.process)
            self.process = None


class Handler(Contender):
    """It has a path for each question, and takes variables alone."""

    def requests(self, name: str, ground: Ground) -> list[bytes]:
        numbers = ground.numbers if name == "Q1" else [0]
        return [request(f"/{name}", variables(name, number), None) for number in numbers]


async def answer_to(port: int, sent: bytes) -> tuple[int, bytes]:
    """Status and body of one answer, read until it is whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        async with asyncio.timeout(20):
            writer.write(sent)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            if "transfer-encoding: chunked" in head:
                body = b""
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
            else:
                body = await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
            return int(head.split()[1]), body
    except TimeoutError:
        raise Failed("no answer within 20 s") from None
    finally:
        writer.close()


def node(label: str, program: str, documents: Mapping[str, str] = USUAL) -> Contender:
    environment = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    return Contender(label, ["node", f"{program}.mjs"], documents, folder=PEERS, environment=environment)


def python(module: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.queries.peers.{module}"]


def contenders(server: str) -> dict[str, Contender]:
    """All of them by name, as far as they can use this kind of database."""
    ours = {
        "TICKETWIRE_MODE": "production",
        "TICKETWIRE_LOG_LEVEL": "warning",
        "TICKETWIRE_RUN_JOBS": "false",
        "TICKETWIRE_COST_BUCKET_SIZE": "0",
    }
    serve = [sys.executable, "-m", "cli", "serve", "--port"]
    found = {
        "ours": Contender("Ticketwire", serve, environment=ours, authorized=True),
        "mercurius": node("Mercurius, JIT and loaders", "mercurius"),
        "tuned": node("Mercurius tuned by hand", "tuned"),
        "postgraphile": node("PostGraphile 5", "postgraphile", TABLES),
        "everyone": Contender("Strawberry as usual", python("everyone"), path="/"),
        "handler": Handler("handler without GraphQL", python("handler")),
    }
    if server == "sqlite":
        del found["tuned"], found["postgraphile"]
    return found
