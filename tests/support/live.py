"""What live tests share: waiting for a condition, how a socket ends, random changes, readers that are cut, and slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as tcp
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from random import Random
from typing import Any, TypeVar

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from models.log import event
from models.log.event import Event, decode_cursor
from support.client import EVENTS, TIMEOUT_SECONDS, Client, Refused, Socket, open_connection
from support.service import Service

T = TypeVar("T")
SMALL_BUFFER_BYTES = 16 * 1024
CONNECTION_ERRORS = (OSError, EOFError, ConnectionClosed, InvalidHandshake)
"""How a connection ends, or is not to be had, while a server is away."""


async def until(found: Callable[[], Awaitable[T]], seconds: float = TIMEOUT_SECONDS) -> T:
    """Ask until the answer is true; returns it."""
    async with asyncio.timeout(seconds):
        while not (answer := await found()):
            await asyncio.sleep(0.02)
        return answer


async def wait_for_close(socket: Socket, seconds: float = TIMEOUT_SECONDS) -> tuple[int, str, list[dict[str, Any]]]:
    """How the server ends a socket: the close code, the reason, and what came before."""
    came: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionClosed):
            while True:
                came.append(json.loads(await socket.connection.recv()))
    code, reason = socket.connection.close_code, socket.connection.close_reason
    assert code is not None
    return code, reason or "", came


async def operation_error(socket: Socket) -> str:
    """The code of the error message with which an operation ends before it began."""
    message = await socket.receive()
    assert message["type"] == "error", message
    return str(Refused(message["payload"]).code)


def delivered_values(messages: Sequence[dict[str, Any]], field: str = "ticketEvents") -> list[dict[str, Any]]:
    """What the messages deliver of a subscription."""
    payloads = [message["payload"] for message in messages if message["type"] == "next"]
    return [payload["data"][field] for payload in payloads if payload.get("data")]


def positions_of(events: Sequence[dict[str, Any]]) -> list[int]:
    """The positions of events in the log."""
    return [decode_cursor(each["cursor"]) for each in events]


async def head_cursor() -> str:
    """The cursor of the newest entry."""
    return event.encode_cursor(await event.read_head())


async def log_positions(**wanted: Any) -> list[int]:
    """The positions of the entries that the database holds, in order."""
    return list(await Event.filter(**wanted).order_by("position").values_list("position", flat=True))


def random_mutation(random: Random, ticket_id: str, people: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """A mutation of the team by chance: its name and its input."""
    words = f"said {random.random()}"
    name, more = random.choice(
        [
            ("startTicket", {}),
            ("awaitCustomer", {}),
            ("resumeTicket", {}),
            ("holdTicket", {"until": "2999-01-01T00:00:00Z"}),
            ("resolveTicket", {"resolution": words}),
            ("closeTicket", {"reason": random.choice(["SPAM", "ABANDONED", "RESOLVED"])}),
            ("reopenTicket", {"reason": words}),
            ("reopenTicket", {"reason": words}),
            ("assignTicket", {"assigneeId": random.choice([None, *people])}),
            ("transferTicket", {"team": random.choice(["support", "sales", "billing"])}),
            ("updateTicket", {"addTags": [f"t{random.randrange(9)}"], "removeTags": [f"t{random.randrange(9)}"]}),
            ("updateTicket", {"priority": random.choice(["LOW", "NORMAL", "HIGH", "URGENT"]), "subject": words}),
            ("escalateTicket", {"reason": words}),
            ("replyToTicket", {"body": words}),
            ("addNote", {"body": words}),
        ]
    )
    return name, {"ticketId": ticket_id, **more}


class Follower:
    """A subscriber on a bad network: it is cut at random, and continues from its last cursor until it is stopped.

    With several clients it continues with any of them.
    """

    def __init__(self, clients: Sequence[Client], random: Random, after: str, **wanted: Any) -> None:
        self.clients, self.random, self.arguments = clients, random, wanted
        self.cursor = after
        self.seen: list[int] = []
        self.cuts = 0
        self.cuts_without_event = 0
        """How many times in a row it was cut before it saw an event."""
        self.stopped = False
        self.limit: asyncio.Timeout | None = None

    async def run(self) -> None:
        while not self.stopped:
            try:
                async with self.random.choice(self.clients).socket() as socket:
                    await self.stay(socket)
            except CONNECTION_ERRORS:
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        """Have it leave, even if no event arrives."""
        self.stopped = True
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(0)

    async def stay(self, socket: Socket) -> None:
        """Read on one socket, through one subscription or several, until it is cut or left."""
        while not self.stopped:
            operation = await socket.subscribe(EVENTS, after=self.cursor, **self.arguments)
            await self.read(socket, operation)
            self.cuts += 1
            cut = self.random.choice(["abort", "close", "complete"])
            if cut == "abort":
                socket.connection.transport.abort()
                return
            if cut == "close":
                return
            await socket.send({"type": "complete", "id": operation})

    async def read(self, socket: Socket, operation: str) -> None:
        """Take events for a short random time, or a random number of them.

        The time doubles after each cut that came before any event, so that a slow server can't be cut for ever.
        """
        count, seen = self.random.choice([1, 2, 5, 1000]), len(self.seen)
        seconds = self.random.uniform(0.01, 0.4) * 2 ** min(self.cuts_without_event, 8)
        await self.take_for(seconds, socket, operation, count)
        self.cuts_without_event = self.cuts_without_event + 1 if len(self.seen) == seen else 0

    async def take_for(self, seconds: float | None, socket: Socket, operation: str, count: float) -> None:
        """Take so many events, until the time is over or it is stopped."""
        if self.stopped:
            return
        self.limit = asyncio.timeout(seconds)
        try:
            async with self.limit:
                while count:
                    message = await socket.receive(None)
                    if message["id"] != operation:
                        continue  # it was on its way when its operation was completed
                    assert message["type"] == "next", message
                    assert "errors" not in message["payload"], message
                    self.take(message["payload"]["data"]["ticketEvents"])
                    count -= 1
        except TimeoutError:
            return
        finally:
            self.limit = None

    def take(self, seen: dict[str, Any]) -> None:
        self.cursor = seen["cursor"]
        self.seen.append(decode_cursor(self.cursor))


# ---------------------------------------------------------------- peers that don't read


@contextlib.asynccontextmanager
async def small_buffer_socket(service: Service, token: str) -> AsyncIterator[Socket]:
    """A socket with small buffers at both ends and without compression: what its peer does not read soon waits in the server.

    How much the kernel buffers by default depends on the machine.
    """
    peer = tcp.socket()
    peer.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, SMALL_BUFFER_BYTES)
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", service.port))
    address = peer.getsockname()
    async with open_connection(service.ws, sock=peer, max_size=None, compression=None) as connection:
        (end,) = [each for each in service.server.server_state.connections if each.client == address]  # type: ignore[union-attr]
        end.transport.get_extra_info("socket").setsockopt(tcp.SOL_SOCKET, tcp.SO_SNDBUF, SMALL_BUFFER_BYTES)
        end.stop_keepalive()  # type: ignore[union-attr] - however slow the test is, its peer is not cut off before it reads on
        end.close_timeout = TIMEOUT_SECONDS  # type: ignore[union-attr]
        found = Socket(connection)
        await found.initialise({"authorization": f"Bearer {token}"})
        yield found


def count_waiting_groups() -> int:
    """How many subscription groups of this process wait until their only subscriber reads."""
    return len([task for task in asyncio.all_tasks() if waits_for_drain(task.get_coro())])


def waits_for_drain(coroutine: Any) -> bool:
    while coroutine is not None:
        if getattr(coroutine, "__qualname__", "").endswith("Outbox.drain"):
            return True
        coroutine = getattr(coroutine, "cr_await", None)
    return False
