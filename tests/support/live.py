"""Helpers of live tests: conditions, the end of sockets, random changes, unreliable and slow
readers."""

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
"""The errors of a connection that breaks or can't be opened while a server is down."""


async def until(condition: Callable[[], Awaitable[T]], seconds: float = TIMEOUT_SECONDS) -> T:
    """Wait until the condition returns a true value; return it."""
    async with asyncio.timeout(seconds):
        while not (value := await condition()):
            await asyncio.sleep(0.02)
        return value


async def wait_for_close(
    socket: Socket, seconds: float = TIMEOUT_SECONDS
) -> tuple[int, str, list[dict[str, Any]]]:
    """Wait until the server closes a socket; return code, reason and the messages before the
    close."""
    messages: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionClosed):
            while True:
                messages.append(json.loads(await socket.connection.recv()))
    code, reason = socket.connection.close_code, socket.connection.close_reason
    assert code is not None
    return code, reason or "", messages


async def operation_error(socket: Socket) -> str:
    """The code of the error message that ends an operation."""
    message = await socket.receive()
    assert message["type"] == "error", message
    return str(Refused(message["payload"]).code)


def delivered_values(
    messages: Sequence[dict[str, Any]], field: str = "ticketEvents"
) -> list[dict[str, Any]]:
    """The values of a subscription that the messages deliver."""
    payloads = [message["payload"] for message in messages if message["type"] == "next"]
    return [payload["data"][field] for payload in payloads if payload.get("data")]


def positions_of(events: Sequence[dict[str, Any]]) -> list[int]:
    """The positions of events in the log."""
    return [decode_cursor(each["cursor"]) for each in events]


async def head_cursor() -> str:
    """The cursor of the newest event."""
    return event.encode_cursor(await event.read_head())


async def wait_until_log_is_read(client: Client) -> None:
    """Wait until the client's server has read the whole log."""

    async def is_read() -> bool:
        answer = (await client.post("{ viewer { role } }")).json()
        return bool(answer["extensions"]["cursor"] == await head_cursor())

    await until(is_read)


async def log_positions(**filters: Any) -> list[int]:
    """The positions of the matching events in the database, in order."""
    return list(
        await Event.filter(**filters).order_by("position").values_list("position", flat=True)
    )


def random_mutation(
    random: Random, ticket_id: str, people: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """A random mutation of an agent: its name and its input."""
    text = f"said {random.random()}"
    name, values = random.choice(
        [
            ("startTicket", {}),
            ("awaitCustomer", {}),
            ("resumeTicket", {}),
            ("holdTicket", {"until": "2999-01-01T00:00:00Z"}),
            ("resolveTicket", {"resolution": text}),
            ("closeTicket", {"reason": random.choice(["SPAM", "ABANDONED", "RESOLVED"])}),
            ("reopenTicket", {"reason": text}),
            ("reopenTicket", {"reason": text}),
            ("assignTicket", {"assigneeId": random.choice([None, *people])}),
            ("transferTicket", {"team": random.choice(["support", "sales", "billing"])}),
            (
                "updateTicket",
                {"addTags": [f"t{random.randrange(9)}"], "removeTags": [f"t{random.randrange(9)}"]},
            ),
            (
                "updateTicket",
                {"priority": random.choice(["LOW", "NORMAL", "HIGH", "URGENT"]), "subject": text},
            ),
            ("escalateTicket", {"reason": text}),
            ("replyToTicket", {"body": text}),
            ("addNote", {"body": text}),
        ]
    )
    return name, {"ticketId": ticket_id, **values}


class Follower:
    """A subscriber on a bad network: it is cut at random, and continues from its last cursor until
    it is stopped.

    With several clients it continues with any of them.
    """

    def __init__(
        self, clients: Sequence[Client], random: Random, after: str, **arguments: Any
    ) -> None:
        self.clients, self.random, self.arguments = clients, random, arguments
        self.cursor = after
        self.seen: list[int] = []
        self.cuts = 0
        self.cuts_without_event = 0
        """How many times in a row it was cut before it received an event."""
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
        """Stop reading, even if no event arrives."""
        self.stopped = True
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(0)

    async def stay(self, socket: Socket) -> None:
        """Read one or more subscriptions on one socket, until the socket is cut or closed."""
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

        The time doubles after each cut that came before any event, so a slow server makes
        progress eventually.
        """
        count, seen = self.random.choice([1, 2, 5, 1000]), len(self.seen)
        seconds = self.random.uniform(0.01, 0.4) * 2 ** min(self.cuts_without_event, 8)
        await self.take_for(seconds, socket, operation, count)
        self.cuts_without_event = self.cuts_without_event + 1 if len(self.seen) == seen else 0

    async def take_for(
        self, seconds: float | None, socket: Socket, operation: str, count: float
    ) -> None:
        """Take this many events, or stop at the timeout or when the follower is stopped."""
        if self.stopped:
            return
        self.limit = asyncio.timeout(seconds)
        try:
            async with self.limit:
                while count:
                    message = await socket.receive(None)
                    if message["id"] != operation:
                        continue  # it was in flight when its operation was completed
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
    """A socket with small buffers at both ends and without compression.

    Unread data soon waits in the server. The default buffers of the kernel depend on the machine.
    """
    peer = tcp.socket()
    peer.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, SMALL_BUFFER_BYTES)
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", service.port))
    address = peer.getsockname()
    async with open_connection(
        service.ws, sock=peer, max_size=None, compression=None
    ) as connection:
        (end,) = [
            each for each in service.server.server_state.connections if each.client == address
        ]  # type: ignore[union-attr]
        end.transport.get_extra_info("socket").setsockopt(
            tcp.SOL_SOCKET, tcp.SO_SNDBUF, SMALL_BUFFER_BYTES
        )
        # a slow test must not look like a peer without pongs
        end.stop_keepalive()  # type: ignore[union-attr]
        end.close_timeout = TIMEOUT_SECONDS  # type: ignore[union-attr]
        socket = Socket(connection)
        await socket.initialise({"authorization": f"Bearer {token}"})
        yield socket


def count_waiting_groups() -> int:
    """The number of subscription groups of this process that wait for their only subscriber to
    read."""
    return len([task for task in asyncio.all_tasks() if waits_for_drain(task.get_coro())])


def waits_for_drain(coroutine: Any) -> bool:
    while coroutine is not None:
        if getattr(coroutine, "__qualname__", "").endswith("Outbox.drain"):
            return True
        coroutine = getattr(coroutine, "cr_await", None)
    return False
