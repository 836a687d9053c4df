"""A receiver of webhooks that is dead, slow, lying, redirecting or flapping; it keeps a journal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from random import Random

from support.ports import listening_socket

BEHAVIOURS = (
    "dead",
    "silent",
    "trickling",
    "failing",
    "redirecting",
    "flapping",
    "closing early",
    "ending a chunk early",
    "wrong length",
    "no HTTP",
    "not reading",
)
FLAPS = ("working", "failing", "dead", "closing early", "redirecting")
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
RESPONSES = {
    "working": b"HTTP/1.1 204 No Content\r\n\r\n",
    # A whole response by its own length, followed by more bytes.
    "wrong length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and some more",
    "not reading": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "failing": b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "redirecting": REDIRECT,
    "closing early": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok",
    "ending a chunk early": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
}
ACKNOWLEDGEMENTS = ("working", "wrong length")
"""The behaviours whose response acknowledges the event."""
END_OF_HEAD = b"\r\n\r\n"
Log = Sequence[tuple[str, object]]
"""The ids of events in the order of the log, each with its ticket."""


@dataclass(frozen=True)
class Entry:
    """Something that happened at the receiver.

    kind  `arrived`, `acknowledged`, or `lied`: it promised success for a request it did not read
    """

    kind: str
    event_id: str


@dataclass
class BadReceiver:
    """Behaves as `behaviour` says from the next request on."""

    random: Random
    behaviour: str = "working"
    port: int = 0
    journal: list[Entry] = field(default_factory=list[Entry])
    bodies: dict[str, set[bytes]] = field(default_factory=dict[str, set[bytes]])
    """The different bodies of each event."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def ids(self, kind: str) -> set[str]:
        return {each.event_id for each in self.journal if each.kind == kind}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behaviour = self.behaviour
        if behaviour == "flapping":
            behaviour = self.random.choice(FLAPS)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if behaviour == "dead":
                writer.transport.abort()
                return
            await self.respond(behaviour, reader, writer)
        writer.close()

    async def respond(
        self, behaviour: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(END_OF_HEAD)).decode("latin-1").split("\r\n")
        lines = [line.partition(":") for line in head[1:] if line]
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        event_id = headers["webhook-id"]
        if behaviour == "not reading":
            self.journal.append(Entry("lied", event_id))
        else:
            body = await reader.readexactly(int(headers["content-length"]))
            self.journal.append(Entry("arrived", event_id))
            self.bodies.setdefault(event_id, set()).add(body)
        if behaviour == "silent":
            await reader.read()  # until the service gives up
        elif behaviour == "trickling":
            await trickle(writer)
        else:
            if behaviour in ACKNOWLEDGEMENTS:
                self.journal.append(Entry("acknowledged", event_id))
            writer.write(RESPONSES[behaviour])
            await writer.drain()


async def trickle(writer: asyncio.StreamWriter) -> None:
    """A byte of a header now and then, until the service gives up."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def receiving_badly(random: Random) -> AsyncGenerator[BadReceiver]:
    """The server, which works until its `behaviour` is changed."""
    receiver = BadReceiver(random)
    listening = listening_socket()
    receiver.port = int(listening.getsockname()[1])
    server = await asyncio.start_server(receiver.handle, sock=listening)
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()


def check_order(receiver: BadReceiver, log: Log, begin: int = 0) -> None:
    """No event arrived before the receiver had acknowledged the earlier ones of its ticket."""
    earlier: dict[str, set[str]] = {}
    of_ticket: dict[object, set[str]] = {}
    for event_id, ticket in log:
        before = of_ticket.setdefault(ticket, set())
        earlier[event_id] = set(before)
        before.add(event_id)
    promised: set[str] = set()
    for entry in receiver.journal[begin:]:
        if entry.kind == "arrived":
            missing = earlier[entry.event_id] - promised
            assert not missing, f"{entry.event_id} arrived before {sorted(missing)}"
        else:
            promised.add(entry.event_id)
