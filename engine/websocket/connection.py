"""One WebSocket connection. Frames go to the protocol's state machine, its steps to `operations`, and messages to the outbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from time import monotonic
from typing import Any

import structlog
from starlette.datastructures import Headers

from engine.auth import Unauthorized, token_in
from engine.fanout.services import ConnectionServices
from engine.graphql.errors import AWAY
from engine.server.websocket_protocol import EXTENSION, FrameWriter
from engine.websocket.operations import Operations
from engine.websocket.outbox import QueuedWebSocketOutbox, WebSocketOutbox
from engine.websocket.protocol import GraphQLTransportWS, Open, Send, Start, Step, Stop, cut

SUBPROTOCOL = "graphql-transport-ws"
BURST_SECONDS = 10
SECONDS_TO_FINISH = 6.0
log = structlog.get_logger("ticketwire.socket")


class WebSocketConnection:
    def __init__(
        self,
        services: ConnectionServices,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        self.services = services
        self.scope = scope
        self.receive = receive
        self.send = send
        self.address: str = scope["client"][0] if scope.get("client") else ""
        self.viewer: str | None = None
        limits = services.places.limits
        self.protocol = GraphQLTransportWS(limits.operations)
        self.wire: FrameWriter | None = scope.get("extensions", {}).get(EXTENSION)
        self.outbox: WebSocketOutbox | QueuedWebSocketOutbox = (
            WebSocketOutbox(self.wire, limits.backlog, self.overflowed)
            if self.wire is not None
            else QueuedWebSocketOutbox(send, limits.backlog, self.overflowed)
        )
        self.context: Any = services.connect.context(scope["request_id"], self.address)
        self.running = Operations(self, services)
        self.chores: set[asyncio.Task[None]] = set()
        self.life = asyncio.timeout(None)
        """Ends the reading when the socket is closed from this side."""
        self.ended = self.stops = False
        self.allowance = float(limits.messages_per_second * BURST_SECONDS)
        self.counted_at = monotonic()

    # ------------------------------------------------------------ its life

    async def serve(self) -> None:
        speaks = SUBPROTOCOL in self.scope["subprotocols"]
        await self.send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if speaks else None})
        if not speaks:
            await self.send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        if (crowded := self.services.places.check(self)) is not None:
            await self.send({"type": "websocket.close", "code": 1013, "reason": crowded.reason})
            return
        if self.wire is not None:
            self.wire.stopping = self.stopping
        patience = self.services.places.limits.init_seconds
        waiting = asyncio.get_running_loop().call_later(patience, lambda: self.take(self.protocol.waited()))
        sending = asyncio.create_task(self.outbox.run()) if isinstance(self.outbox, QueuedWebSocketOutbox) else None
        try:
            with contextlib.suppress(TimeoutError):
                async with self.life:
                    await self.read()
        finally:
            waiting.cancel()
            await self.leave()
            if sending is not None:
                sending.cancel()

    async def read(self) -> None:
        while True:
            message = await self.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self.counted():
                self.finish(1008, f"At most {self.services.places.limits.messages_per_second} messages a second.")
                continue
            text = message.get("text")
            self.take(self.protocol.received_binary() if text is None else self.protocol.received(text))

    def counted(self) -> bool:
        """Whether one more message may come now."""
        rate = self.services.places.limits.messages_per_second
        at = monotonic()
        self.allowance = min(rate * BURST_SECONDS, self.allowance + (at - self.counted_at) * rate) - 1
        self.counted_at = at
        return self.allowance >= 0

    def take(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Send):
                self.outbox.post(step.text.encode())
            elif isinstance(step, Start):
                if not self.stops:  # else it is never begun, and its client finds another server
                    self.running.begin(step)
            elif isinstance(step, Stop):
                self.running.stop(step.id)
            elif isinstance(step, Open):
                self.spawn(self.authenticate(step.payload))
            else:
                self.finish(step.code, step.reason)

    def spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.chores.add(task)
        task.add_done_callback(self.chores.discard)

    def finish(self, code: int, reason: str) -> None:
        """Close behind what was sent. Nothing is delivered from here on."""
        if not self.ended:
            self.protocol.end(code, reason)
            self.abandon()
            self.spawn(self.close(code, cut(reason)))

    async def close(self, code: int, reason: str) -> None:
        if self.ended:
            return
        self.ended = True
        try:
            await self.outbox.end(code, reason)
        except Exception as error:  # the peer went away first
            log.info("socket.close_failed", error=repr(error))
        self.life.reschedule(asyncio.get_running_loop().time())

    def overflowed(self) -> None:
        self.services.places.slow += 1
        log.warning("socket.slow_reader", request_id=self.context.request_id, address=self.address)
        self.finish(1013, "Too slow; resume after the last cursor.")

    def stopping(self) -> None:
        """The server stops: what changes something is finished first, then the socket closes with 1012."""
        self.stops = True
        self.spawn(self.stop_with_server())

    async def stop_with_server(self) -> None:
        await self.running.finish(SECONDS_TO_FINISH)
        self.abandon()
        if self.wire is not None:
            self.wire.stop()

    def abandon(self) -> None:
        self.running.abandon()

    async def leave(self) -> None:
        self.abandon()
        self.services.connect.closed(self.context)
        await self.running.finish(None)
        for chore in self.chores:
            chore.cancel()

    # ------------------------------------------------------------ who calls

    async def authenticate(self, payload: Mapping[str, Any] | None) -> None:
        """The token comes in connection_init's payload, or in the handshake's header."""
        connect = self.services.connect
        sent = (payload or {}).get("authorization", Headers(scope=self.scope).get("authorization"))
        try:
            token = token_in(sent if sent is None or isinstance(sent, str) else "")
            if token is not None:
                await connect.authenticate(self.context, token)
        except Unauthorized:
            self.take(self.protocol.refuse())
            return
        except Exception as error:
            is_outage = self.services.schema.is_outage(error)
            if not is_outage:
                log.exception("socket.authentication_failed", request_id=self.context.request_id)
            self.finish(1013 if is_outage else 1011, AWAY)
            return
        if self.ended:
            return
        if (crowded := self.services.places.claim(self, self.context)) is not None:
            self.finish(1013, crowded.reason)
            return
        connect.opened(self.context, self.forbid, self.changed)
        self.take(self.protocol.acknowledge())

    async def forbid(self) -> None:
        self.abandon()
        await self.close(4403, "Forbidden")

    def changed(self) -> None:
        """The viewer became another: running subscriptions leave those whom they shared with, before the next event."""
        if self.services.connect.viewer(self.context) is None:
            self.abandon()  # the token has ended, and the socket is about to
            return
        if (crowded := self.services.places.claim(self, self.context)) is not None:
            self.finish(1013, crowded.reason)  # which leaves nobody to move
        self.running.move()
