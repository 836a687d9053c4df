"""What live tests share: waiting for a condition, how a socket ends, changes by chance, and a reader that is cut and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, TypeVar

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from models import event
from models.event import Event, position_of
from support.client import EVENTS, SECONDS, Client, Refused, Socket

T = TypeVar("T")
AWAY = (OSError, EOFError, ConnectionClosed, InvalidHandshake)
"""How a connection ends, or is not to be had, while a server is away."""


async def until(found: Callable[[], Awaitable[T]], seconds: float = SECONDS) -> T:
    """Ask until the answer is true; returns it."""
    async with asyncio.timeout(seconds):
        while not (answer := await found()):
            await asyncio.sleep(0.02)
        return answer


async def end_of(socket: Socket, seconds: float = SECONDS) -> tuple[int, str, list[dict[str, Any]]]:
    """How the server ends a socket: the close code, the reason, and what came before."""
    came: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionClosed):
            while True:
                came.append(json.loads(await socket.connection.recv()))
    code, reason = socket.connection.close_code, socket.connection.close_reason
    assert code is not None
    return code, reason or "", came


async def error_of(socket: Socket) -> str:
    """The code of the error message with which an operation ends before it began."""
    message = await socket.receive()
    assert message["type"] == "error", message
    return str(Refused(message["payload"]).code)


def events_in(messages: Sequence[dict[str, Any]], field: str = "ticketEvents") -> list[dict[str, Any]]:
    """What the messages deliver of a subscription."""
    payloads = [message["payload"] for message in messages if message["type"] == "next"]
    return [payload["data"][field] for payload in payloads if payload.get("data")]


def places(events: Sequence[dict[str, Any]]) -> list[int]:
    """The positions of events in the log."""
    return [position_of(each["cursor"]) for each in events]


async def head() -> str:
    """The cursor of the newest entry."""
    return event.cursor(await event.head())


async def log(**wanted: Any) -> list[int]:
    """The positions of the entries that the database holds, in order."""
    return list(await Event.filter(**wanted).order_by("position").values_list("position", flat=True))


def change(random: Random, ticket_id: str, people: Sequence[str]) -> tuple[str, dict[str, Any]]:
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
    """A subscriber on a bad network: it is cut by chance, and goes on from its last cursor until it was told to stop.

    With several clients it goes on with any of them.
    """

    def __init__(self, clients: Sequence[Client], random: Random, after: str, **wanted: Any) -> None:
        self.clients, self.random, self.wanted = clients, random, wanted
        self.cursor = after
        self.seen: list[int] = []
        self.cuts = 0
        self.stopped = False

    async def run(self) -> None:
        while not self.stopped:
            try:
                async with self.random.choice(self.clients).socket() as socket:
                    await self.stay(socket)
            except AWAY:
                await asyncio.sleep(0.02)

    async def stay(self, socket: Socket) -> None:
        """Read on one socket, through one subscription or several, until it is cut or left."""
        while not self.stopped:
            operation = await socket.subscribe(EVENTS, after=self.cursor, **self.wanted)
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
        """Take events for a while, or a number of them."""
        most = self.random.choice([1, 2, 5, 1000])
        try:
            async with asyncio.timeout(self.random.uniform(0.01, 0.4)):
                while most:
                    message = await socket.receive()
                    if message["id"] != operation:
                        continue  # it was on its way when its operation was completed
                    assert message["type"] == "next", message
                    assert "errors" not in message["payload"], message
                    self.take(message["payload"]["data"]["ticketEvents"])
                    most -= 1
        except TimeoutError:
            return

    def take(self, seen: dict[str, Any]) -> None:
        self.cursor = seen["cursor"]
        self.seen.append(position_of(self.cursor))
