"""A client on a WebSocket (graphql-transport-ws) that reconnects with its cursors."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from benchmarks.soak.latency import Latencies
from benchmarks.soak.streams import Stream
from benchmarks.soak.viewers import Viewer

SOCKET_SECONDS = 60.0
"""How long a reconnecting client stays connected, on average."""
SUBSCRIPTION_SECONDS = 40.0
"""How long a client keeps a subscription before it subscribes again, on average."""
READING_SECONDS = 30.0
"""How long a slow client reads before it pauses, on average."""
PAUSE_SECONDS = (5.0, 30.0)
CONNECT_TIMEOUT_SECONDS = 60.0
RETRY_SECONDS = (0.2, 2.0)


class Behaviour(Enum):
    STEADY = "steady"
    RECONNECTING = "reconnecting"
    RESUBSCRIBING = "resubscribing"
    SLOW = "slow"


class Client(ABC):
    """Keeps its streams running until it is cancelled."""

    def __init__(
        self,
        port: int,
        viewer: Viewer,
        streams: Sequence[Stream],
        latencies: Latencies,
        random: Random,
    ) -> None:
        self.port, self.viewer, self.streams = port, viewer, streams
        self.latencies, self.random = latencies, random
        self.errors: list[str] = []
        self.ends: Counter[str] = Counter()
        """How often a connection ended, by reason."""
        self.connected = asyncio.Event()
        """Set once the client has been connected. It stays set while the client reconnects."""
        self.is_measured = True
        """Whether the latencies count. Those of a slow reader say nothing about the server."""

    @abstractmethod
    async def run_connection(self) -> str:
        """Connect and receive until the connection ends; return the reason."""

    async def run(self) -> None:
        while True:
            try:
                self.ends[await self.run_connection()] += 1
            except ConnectionClosed as closed:
                self.ends[f"closed by the server ({closed.rcvd or 'no close frame'})"] += 1
            except (OSError, InvalidHandshake, TimeoutError) as error:
                self.ends[type(error).__name__] += 1
            await asyncio.sleep(self.random.uniform(*RETRY_SECONDS))

    def receive(self, stream: Stream, payload: Mapping[str, Any], since: datetime) -> None:
        """Give a result to its stream. Events before `since` are replayed, so have no latency."""
        self.latencies.deliveries += 1
        if payload.get("errors"):
            self.errors.append(f"{stream.label}: {str(payload['errors'])[:200]}")
            return
        occurred_at = stream.receive(payload["data"])
        if self.is_measured and occurred_at is not None and occurred_at > since:
            self.latencies.add(occurred_at)


class SocketClient(Client):
    def __init__(
        self,
        port: int,
        viewer: Viewer,
        streams: Sequence[Stream],
        latencies: Latencies,
        random: Random,
        behaviour: Behaviour,
    ) -> None:
        super().__init__(port, viewer, streams, latencies, random)
        self.behaviour = behaviour
        self.is_measured = behaviour is not Behaviour.SLOW
        self.operations: dict[str, tuple[Stream, datetime]] = {}
        """The streams by operation id, and the time of the subscription."""
        self.subscribed = 0

    async def run_connection(self) -> str:
        address = f"ws://127.0.0.1:{self.port}/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(
            address,
            subprotocols=protocols,
            open_timeout=CONNECT_TIMEOUT_SECONDS,
            max_size=None,
            compression=None,
            ping_interval=None,
        ) as socket:
            payload = {"authorization": f"Bearer {self.viewer.token}"}
            await send(socket, {"type": "connection_init", "payload": payload})
            assert orjson.loads(await socket.recv())["type"] == "connection_ack"
            self.operations.clear()
            for stream in self.streams:
                await self.subscribe(socket, stream)
            self.connected.set()
            return await self.follow(socket)

    async def subscribe(self, socket: ClientConnection, stream: Stream) -> None:
        self.subscribed += 1
        id = str(self.subscribed)
        self.operations[id] = (stream, datetime.now(UTC))
        payload = {"query": stream.query, "variables": stream.build_variables()}
        await send(socket, {"type": "subscribe", "id": id, "payload": payload})

    async def follow(self, socket: ClientConnection) -> str:
        """Receive messages, and behave as this client does; return why the connection ended."""
        averages = {
            Behaviour.RECONNECTING: SOCKET_SECONDS,
            Behaviour.RESUBSCRIBING: SUBSCRIPTION_SECONDS,
            Behaviour.SLOW: READING_SECONDS,
        }
        average = averages.get(self.behaviour)
        while True:
            if average is None:
                await self.read(socket)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.random.expovariate(1 / average)):
                    await self.read(socket)
            if self.behaviour is Behaviour.RECONNECTING:
                return self.disconnect(socket)
            if self.behaviour is Behaviour.RESUBSCRIBING:
                await self.subscribe_again(socket)
            else:
                await asyncio.sleep(self.random.uniform(*PAUSE_SECONDS))

    async def read(self, socket: ClientConnection) -> None:
        """Read for ever."""
        while True:
            self.handle(orjson.loads(await socket.recv()))

    def handle(self, message: Mapping[str, Any]) -> None:
        operation = self.operations.get(message.get("id", ""))
        if operation is None:  # the client has completed it
            return
        stream, since = operation
        if message["type"] == "next":
            self.receive(stream, message["payload"], since)
        else:
            self.errors.append(f"{stream.label}: {str(message)[:300]}")

    def disconnect(self, socket: ClientConnection) -> str:
        """Cut every second connection without a closing handshake."""
        if self.random.random() < 0.5:
            socket.transport.abort()
            return "cut by the client"
        return "closed by the client"

    async def subscribe_again(self, socket: ClientConnection) -> None:
        id = self.random.choice(list(self.operations))
        stream, _ = self.operations.pop(id)
        await send(socket, {"type": "complete", "id": id})
        await self.subscribe(socket, stream)
        self.ends["a subscription completed by the client"] += 1


async def send(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    await socket.send(orjson.dumps(message), text=True)
