"""Ticketwire as in production: `python -m cli serve`, agents with tokens, and Redis as wake-up
bus."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.databases import ROOT, pin_database
from benchmarks.fanout.contenders import Contender
from benchmarks.http_reader import is_healthy
from benchmarks.programs import BenchmarkError
from benchmarks.server import START_TIMEOUT_SECONDS

AGENTS = 4
SCOPES = "tickets:read,tickets:write,events:read,notes:read,notes:write,users:read"


class Ticketwire(Contender):
    """Ticketwire on a new database. Each event is one that the writer has committed to the log."""

    name, label = "ticketwire", "Ticketwire"

    def __init__(
        self,
        cores: set[int],
        load_cores: set[int],
        database: str,
        bus: str,
        workers: int,
        *,
        mutations: bool = False,
    ) -> None:
        """With `mutations`, the events are those of mutations that the server executes."""
        super().__init__(cores)
        self.load_cores, self.database, self.bus, self.workers = load_cores, database, bus, workers
        self.mutations = mutations
        self.writer: asyncio.subprocess.Process | None = None
        self.position = self.pending = 0

    def working_folder(self) -> Path:
        return ROOT

    def environment(self) -> Mapping[str, str]:
        unlimited = str(100_000)
        return {
            "TICKETWIRE_MODE": "production",
            "TICKETWIRE_DATABASE_URL": self.database,
            "TICKETWIRE_BUS_URL": self.bus,
            "TICKETWIRE_LOG_LEVEL": "warning",
            "TICKETWIRE_RUN_JOBS": "false",  # the background jobs are not measured
            "TICKETWIRE_COST_BUCKET_SIZE": "0",  # a few viewers have thousands of sockets
            "TICKETWIRE_MAX_CONNECTIONS": unlimited,
            "TICKETWIRE_MAX_SUBSCRIPTIONS_PER_VIEWER": unlimited,
            "TICKETWIRE_MAX_SUBSCRIPTION_COST_PER_VIEWER": unlimited,
            "TICKETWIRE_MAX_CONNECTIONS_PER_VIEWER": unlimited,
            "TICKETWIRE_MAX_CONNECTIONS_PER_ADDRESS": unlimited,
        }

    def command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "cli",
            "serve",
            "--port",
            str(self.port),
            "--workers",
            str(self.workers),
        ]

    async def run_cli(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments),
            cwd=ROOT,
            env={**os.environ, **self.environment()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
        if process.returncode:
            raise BenchmarkError(f"cli {arguments[0]}: {stderr.decode().strip()[-200:]}")
        return stdout.decode().strip()

    async def prepare(self) -> None:
        """Create the tables, agents and tokens, once for all runs."""
        await self.run_cli("migrate")
        tokens: list[str] = []
        for number in range(1, AGENTS + 1):
            email = f"agent{number}@bench.example"
            person = (
                "--email",
                email,
                "--name",
                f"Agent {number}",
                "--role",
                "agent",
                "--team",
                "support",
            )
            await self.run_cli("user", "create", *person, "--password", os.urandom(12).hex())
            arguments = ("--scopes", SCOPES, "--email", email)
            tokens.append(await self.run_cli("token", "create", *arguments))
        self.tokens = tokens

    async def start(self, folder: Path) -> None:
        if self.tokens == ("none",):
            await self.prepare()
        await super().start(folder)
        target = (str(self.port), self.tokens[0]) if self.mutations else ()
        self.writer = await asyncio.create_subprocess_exec(
            *("taskset", "-c", ",".join(map(str, sorted(self.load_cores)))),
            *(sys.executable, "-m", "benchmarks.fanout.writer", self.bus, *target),
            cwd=ROOT,
            env={**os.environ, **self.environment()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=(folder / "writer.err").open("wb"),
        )
        kind, _, position = (await self.read_writer_line(30)).partition(" ")
        assert kind == "ready"
        self.position, self.pending = int(position), 0
        await self.pin_other_processes()

    async def wait_until_ready(self) -> None:
        """Wait until the server is healthy, because its port is bound earlier."""
        for _ in range(int(START_TIMEOUT_SECONDS / 0.05)):
            self.require_running()
            if await is_healthy(self.port):
                return
            await asyncio.sleep(0.05)
        raise BenchmarkError("the server was not ready in time")

    async def pin_other_processes(self) -> None:
        """Move the database's processes off the server's core."""
        await pin_database(self.database, self.load_cores)

    async def read_writer_line(self, seconds: float) -> str:
        assert self.writer is not None
        assert self.writer.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self.writer.stdout.readline()
        except TimeoutError:
            raise BenchmarkError(f"the writer did not commit within {seconds:.0f} s") from None
        if not line:
            text = (self.folder / "writer.err").read_text().strip()
            raise BenchmarkError(f"the writer ended: {text.splitlines()[-1][:160] if text else ''}")
        return line.decode().strip()

    def publish(self, count: int) -> None:
        assert self.writer is not None
        assert self.writer.stdin is not None
        self.writer.stdin.write(f"{count}\n".encode())
        self.pending += 1

    async def wait_until_published(self, seconds: float) -> int:
        self.require_running()
        while self.pending:
            self.position = int(await self.read_writer_line(seconds))
            self.pending -= 1
        return self.position

    async def stop(self) -> None:
        if self.writer is not None:
            if self.writer.returncode is None:
                self.writer.kill()
            await self.writer.wait()
            self.writer = None
        await super().stop()
