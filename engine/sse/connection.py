"""One subscription over HTTP as an event stream.

A stream ends in one of two ways. `complete` tells the client that nothing more will come. If the
server only closes the connection, the client reconnects and resumes after the last cursor. Streams
that this server can't continue at the moment end in this way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from random import randint
from typing import Any

import orjson
import structlog
from strawberry.types.execution import ExecutionResult

from engine.fanout.group import Subscriber
from engine.fanout.services import ConnectionServices
from engine.graphql.errors import (
    INTERNAL_ERROR_MESSAGE,
    UNAUTHENTICATED_MESSAGE,
    has_unavailable_error,
)
from engine.graphql.request import GraphQLRequest
from engine.server.client_connection import CONNECTION_EXTENSION, ClientConnection
from engine.sse.events import (
    COMPLETE,
    HEADERS,
    encode_heartbeat,
    encode_next_event,
    encode_retry_delay,
)
from engine.sse.outbox import SSEOutbox

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = (1000, 3000)
"""The least and greatest delay before a client reconnects. It is random, so that clients that are
disconnected together don't reconnect together."""
log = structlog.get_logger("ticketwire.sse")


class SSEConnection:
    def __init__(
        self,
        services: ConnectionServices,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        context: Any,
    ) -> None:
        self.services = services
        self.receive = receive
        self.send = send
        self.context = context
        self.address: str = context.address
        self.counted_viewer_key: str | None = None
        self.client: ClientConnection | None = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
        limit = services.registry.limits.max_outbox_bytes
        self.outbox = SSEOutbox(send, limit, self.disconnect_slow_client, self.client)
        self.subscriber: Subscriber | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.heartbeat_timer: asyncio.TimerHandle | None = None
        self.waiting = asyncio.timeout(None)
        """Expires at once when `close_connection` has no ClientConnection to close, which ends
        `wait_for_disconnect`."""
        self.is_closed = False

    # ---------------------------------------------------------------- open and wait

    async def serve(self, request: GraphQLRequest, resume_from: str | None) -> None:
        self.services.auth.on_open(self.context, self.complete_unauthenticated, self.update_viewer)
        try:
            await self.send_head()
            self.start_task(self.outbox.run())
            self.start_task(self.run_subscription(request, resume_from))
            self.schedule_heartbeat()
            await self.wait_for_disconnect()
        finally:
            self.clean_up()
            self.services.auth.on_close(self.context)

    async def open_and_close(self) -> None:
        """Open the stream and close it, because of an outage before the operation.

        An EventSource, which sends GET only, reconnects after a stream that closes, but not after a
        status other than 200. Other clients treat a stream without `complete` as interrupted.
        """
        await self.send_head()
        if self.client is not None:
            self.client.remove_shutdown_callback()
            self.client.close()
            await self.wait_for_disconnect()

    async def send_head(self) -> None:
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        delay = randint(*RETRY_MILLISECONDS)  # noqa: S311 - spreads load, protects no secret
        body = encode_retry_delay(delay)
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        if self.client is not None:
            self.client.on_shutdown(self.disconnect)

    async def wait_for_disconnect(self) -> None:
        """Return when either side has closed the connection, or the response is complete."""
        with contextlib.suppress(TimeoutError):
            async with self.waiting:
                while (await self.receive())["type"] != "http.disconnect":
                    pass

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def send_heartbeat(self) -> None:
        """Keep proxies from closing an idle connection. Skipped while messages wait."""
        self.outbox.check_progress()
        if self.is_closed:
            return
        if not self.outbox.queued_bytes:
            cursor = None if self.subscriber is None else self.subscriber.cursor
            self.outbox.post(encode_heartbeat(cursor))
        self.schedule_heartbeat()

    def schedule_heartbeat(self) -> None:
        loop = asyncio.get_running_loop()
        self.heartbeat_timer = loop.call_later(HEARTBEAT_SECONDS, self.send_heartbeat)

    # ---------------------------------------------------------------- subscription

    async def run_subscription(self, request: GraphQLRequest, resume_from: str | None) -> None:
        try:
            await self.subscribe(request, resume_from)
        except Exception as error:
            if self.services.schema.is_outage(error):
                self.disconnect()
                return
            request_id: str = self.context.request_id
            log.exception("sse.failed", request_id=request_id)
            extensions = {"code": "INTERNAL", "requestId": request_id}
            self.complete_with_errors(
                [{"message": INTERNAL_ERROR_MESSAGE, "extensions": extensions}]
            )

    async def subscribe(self, request: GraphQLRequest, resume_from: str | None) -> None:
        auth = self.services.auth
        context = auth.fork_context(self.context)
        execution = await self.services.schema.start_subscription(request, context, resume_from)
        if self.is_closed:
            if not isinstance(execution, ExecutionResult):
                execution.discard()
            return
        if isinstance(execution, ExecutionResult):
            self.refuse(execution)
            return
        source = execution.source
        position = source.position
        if context.viewer is not self.context.viewer:  # it changed during the start
            execution = execution.move(auth.fork_context(self.context), position)
        # The cursor of the start: a client that loses the connection before the first event
        # resumes from here.
        self.outbox.post(encode_heartbeat(source.cursor(position)))
        self.subscriber = Subscriber(
            self.outbox,
            b"",
            position,
            on_end=self.complete_with_errors,
            on_outage=self.disconnect,
        )
        self.services.groups.join(execution, self.subscriber)

    def refuse(self, result: ExecutionResult) -> None:
        if has_unavailable_error(result):
            self.disconnect()
            return
        self.complete_with_errors([error.formatted for error in result.errors or ()])

    def update_viewer(self) -> None:
        """Move the subscription to a group of the new viewer, before its next event."""
        if self.services.auth.viewer_key(self.context) is None:
            self.stop_delivery()  # the token has ended; `complete_unauthenticated` will be called
            return
        self.services.registry.assign_viewer(self, self.context)
        if self.subscriber is not None:
            self.subscriber.switch_context(self.services.auth.fork_context(self.context))

    # ---------------------------------------------------------------- end

    def complete_with_errors(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """End the subscription with errors. The client doesn't reconnect."""
        if self.is_closed:
            return
        self.is_closed = True
        self.stop_delivery()
        self.outbox.post(encode_next_event(orjson.dumps({"errors": errors})) + COMPLETE)
        self.start_task(self.close_outbox())

    async def complete_unauthenticated(self) -> None:
        extensions = {"code": "UNAUTHENTICATED"}
        self.complete_with_errors([{"message": UNAUTHENTICATED_MESSAGE, "extensions": extensions}])

    async def close_outbox(self) -> None:
        try:
            await self.outbox.close()
        except TimeoutError:
            self.close_connection()

    def disconnect(self) -> None:
        """Close the connection without `complete`, so that the client reconnects and resumes."""
        if not self.is_closed:
            self.is_closed = True
            self.stop_delivery()
            self.close_connection()

    def disconnect_slow_client(self) -> None:
        self.services.registry.slow_clients += 1
        request_id: str = self.context.request_id
        log.warning("sse.slow_client", request_id=request_id, address=self.address)
        self.disconnect()

    def stop_delivery(self) -> None:
        if self.subscriber is not None:
            self.subscriber.leave()
        if self.heartbeat_timer is not None:
            self.heartbeat_timer.cancel()

    def close_connection(self) -> None:
        self.outbox.is_closed = True
        if self.client is not None:
            self.client.close()
        else:
            self.waiting.reschedule(asyncio.get_running_loop().time())

    def clean_up(self) -> None:
        self.is_closed = True
        self.stop_delivery()
        for task in self.tasks:
            task.cancel()
        if self.client is not None:
            self.client.remove_shutdown_callback()
        # Without these reference cycles, the memory is free at once; see
        # `WebSocketConnection.release`.
        self.outbox.detach()
        self.subscriber = None
