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
START_TIMEOUT_SECONDS = 40.0
GARBAGE_COLLECTION_SECONDS = 0.5


class Contender(ABC):
    """A server of one or more processes. It is restarted for each number of subscribers."""

    name: str
    label: str
    tokens: Sequence[str] = ("none",)
    """The tokens that the sockets use in turn."""

    def __init__(self, cores: set[int]) -> None:
        self.cores = cores
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.gettempdir())
        """The folder for the server's error output."""

    @abstractmethod
    def command(self) -> list[str]: ...

    def environment(self) -> Mapping[str, str]:
        return {}

    @abstractmethod
    def publish(self, count: int) -> None:
        """Request so many events at once. Returns before they are published."""

    @abstractmethod
    async def wait_until_published(self, seconds: float) -> int:
        """Wait until all requested events are published; return the last position. Raises
        BenchmarkError."""

    @property
    def pid(self) -> int:
        return self.require_running().pid

    def require_running(self) -> subprocess.Popen[bytes]:
        """The server's process. Raises BenchmarkError if it has ended."""
        if self.process is None or self.process.poll() is not None:
            raise BenchmarkError(f"the server ended{self.last_error_line()}")
        return self.process

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
                cwd=self.working_folder(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        await self.wait_until_ready()

    def working_folder(self) -> Path:
        return PEERS

    async def wait_until_ready(self) -> None:
        for _ in range(int(START_TIMEOUT_SECONDS / 0.05)):
            self.require_running()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise BenchmarkError("the server was not ready in time")

    async def pin_other_processes(self) -> None:  # noqa: B027 - optional for subclasses
        """Move processes that serve the contender, such as a database, off its cores."""

    async def collect_garbage(self) -> None:  # noqa: B027 - optional for subclasses
        """Collect garbage before memory is measured."""

    async def stop(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(stop_process, self.process)
            self.process = None


class InMemoryContender(Contender):
    """A server that reads commands from standard input.

    Its events are in memory, and it checks no permissions.
    """

    position = 1000
    """The last published position. The servers begin at the same one."""

    async def start(self, folder: Path) -> None:
        self.position = 1000
        await super().start(folder)

    def publish(self, count: int) -> None:
        stdin = self.require_running().stdin
        assert stdin is not None
        # The latency counts from here, so it includes the time until the server reads the command.
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with contextlib.suppress(BrokenPipeError):
            stdin.write(f"{count} {at}\n".encode())
            stdin.flush()
        self.position += count

    async def wait_until_published(self, seconds: float) -> int:
        self.require_running()
        return self.position


class Peer(InMemoryContender):
    """A server of Node.js from peers/."""

    def __init__(self, cores: set[int], name: str, label: str) -> None:
        super().__init__(cores)
        self.name, self.label = name, label

    def command(self) -> list[str]:
        return ["node", "--expose-gc", f"{self.name}.mjs", str(self.port)]

    async def collect_garbage(self) -> None:
        stdin = self.require_running().stdin
        assert stdin is not None
        stdin.write(b"collect\n")
        stdin.flush()
        await asyncio.sleep(GARBAGE_COLLECTION_SECONDS)

    def environment(self) -> Mapping[str, str]:
        return {"NODE_ENV": "production"}


class Bare(InMemoryContender):
    """bare.c: sends prepared frames and runs no GraphQL.

    Its figures show the limits of the kernel and the load client.
    """

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
