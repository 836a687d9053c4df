"""One subscription over HTTP, as an event stream: it begins with an answer, and ends by `complete` or by being cut.

`complete` says that there is nothing more to come for. A stream that is cut says nothing, and its client comes again and
resumes after the last cursor; so ends what only this server, for now, can't go on with.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from random import randint
from typing import Any

import orjson
import structlog
from strawberry.types.execution import ExecutionResult

from engine.fanout.group import Subscriber
from engine.fanout.services import ConnectionServices
from engine.graphql.errors import INTERNAL_ERROR_MESSAGE, INVALID_TOKEN_MESSAGE, has_unavailable_error
from engine.graphql.request import GraphQLRequest
from engine.server.client_connection import CONNECTION_EXTENSION, ClientConnection
from engine.sse.events import COMPLETE, HEADERS, heartbeat, next_event, retry_delay
from engine.sse.outbox import SSEOutbox

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = (1000, 3000)
"""Spread, so that all who are cut at once don't come again at once."""
log = structlog.get_logger("ticketwire.stream")


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
        self.viewer: str | None = None
        self.client: ClientConnection | None = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
        self.outbox = SSEOutbox(send, services.registry.limits.max_outbox_bytes, self.disconnect_slow_reader)
        self.subscriber: Subscriber | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.heartbeat_timer: asyncio.TimerHandle | None = None
        self.waiting = asyncio.timeout(None)
        """Ends the waiting for the peer to leave, where that can't be brought about by cutting it off."""
        self.is_closed = False

    # ------------------------------------------------------------ its life

    async def serve(self, request: GraphQLRequest, resume_from: str | None) -> None:
        self.services.auth.on_open(self.context, self.complete_signed_out, self.update_viewer)
        try:
            await self.send_head()
            self.start_task(self.outbox.run())
            self.start_task(self.run_subscription(request, resume_from))
            self.schedule_heartbeat()
            await self.wait_for_disconnect()
        finally:
            self.clean_up()
            self.services.auth.on_close(self.context)

    async def serve_and_disconnect(self) -> None:
        """Begin and be cut, as where an outage comes first: an EventSource gives up for good after any other status than 200."""
        await self.send_head()
        if self.client is not None:
            self.client.remove_shutdown_callback()
            self.client.close()
            await self.wait_for_disconnect()

    async def send_head(self) -> None:
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        wait = retry_delay(randint(*RETRY_MILLISECONDS))  # noqa: S311 - spreads a load, keeps no secret
        await self.send({"type": "http.response.body", "body": wait, "more_body": True})
        if self.client is not None:
            self.client.on_shutdown(self.disconnect)

    async def wait_for_disconnect(self) -> None:
        """Return when the peer has left, by itself or cut off, or has all it will get."""
        with contextlib.suppress(TimeoutError):
            async with self.waiting:
                while (await self.receive())["type"] != "http.disconnect":
                    pass

    def start_task(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def send_heartbeat(self) -> None:
        """Keep the connection from being taken for dead; what the peer takes slowly is sign enough of life."""
        if not self.outbox.queued_bytes:
            self.outbox.post(heartbeat(self.subscriber.cursor if self.subscriber is not None else None))
        self.schedule_heartbeat()

    def schedule_heartbeat(self) -> None:
        self.heartbeat_timer = asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self.send_heartbeat)

    def stop_delivery(self) -> None:
        """Nothing is delivered from here on."""
        if self.subscriber is not None:
            self.subscriber.leave()
        if self.heartbeat_timer is not None:
            self.heartbeat_timer.cancel()

    def clean_up(self) -> None:
        self.is_closed = True
        self.stop_delivery()
        for task in self.tasks:
            task.cancel()
        if self.client is not None:
            self.client.remove_shutdown_callback()

    # ------------------------------------------------------------ how it ends

    def complete_with_errors(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """End for good, with errors. Clients are not to come again."""
        if self.is_closed:
            return
        self.is_closed = True
        self.stop_delivery()
        self.outbox.post(next_event(orjson.dumps({"errors": errors})) + COMPLETE)
        self.start_task(self.close_outbox())

    async def close_outbox(self) -> None:
        try:
            await self.outbox.close()
        except TimeoutError:
            self.close_connection()

    def disconnect(self) -> None:
        """End without a word, so that the client resumes."""
        if not self.is_closed:
            self.is_closed = True
            self.stop_delivery()
            self.close_connection()

    def close_connection(self) -> None:
        self.outbox.ended = True
        if self.client is not None:
            self.client.close()
        else:
            self.waiting.reschedule(asyncio.get_running_loop().time())

    def disconnect_slow_reader(self) -> None:
        self.services.registry.slow_clients += 1
        log.warning("stream.slow_reader", request_id=self.context.request_id, address=self.address)
        self.disconnect()

    # ------------------------------------------------------------ who calls

    async def complete_signed_out(self) -> None:
        self.complete_with_errors([{"message": INVALID_TOKEN_MESSAGE, "extensions": {"code": "UNAUTHENTICATED"}}])

    def update_viewer(self) -> None:
        """The viewer became another: the subscription leaves those whom it shared with, before the next event."""
        if self.services.auth.viewer_key(self.context) is None:
            self.stop_delivery()  # the token has ended, and the stream is about to
            return
        self.services.registry.assign_viewer(self, self.context)
        if self.subscriber is not None:
            self.subscriber.switch_context(self.services.auth.fork_context(self.context))

    # ------------------------------------------------------------ the subscription

    async def run_subscription(self, request: GraphQLRequest, resume_from: str | None) -> None:
        try:
            await self.subscribe(request, resume_from)
        except Exception as error:
            if self.services.schema.is_outage(error):
                self.disconnect()
                return
            request_id: str = self.context.request_id
            log.exception("stream.failed", request_id=request_id)
            self.complete_with_errors([{"message": INTERNAL_ERROR_MESSAGE, "extensions": {"code": "INTERNAL", "requestId": request_id}}])

    async def subscribe(self, request: GraphQLRequest, resume_from: str | None) -> None:
        context = self.services.auth.fork_context(self.context)
        schema = self.services.schema
        following = await schema.start_subscription(request, context, resume_from)
        if self.is_closed:
            return
        if isinstance(following, ExecutionResult):
            self.refuse(following)
            return
        source = following.source
        position = source.position
        if context.viewer is not self.context.viewer:
            following = following.fork(self.services.auth.fork_context(self.context), position)
        # where it begins, so that who is cut off before the first event does not begin elsewhere
        self.outbox.post(heartbeat(source.cursor(position)))
        self.subscriber = Subscriber(self.outbox, b"", position, self.complete_with_errors, self.disconnect)
        self.services.groups.join(following, self.subscriber)

    def refuse(self, result: ExecutionResult) -> None:
        if has_unavailable_error(result):
            self.disconnect()
            return
        self.complete_with_errors([error.formatted for error in result.errors or ()])
