"""Who is measured: a process that serves, and a way to have it publish events. Each is ended by its own process id."""

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

from benchmarks.databases import free_port
from benchmarks.programs import Failed, end, installed
from benchmarks.programs import compiled as built

PEERS = Path(__file__).parent / "peers"
START_SECONDS = 40.0
COLLECT_SECONDS = 0.5


class Contender(ABC):
    """One server in one process or several; started anew for each number of subscribers."""

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
        """Ask for so many events at once; returns before they are out."""

    @abstractmethod
    async def settled(self, seconds: float) -> int:
        """Wait until all that was asked for is out; the position of the newest event. Raises Failed."""

    @property
    def pid(self) -> int:
        if self.process is None or self.process.poll() is not None:
            raise Failed(f"it ended{self.last_words()}")
        return self.process.pid

    def last_words(self) -> str:
        text = (self.folder / f"{self.name}.err").read_bytes()[-4000:].decode(errors="replace").strip()
        return f": {text.splitlines()[-1][:160]}" if text else ""

    async def start(self, folder: Path) -> None:
        """Serve; returns once it answers. Raises Failed."""
        self.folder = folder
        self.port = free_port()
        with (folder / f"{self.name}.err").open("wb") as errors:
            self.process = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, sorted(self.cores))), *self.command()],
                env={**os.environ, **self.environment()},
                cwd=self.directory(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        await self.answering()

    def directory(self) -> Path:
        return PEERS

    async def answering(self) -> None:
        for _ in range(int(START_SECONDS / 0.05)):
            _ = self.pid
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise Failed("it did not answer in time")

    async def refresh(self) -> None:  # noqa: B027 - most have nothing to do
        """Before a phase: whatever has to be put right."""

    async def collect(self) -> None:  # noqa: B027 - only Node.js can be asked
        """Before memory is looked at: drop garbage."""

    async def stop(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(end, self.process)
            self.process = None


class Told(Contender):
    """A server that is told on its standard input what to publish: events ready in memory, nobody's rights checked."""

    position = 1000

    async def start(self, folder: Path) -> None:
        self.position = 1000
        await super().start(folder)

    def publish(self, count: int) -> None:
        _ = self.pid
        assert self.process is not None
        assert self.process.stdin is not None
        # The instant is taken here: a server that is late in reading it has been late with the event.
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{count} {at}\n".encode())
            self.process.stdin.flush()
        self.position += count

    async def settled(self, seconds: float) -> int:
        _ = self.pid
        return self.position


class Peer(Told):
    """A server of Node.js, out of peers/."""

    def __init__(self, cores: set[int], name: str, label: str) -> None:
        super().__init__(cores)
        self.name, self.label = name, label

    def command(self) -> list[str]:
        return ["node", "--expose-gc", f"{self.name}.mjs", str(self.port)]

    async def collect(self) -> None:
        _ = self.pid
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(b"collect\n")
        self.process.stdin.flush()
        await asyncio.sleep(COLLECT_SECONDS)

    def environment(self) -> Mapping[str, str]:
        return {"NODE_ENV": "production"}


class Bare(Told):
    """bare.c: no GraphQL, ready frames. What is left is the kernel and the load client."""

    name, label = "bare", "bare C"

    def __init__(self, cores: set[int], program: Path) -> None:
        super().__init__(cores)
        self.program = program

    def command(self) -> list[str]:
        return [str(self.program), str(self.port)]


def installed_peers() -> None:
    """The npm packages, as the lock says. Raises Failed."""
    installed(PEERS)


def compiled(name: str, folder: Path) -> Path:
    """A program out of a C file beside this one. Raises Failed."""
    return built(Path(__file__).parent / f"{name}.c", folder)
