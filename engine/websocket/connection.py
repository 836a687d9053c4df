"""One WebSocket connection. Frames go to the protocol's state machine, its steps to `operations`, and messages to the outbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from time import monotonic
from typing import Any

import structlog
from starlette.datastructures import Headers

from engine.auth import Unauthorized, parse_bearer_token
from engine.fanout.services import ConnectionServices
from engine.graphql.errors import UNAVAILABLE_MESSAGE
from engine.server.websocket_protocol import FRAME_WRITER_EXTENSION, FrameWriter
from engine.websocket.operations import Operations
from engine.websocket.outbox import QueuedWebSocketOutbox, WebSocketOutbox
from engine.websocket.protocol import GraphQLTransportWS, Authenticate, SendMessage, StartOperation, Step, StopOperation, truncate_reason

SUBPROTOCOL = "graphql-transport-ws"
BURST_SECONDS = 10
MUTATION_SECONDS = 6.0
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
        limits = services.registry.limits
        self.protocol = GraphQLTransportWS(limits.max_operations_per_socket)
        self.writer: FrameWriter | None = scope.get("extensions", {}).get(FRAME_WRITER_EXTENSION)
        self.outbox: WebSocketOutbox | QueuedWebSocketOutbox = (
            WebSocketOutbox(self.writer, limits.max_outbox_bytes, self.close_slow_reader)
            if self.writer is not None
            else QueuedWebSocketOutbox(send, limits.max_outbox_bytes, self.close_slow_reader)
        )
        self.context: Any = services.auth.create_context(scope["request_id"], self.address)
        self.operations = Operations(self, services)
        self.tasks: set[asyncio.Task[None]] = set()
        self.reading = asyncio.timeout(None)
        """Ends the reading when the socket is closed from this side."""
        self.is_closed = self.is_stopping = False
        self.message_allowance = float(limits.max_messages_per_second * BURST_SECONDS)
        self.allowance_updated_at = monotonic()

    # ------------------------------------------------------------ its life

    async def serve(self) -> None:
        speaks = SUBPROTOCOL in self.scope["subprotocols"]
        await self.send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if speaks else None})
        if not speaks:
            await self.send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        if (crowded := self.services.registry.check(self)) is not None:
            await self.send({"type": "websocket.close", "code": 1013, "reason": crowded.reason})
            return
        if self.writer is not None:
            self.writer.shutdown_callback = self.begin_shutdown
        patience = self.services.registry.limits.init_timeout_seconds
        waiting = asyncio.get_running_loop().call_later(patience, lambda: self.apply(self.protocol.expire_init()))
        sending = asyncio.create_task(self.outbox.run()) if isinstance(self.outbox, QueuedWebSocketOutbox) else None
        try:
            with contextlib.suppress(TimeoutError):
                async with self.reading:
                    await self.read()
        finally:
            waiting.cancel()
            await self.clean_up()
            if sending is not None:
                sending.cancel()

    async def read(self) -> None:
        while True:
            message = await self.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self.take_allowance():
                self.close(1008, f"At most {self.services.registry.limits.max_messages_per_second} messages a second.")
                continue
            text = message.get("text")
            self.apply(self.protocol.receive_binary() if text is None else self.protocol.receive_text(text))

    def take_allowance(self) -> bool:
        """Whether one more message may come now."""
        rate = self.services.registry.limits.max_messages_per_second
        at = monotonic()
        self.message_allowance = min(rate * BURST_SECONDS, self.message_allowance + (at - self.allowance_updated_at) * rate) - 1
        self.allowance_updated_at = at
        return self.message_allowance >= 0

    def apply(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, SendMessage):
                self.outbox.post(step.text.encode())
            elif isinstance(step, StartOperation):
                if not self.is_stopping:  # else it is never begun, and its client finds another server
                    self.operations.start(step)
            elif isinstance(step, StopOperation):
                self.operations.stop(step.id)
            elif isinstance(step, Authenticate):
                self.start_task(self.authenticate(step.payload))
            else:
                self.close(step.code, step.reason)

    def start_task(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def close(self, code: int, reason: str) -> None:
        """Close behind what was sent. Nothing is delivered from here on."""
        if not self.is_closed:
            self.protocol.close(code, reason)
            self.stop_operations()
            self.start_task(self.send_close(code, truncate_reason(reason)))

    async def send_close(self, code: int, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        try:
            await self.outbox.close(code, reason)
        except Exception as error:  # the peer went away first
            log.info("socket.close_failed", error=repr(error))
        self.reading.reschedule(asyncio.get_running_loop().time())

    def close_slow_reader(self) -> None:
        self.services.registry.slow_clients += 1
        log.warning("socket.slow_reader", request_id=self.context.request_id, address=self.address)
        self.close(1013, "Too slow; resume after the last cursor.")

    def begin_shutdown(self) -> None:
        """The server stops: what changes something is finished first, then the socket closes with 1012."""
        self.is_stopping = True
        self.start_task(self.shut_down())

    async def shut_down(self) -> None:
        await self.operations.wait_for_mutations(MUTATION_SECONDS)
        self.stop_operations()
        if self.writer is not None:
            self.writer.close_for_shutdown()

    def stop_operations(self) -> None:
        self.operations.stop_all()

    async def clean_up(self) -> None:
        self.stop_operations()
        self.services.auth.on_close(self.context)
        await self.operations.wait_for_mutations(None)
        for chore in self.tasks:
            chore.cancel()

    # ------------------------------------------------------------ who calls

    async def authenticate(self, payload: Mapping[str, Any] | None) -> None:
        """The token comes in connection_init's payload, or in the handshake's header."""
        connect = self.services.auth
        sent = (payload or {}).get("authorization", Headers(scope=self.scope).get("authorization"))
        try:
            token = parse_bearer_token(sent if sent is None or isinstance(sent, str) else "")
            if token is not None:
                await connect.authenticate(self.context, token)
        except Unauthorized:
            self.apply(self.protocol.refuse())
            return
        except Exception as error:
            is_outage = self.services.schema.is_outage(error)
            if not is_outage:
                log.exception("socket.authentication_failed", request_id=self.context.request_id)
            self.close(1013 if is_outage else 1011, UNAVAILABLE_MESSAGE)
            return
        if self.is_closed:
            return
        if (crowded := self.services.registry.assign_viewer(self, self.context)) is not None:
            self.close(1013, crowded.reason)
            return
        connect.on_open(self.context, self.close_forbidden, self.update_viewer)
        self.apply(self.protocol.acknowledge())

    async def close_forbidden(self) -> None:
        self.stop_operations()
        await self.send_close(4403, "Forbidden")

    def update_viewer(self) -> None:
        """The viewer became another: running subscriptions leave those whom they shared with, before the next event."""
        if self.services.auth.viewer_key(self.context) is None:
            self.stop_operations()  # the token has ended, and the socket is about to
            return
        if (crowded := self.services.registry.assign_viewer(self, self.context)) is not None:
            self.close(1013, crowded.reason)  # which leaves nobody to move
        self.operations.update_viewer()
