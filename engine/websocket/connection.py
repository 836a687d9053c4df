"""One WebSocket connection: frames go through the protocol's state machine to its operations."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from typing import Any

import structlog
from starlette.datastructures import Headers

from engine.auth import (
    AUTHORIZATION,
    TooManyTokens,
    Unauthorized,
    authenticate_request,
    find_authorization,
    has_url_token,
    parse_bearer_token,
    read_user_agent,
)
from engine.fanout.services import ConnectionServices
from engine.graphql.errors import UNAVAILABLE_MESSAGE
from engine.server.websocket_protocol import FRAME_WRITER_EXTENSION, FrameWriter
from engine.session_cookie import CookieRefused
from engine.websocket.operations import Operations
from engine.websocket.outbox import QueuedWebSocketOutbox, WebSocketOutbox
from engine.websocket.protocol import (
    FORBIDDEN,
    INTERNAL_ERROR,
    SUBPROTOCOL_NOT_ACCEPTABLE,
    TRY_AGAIN_LATER,
    Authenticate,
    GraphQLTransportWS,
    SendMessage,
    StartOperation,
    Step,
    StopOperation,
    truncate_reason,
)

SUBPROTOCOL = "graphql-transport-ws"
MUTATION_GRACE_SECONDS = 6.0
"""How long running mutations may take when the server shuts down."""
log = structlog.get_logger("ticketwire.websocket")


class WebSocketConnection:
    def __init__(
        self,
        services: ConnectionServices,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        self.services = services
        self.limits = services.registry.limits
        self.scope = scope
        self.receive = receive
        self.send = send
        self.address: str = scope["client"][0] if scope.get("client") else ""
        self.counted_viewer_key: str | None = None
        self.protocol = GraphQLTransportWS(self.limits.max_operations_per_socket)
        self.writer: FrameWriter | None = scope.get("extensions", {}).get(FRAME_WRITER_EXTENSION)
        self.outbox = self.create_outbox()
        self.context: Any = services.auth.create_context(
            scope["request_id"], self.address, read_user_agent(scope["headers_by_name"])
        )
        self.operations = Operations(self, services)
        self.tasks: set[asyncio.Task[None]] = set()
        self.read_timeout = asyncio.timeout(None)
        """Ends `read` when the server has closed the socket."""
        self.has_read_all = self.is_closed = self.is_shutting_down = False

    def create_outbox(self) -> WebSocketOutbox | QueuedWebSocketOutbox:
        limit = self.limits.max_outbox_bytes
        if self.writer is None:
            return QueuedWebSocketOutbox(self.send, limit, self.close_slow_client)
        return WebSocketOutbox(self.writer, limit, self.close_slow_client)

    # ---------------------------------------------------------------- open and read

    async def serve(self) -> None:
        if not await self.accept():
            return
        if self.writer is not None:
            self.writer.shutdown_callback = self.begin_shutdown
        init_timer = asyncio.get_running_loop().call_later(
            self.limits.init_timeout_seconds, lambda: self.apply(self.protocol.expire_init())
        )
        sending = None
        if isinstance(self.outbox, QueuedWebSocketOutbox):
            sending = asyncio.create_task(self.outbox.run())
        try:
            with contextlib.suppress(TimeoutError):
                async with self.read_timeout:
                    await self.read()
        finally:
            self.has_read_all = True
            init_timer.cancel()
            await self.clean_up()
            if sending is not None:
                sending.cancel()
            self.release()

    def release(self) -> None:
        """Break the reference cycles, so that the memory is free at once.

        Otherwise it would wait for a full garbage collection, which is rare in a process with many
        objects.
        """
        self.is_closed = True
        if self.writer is not None:
            self.writer.shutdown_callback = None
        self.outbox.detach()
        del self.operations

    async def accept(self) -> bool:
        """Accept the handshake, so that a refusal can give its reason. Return whether to go on."""
        is_supported = SUBPROTOCOL in self.scope["subprotocols"]
        subprotocol = SUBPROTOCOL if is_supported else None
        await self.send({"type": "websocket.accept", "subprotocol": subprotocol})
        if not is_supported:
            reason = "Subprotocol not acceptable"
            await self.send(
                {"type": "websocket.close", "code": SUBPROTOCOL_NOT_ACCEPTABLE, "reason": reason}
            )
            return False
        limit_reached = self.services.registry.check(self)
        if limit_reached is not None:
            reason = limit_reached.reason
            await self.send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": reason})
            return False
        return True

    async def read(self) -> None:
        while True:
            message = await self.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                self.apply(self.protocol.receive_binary())
            else:
                self.apply(self.protocol.receive_text(text))

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry out the steps of the protocol."""
        for step in steps:
            if isinstance(step, SendMessage):
                self.outbox.post(step.text.encode())
            elif isinstance(step, StartOperation):
                if not self.is_shutting_down:  # the client will start it on another server
                    self.operations.start(step)
            elif isinstance(step, StopOperation):
                self.operations.stop(step.id)
            elif isinstance(step, Authenticate):
                self.start_task(self.authenticate(step.payload))
            else:
                self.close(step.code, step.reason)

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # ---------------------------------------------------------------- close

    def close(self, code: int, reason: str) -> None:
        """Stop all operations, and close the socket after the queued messages have been sent."""
        if not self.is_closed:
            self.protocol.close(code, reason)
            self.operations.stop_all()
            self.start_task(self.send_close(code, truncate_reason(reason)))

    async def send_close(self, code: int, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        try:
            await self.outbox.close(code, reason)
        except Exception as error:  # the client has already disconnected
            log.info("websocket.close_failed", error=repr(error))
        if not self.has_read_all:
            self.read_timeout.reschedule(asyncio.get_running_loop().time())

    def close_slow_client(self) -> None:
        self.services.registry.slow_clients += 1
        log.warning(
            "websocket.slow_client", request_id=self.context.request_id, address=self.address
        )
        self.close(
            TRY_AGAIN_LATER,
            "The client reads too slowly. Reconnect and resume after the last cursor.",
        )

    def begin_shutdown(self) -> None:
        """Let running mutations finish, then close with 1012 because the server shuts down."""
        self.is_shutting_down = True
        self.start_task(self.shut_down())

    async def shut_down(self) -> None:
        await self.operations.wait_for_mutations(MUTATION_GRACE_SECONDS)
        self.operations.stop_all()
        if self.writer is not None:
            self.writer.close_for_shutdown()

    async def clean_up(self) -> None:
        self.operations.stop_all()
        self.services.auth.on_close(self.context)
        await self.operations.wait_for_mutations(None)
        for task in self.tasks:
            task.cancel()

    # ---------------------------------------------------------------- authentication

    async def authenticate(self, payload: Mapping[str, Any] | None) -> None:
        """Authenticate with the token in connection_init's payload or the handshake's header.

        Without a token, the session cookie of the handshake counts.
        """
        header = Headers(scope=self.scope).get(AUTHORIZATION)
        auth = self.services.auth
        try:
            if has_url_token(self.scope["query_string"]):
                raise Unauthorized
            token = parse_bearer_token(find_authorization(payload or {}, header))
            await authenticate_request(auth, self.scope, self.context, token, needs_header=False)
        except (Unauthorized, CookieRefused):
            self.apply(self.protocol.refuse())
            return
        except Exception as error:
            self.close_after_error(error)
            return
        if self.is_closed or not self.assign_viewer():
            return
        auth.on_open(self.context, self.close_forbidden, self.update_viewer)
        self.apply(self.protocol.acknowledge())

    def close_after_error(self, error: Exception) -> None:
        if isinstance(error, TooManyTokens):
            self.close(TRY_AGAIN_LATER, error.message)
            return
        if self.services.schema.is_outage(error):
            self.close(TRY_AGAIN_LATER, UNAVAILABLE_MESSAGE)
            return
        log.exception("websocket.authentication_failed", request_id=self.context.request_id)
        self.close(INTERNAL_ERROR, UNAVAILABLE_MESSAGE)

    def assign_viewer(self) -> bool:
        """Count the connection for its viewer. Close it if the viewer has too many."""
        limit_reached = self.services.registry.assign_viewer(self, self.context)
        if limit_reached is not None:
            self.close(TRY_AGAIN_LATER, limit_reached.reason)
        return limit_reached is None

    async def close_forbidden(self) -> None:
        self.protocol.close(FORBIDDEN, "Forbidden")  # so that no further operation starts
        self.operations.stop_all()
        await self.send_close(FORBIDDEN, "Forbidden")

    def update_viewer(self) -> None:
        """Move the subscriptions to groups of the new viewer, before their next event."""
        if self.services.auth.viewer_key(self.context) is None:
            self.operations.stop_all()  # the token is no longer valid; `close_forbidden` follows
            return
        self.assign_viewer()
        self.operations.update_viewer()
