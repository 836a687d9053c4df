"""The interface to the load client, client.c: one command, one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

FIELDS = (
    "{ cursor from to occurredAt "
    "ticket { id number ref subject status priority team { slug name } } actor { displayName } }"
)
PAYLOAD = {
    "query": f"subscription($after: String) {{ ticketStatusChanged(after: $after) {FIELDS} }}",
    "variables": {"after": None},
}
FILTERED_PAYLOAD = {
    "query": "subscription($filter: TicketFilter) "
    f"{{ ticketStatusChanged(filter: $filter) {FIELDS} }}",
    "variables": {"filter": {"escalationLevel": {"lt": "@socket"}}},
}
"""Each socket has another filter, because client.c replaces "@socket" by its number. All match."""
GRACE_SECONDS = 10.0
MAX_CONNECTING = 64


class ClientFailed(Exception):
    """The load client ended or did not answer, so its measurements are lost."""


@dataclass(frozen=True)
class Answer:
    """The measurements since `zero`. Latencies are in milliseconds since the event was sent."""

    open: int
    seconds: float
    behind: int
    """Sockets that have not got the event of `wait`."""
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
    """The worst latency since the previous answer."""
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
        """Events that were lost, duplicated, out of order, under a wrong id or malformed."""
        return self.gaps + self.doubles + self.foreign + self.malformed


class Client:
    """A running load client."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lock = asyncio.Lock()

    @classmethod
    async def start(
        cls,
        program: Path,
        port: int,
        tokens: Sequence[str],
        folder: Path,
        cores: set[int],
        payload: Mapping[str, object] = PAYLOAD,
    ) -> Client:
        (folder / "payload.json").write_text(json.dumps(payload))
        (folder / "tokens").write_text("\n".join(tokens))
        process = await asyncio.create_subprocess_exec(
            *("taskset", "-c", ",".join(map(str, sorted(cores)))),
            *(
                str(program),
                str(port),
                "/graphql",
                str(folder / "payload.json"),
                str(folder / "tokens"),
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def send_command(self, command: str, seconds: float = 0) -> Answer:
        """Send a command that takes so many seconds; return the answer.

        Raises ClientFailed if none comes within GRACE_SECONDS after that.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self.lock:
            self.process.stdin.write(f"{command}\n".encode())
            try:
                async with asyncio.timeout(seconds + GRACE_SECONDS):
                    line = await self.process.stdout.readline()
            except TimeoutError:
                raise ClientFailed(f"no answer to {command!r}") from None
        if not line:
            assert self.process.stderr is not None
            raise ClientFailed(
                (await self.process.stderr.read()).decode().strip() or "the client ended"
            )
        fields = json.loads(line)
        return Answer(**{name: fields[name] for name in Answer.__dataclass_fields__})

    async def open(self, count: int, seconds: float) -> Answer:
        """Connect and subscribe so many sockets."""
        return await self.send_command(f"open {count} {MAX_CONNECTING} {seconds}", seconds)

    async def zero(self) -> Answer:
        return await self.send_command("zero")

    async def stats(self) -> Answer:
        return await self.send_command("stats")

    async def wait(self, position: int, seconds: float) -> Answer:
        """Wait until each socket has the event at a position."""
        return await self.send_command(f"await {position} {seconds}", seconds)
