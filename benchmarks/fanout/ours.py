"""Ticketwire as in production: `python -m cli serve`, agents with tokens, and Redis as wake-up
bus."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import asyncpg

from benchmarks.databases import ROOT, free_port
from benchmarks.fanout import machine
from benchmarks.fanout.contenders import Contender
from benchmarks.programs import BenchmarkError, stop_process

AGENTS = 4


class Ticketwire(Contender):
    """Ticketwire on a new database. Each event is one that the writer has committed to the log."""

    name, label = "ours", "Ticketwire"

    def __init__(
        self, cores: set[int], load_cores: set[int], database: str, bus: str, workers: int
    ) -> None:
        super().__init__(cores)
        self.load_cores, self.database, self.bus, self.workers = load_cores, database, bus, workers
        self.writer: asyncio.subprocess.Process | None = None
        self.position = self.pending = 0
        self.pinned = 0

    def directory(self) -> Path:
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
            tokens.append(await self.run_cli("token", "create", "--email", email))
        self.tokens = tokens

    async def start(self, folder: Path) -> None:
        if self.tokens == ("none",):
            await self.prepare()
        await super().start(folder)
        self.writer = await asyncio.create_subprocess_exec(
            *("taskset", "-c", ",".join(map(str, sorted(self.load_cores)))),
            *(sys.executable, "-m", "benchmarks.fanout.writer", self.bus),
            cwd=ROOT,
            env={**os.environ, **self.environment()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=(folder / "writer.err").open("wb"),
        )
        kind, _, position = (await self.read_writer_line(30)).partition(" ")
        assert kind == "ready"
        self.position, self.pending = int(position), 0
        await self.refresh()

    async def wait_until_ready(self) -> None:
        """Wait until /health responds with 200, because the port is bound earlier."""
        for _ in range(800):
            _ = self.pid
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(
                    b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                async with asyncio.timeout(10):
                    first = await reader.readline()
                writer.close()
                if b" 200 " in first:
                    return
            await asyncio.sleep(0.05)
        raise BenchmarkError("the server was not ready in time")

    async def refresh(self) -> None:
        """Move the processes of Postgres that work for this database off the server's core."""
        if self.database.startswith("sqlite"):
            return
        connection = await asyncpg.connect(self.database)
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        )
        await connection.close()
        self.pinned = sum(
            is_postgres(row["pid"]) and machine.pin(row["pid"], self.load_cores) for row in rows
        )

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

    async def settled(self, seconds: float) -> int:
        _ = self.pid
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


def is_postgres(pid: int) -> bool:
    """Whether a process id from the database is a Postgres process of this machine."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False


@contextlib.asynccontextmanager
async def start_redis(cores: set[int], folder: Path) -> AsyncGenerator[str]:
    """Start a Redis server; yields its URL. Raises BenchmarkError if Redis is not installed."""
    if shutil.which("redis-server") is None:
        raise BenchmarkError("redis-server is not installed; pass a URL with --bus redis://…")
    port = free_port()
    process = subprocess.Popen(
        [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    machine.pin(process.pid, cores)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(stop_process, process)
