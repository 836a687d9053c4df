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
from engine.graphql.errors import BROKEN, SIGNED_OUT, unavailable
from engine.graphql.request import GraphQLRequest
from engine.server.client_connection import EXTENSION, ClientConnection
from engine.sse.events import COMPLETE, HEADERS, beat, next_event, retry
from engine.sse.outbox import SSEOutbox

BEAT_SECONDS = 15.0
RETRY_MS = (1000, 3000)
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
        self.pipe: ClientConnection | None = scope.get("extensions", {}).get(EXTENSION)
        self.outbox = SSEOutbox(send, services.places.limits.backlog, self.overflowed)
        self.member: Subscriber | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.beating: asyncio.TimerHandle | None = None
        self.life = asyncio.timeout(None)
        """Ends the waiting for the peer to leave, where that can't be brought about by cutting it off."""
        self.ended = False

    # ------------------------------------------------------------ its life

    async def serve(self, asked: GraphQLRequest, resume_from: str | None) -> None:
        self.services.connect.opened(self.context, self.forbid, self.changed)
        try:
            await self.start()
            self.spawn(self.outbox.run())
            self.spawn(self.begin(asked, resume_from))
            self.pause()
            await self.left()
        finally:
            self.leave()
            self.services.connect.closed(self.context)

    async def interrupt(self) -> None:
        """Begin and be cut, as where an outage comes first: an EventSource gives up for good after any other status than 200."""
        await self.start()
        if self.pipe is not None:
            self.pipe.unwatch()
            self.pipe.cut()
            await self.left()

    async def start(self) -> None:
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        wait = retry(randint(*RETRY_MS))  # noqa: S311 - spreads a load, keeps no secret
        await self.send({"type": "http.response.body", "body": wait, "more_body": True})
        if self.pipe is not None:
            self.pipe.watch(self.cut)

    async def left(self) -> None:
        """Return when the peer has left, by itself or cut off, or has all it will get."""
        with contextlib.suppress(TimeoutError):
            async with self.life:
                while (await self.receive())["type"] != "http.disconnect":
                    pass

    def spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def beat(self) -> None:
        """Keep the connection from being taken for dead; what the peer takes slowly is sign enough of life."""
        if not self.outbox.size:
            self.outbox.post(beat(self.member.cursor if self.member is not None else None))
        self.pause()

    def pause(self) -> None:
        self.beating = asyncio.get_running_loop().call_later(BEAT_SECONDS, self.beat)

    def abandon(self) -> None:
        """Nothing is delivered from here on."""
        if self.member is not None:
            self.member.leave()
        if self.beating is not None:
            self.beating.cancel()

    def leave(self) -> None:
        self.ended = True
        self.abandon()
        for task in self.tasks:
            task.cancel()
        if self.pipe is not None:
            self.pipe.unwatch()

    # ------------------------------------------------------------ how it ends

    def complete(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """End for good, with errors. Clients are not to come again."""
        if self.ended:
            return
        self.ended = True
        self.abandon()
        self.outbox.post(next_event(orjson.dumps({"errors": errors})) + COMPLETE)
        self.spawn(self.finish())

    async def finish(self) -> None:
        try:
            await self.outbox.end()
        except TimeoutError:
            self.hang_up()

    def cut(self) -> None:
        """End without a word, so that the client resumes."""
        if not self.ended:
            self.ended = True
            self.abandon()
            self.hang_up()

    def hang_up(self) -> None:
        self.outbox.ended = True
        if self.pipe is not None:
            self.pipe.cut()
        else:
            self.life.reschedule(asyncio.get_running_loop().time())

    def overflowed(self) -> None:
        self.services.places.slow += 1
        log.warning("stream.slow_reader", request_id=self.context.request_id, address=self.address)
        self.cut()

    # ------------------------------------------------------------ who calls

    async def forbid(self) -> None:
        self.complete([{"message": SIGNED_OUT, "extensions": {"code": "UNAUTHENTICATED"}}])

    def changed(self) -> None:
        """The viewer became another: the subscription leaves those whom it shared with, before the next event."""
        if self.services.connect.viewer(self.context) is None:
            self.abandon()  # the token has ended, and the stream is about to
            return
        self.services.places.claim(self, self.context)
        if self.member is not None:
            self.member.move(self.services.connect.fork(self.context))

    # ------------------------------------------------------------ the subscription

    async def begin(self, asked: GraphQLRequest, resume_from: str | None) -> None:
        try:
            await self.follow(asked, resume_from)
        except Exception as error:
            if self.services.schema.is_outage(error):
                self.cut()
                return
            request_id: str = self.context.request_id
            log.exception("stream.failed", request_id=request_id)
            self.complete([{"message": BROKEN, "extensions": {"code": "INTERNAL", "requestId": request_id}}])

    async def follow(self, asked: GraphQLRequest, resume_from: str | None) -> None:
        context = self.services.connect.fork(self.context)
        schema = self.services.schema
        following = await schema.follow(asked, context, resume_from)
        if self.ended:
            return
        if isinstance(following, ExecutionResult):
            self.refuse(following)
            return
        source = following.source
        position = source.position
        if context.viewer is not self.context.viewer:
            following = following.moved(self.services.connect.fork(self.context), position)
        # where it begins, so that who is cut off before the first event does not begin elsewhere
        self.outbox.post(beat(source.cursor(position)))
        self.member = Subscriber(self.outbox, b"", position, self.complete, self.cut)
        self.services.groups.join(following, self.member)

    def refuse(self, result: ExecutionResult) -> None:
        if unavailable(result):
            self.cut()
            return
        self.complete([error.formatted for error in result.errors or ()])
