"""The servers that are measured: how to start them, publish events and stop them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.databases import find_free_port
from benchmarks.programs import (
    BenchmarkError,
    compile_c_program,
    install_npm_packages,
    stop_process,
)

PEERS = Path(__file__).parent / "peers"
START_SECONDS = 40.0
COLLECT_SECONDS = 0.5


class Contender(ABC):
    """A server of one or more processes. It is restarted for each number of subscribers."""

    name: str
    label: str

    def __init__(self, cores: set[int]) -> None:
        self.cores = cores
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.gettempdir())

    tokens: Sequence[str] = ("none",)

    @abstractmethod
    def command(self) -> list[str]: ...

    def environment(self) -> Mapping[str, str]:
        return {}

    @abstractmethod
    def publish(self, count: int) -> None:
        """Request so many events at once. Returns before they are published."""

    @abstractmethod
    async def settled(self, seconds: float) -> int:
        """Wait until all requested events are published; return the last position. Raises
        BenchmarkError."""

    @property
    def pid(self) -> int:
        if self.process is None or self.process.poll() is not None:
            raise BenchmarkError(f"the server ended{self.last_error_line()}")
        return self.process.pid

    def last_error_line(self) -> str:
        text = (
            (self.folder / f"{self.name}.err").read_bytes()[-4000:].decode(errors="replace").strip()
        )
        return f": {text.splitlines()[-1][:160]}" if text else ""

    async def start(self, folder: Path) -> None:
        """Start the server and wait until it is ready. Raises BenchmarkError."""
        self.folder = folder
        self.port = find_free_port()
        with (folder / f"{self.name}.err").open("wb") as errors:
            self.process = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, sorted(self.cores))), *self.command()],
                env={**os.environ, **self.environment()},
                cwd=self.directory(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        await self.wait_until_ready()

    def directory(self) -> Path:
        return PEERS

    async def wait_until_ready(self) -> None:
        for _ in range(int(START_SECONDS / 0.05)):
            _ = self.pid
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise BenchmarkError("the server was not ready in time")

    async def refresh(self) -> None:  # noqa: B027 - optional for subclasses
        """Prepare for a phase."""

    async def collect_garbage(self) -> None:  # noqa: B027 - optional for subclasses
        """Collect garbage before memory is measured."""

    async def stop(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(stop_process, self.process)
            self.process = None


class InMemoryContender(Contender):
    """A server that follows commands on standard input.

    Its events are in memory, and it checks no permissions.
    """

    position = 1000

    async def start(self, folder: Path) -> None:
        self.position = 1000
        await super().start(folder)

    def publish(self, count: int) -> None:
        _ = self.pid
        assert self.process is not None
        assert self.process.stdin is not None
        # The time is taken here, so that it counts how long the server takes to read the command.
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{count} {at}\n".encode())
            self.process.stdin.flush()
        self.position += count

    async def settled(self, seconds: float) -> int:
        _ = self.pid
        return self.position


class Peer(InMemoryContender):
    """A server of Node.js from peers/."""

    def __init__(self, cores: set[int], name: str, label: str) -> None:
        super().__init__(cores)
        self.name, self.label = name, label

    def command(self) -> list[str]:
        return ["node", "--expose-gc", f"{self.name}.mjs", str(self.port)]

    async def collect_garbage(self) -> None:
        _ = self.pid
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(b"collect\n")
        self.process.stdin.flush()
        await asyncio.sleep(COLLECT_SECONDS)

    def environment(self) -> Mapping[str, str]:
        return {"NODE_ENV": "production"}


class Bare(InMemoryContender):
    """bare.c: no GraphQL and prepared frames, so that only the kernel and the load client work."""

    name, label = "bare", "bare C"

    def __init__(self, cores: set[int], program: Path) -> None:
        super().__init__(cores)
        self.program = program

    def command(self) -> list[str]:
        return [str(self.program), str(self.port)]


def install_peers() -> None:
    """Install the npm packages of the lock file. Raises BenchmarkError."""
    install_npm_packages(PEERS)


def compile_c(name: str, folder: Path) -> Path:
    """Compile a C file of this folder; return the program. Raises BenchmarkError."""
    return compile_c_program(Path(__file__).parent / f"{name}.c", folder)
