"""The load client, client.c, as the driver talks to it: one command, one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

QUERY = (
    "subscription($after: String) { ticketStatusChanged(after: $after) { cursor from to occurredAt "
    "ticket { id number ref subject status priority team { slug name } } actor { displayName } } }"
)
GRACE = 10.0
WINDOW = 64


class ClientFailed(Exception):
    """The load client ended or did not answer; what it measured is worth nothing."""


@dataclass(frozen=True)
class Answer:
    """What was measured since `zero`. Times of deliveries are in milliseconds since the event was sent."""

    open: int
    seconds: float
    behind: int
    """Sockets that do not have what was waited for."""
    received: int
    bytes: int
    message_bytes: float
    reads: int
    close_reads: int
    p50: float
    p90: float
    p99: float
    worst: float
    recent: float
    """The worst since the answer before."""
    gaps: int
    doubles: int
    foreign: int
    malformed: int
    closed: int
    first: int
    last: int
    cpu: float
    wall: float
    trouble: str

    @property
    def wrong(self) -> int:
        """Events missed, doubled, out of order, under another's id, or not as asked for."""
        return self.gaps + self.doubles + self.foreign + self.malformed


class Client:
    """A process of client.c."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.one_at_a_time = asyncio.Lock()

    @classmethod
    async def start(cls, program: Path, port: int, tokens: Sequence[str], folder: Path, cores: set[int]) -> Client:
        (folder / "payload.json").write_text(json.dumps({"query": QUERY, "variables": {"after": None}}))
        (folder / "tokens").write_text("\n".join(tokens))
        process = await asyncio.create_subprocess_exec(
            *("taskset", "-c", ",".join(map(str, sorted(cores)))),
            *(str(program), str(port), "/graphql", str(folder / "payload.json"), str(folder / "tokens")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def ask(self, command: str, seconds: float = 0) -> Answer:
        """Raises ClientFailed where there is no answer a while after the time that the command takes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self.one_at_a_time:
            self.process.stdin.write(f"{command}\n".encode())
            try:
                async with asyncio.timeout(seconds + GRACE):
                    line = await self.process.stdout.readline()
            except TimeoutError:
                raise ClientFailed(f"no answer to {command!r}") from None
        if not line:
            assert self.process.stderr is not None
            raise ClientFailed((await self.process.stderr.read()).decode().strip() or "it ended")
        found = json.loads(line)
        return Answer(**{name: found[name] for name in Answer.__dataclass_fields__})

    async def open(self, count: int, seconds: float) -> Answer:
        """Connect and subscribe until so many sockets are live."""
        return await self.ask(f"open {count} {WINDOW} {seconds}", seconds)

    async def zero(self) -> Answer:
        return await self.ask("zero")

    async def stats(self) -> Answer:
        return await self.ask("stats")

    async def wait(self, position: int, seconds: float) -> Answer:
        """Until each socket has the event at a position."""
        return await self.ask(f"await {position} {seconds}", seconds)
