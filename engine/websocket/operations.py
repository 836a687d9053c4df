"""The operations of one socket, from their start to their end, and what they tell to its mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import structlog
from graphql import OperationType
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.fanout.group import Subscriber
from engine.fanout.outbox import Outbox
from engine.fanout.services import ConnectionServices
from engine.graphql.errors import AWAY, unavailable
from engine.graphql.operation import WRITES
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import encoded
from engine.websocket import protocol
from engine.websocket.protocol import Start, Step, id_tail, next_message

log = structlog.get_logger("ticketwire.socket")


class Socket(Protocol):
    """The parts of `engine.websocket.connection.Socket` that its operations use."""

    context: Any  # the application's
    protocol: protocol.GraphQLTransportWS

    @property
    def outbox(self) -> Outbox: ...

    def take(self, steps: Sequence[Step]) -> None: ...

    def finish(self, code: int, reason: str) -> None: ...


class Operations:
    def __init__(self, socket: Socket, services: ConnectionServices) -> None:
        self.socket = socket
        self.schema = services.schema
        self.connect = services.connect
        self.groups = services.groups
        self.members: dict[str, Subscriber] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.mutations: set[asyncio.Task[None]] = set()

    def begin(self, step: Start) -> None:
        task = asyncio.create_task(self.run(step))
        self.tasks[step.id] = task
        task.add_done_callback(partial(self.done, step.id))

    async def run(self, step: Start) -> None:
        asked = GraphQLRequest(step.query, step.variables, step.operation_name, step.extensions)
        kind = await self.schema.kind(asked, self.socket.context)
        if kind is OperationType.SUBSCRIPTION:
            await self.follow(step.id, asked)
            return
        me = asyncio.current_task()
        if kind is OperationType.MUTATION and me is not None:
            self.mutations.add(me)  # from here on it is not left half-way
        result = await self.schema.answer(asked, self.socket.context, WRITES)
        if self.tasks.get(step.id) is me:  # else the client completed it meanwhile
            self.tell(step.id, result)

    def done(self, id: str, task: asyncio.Task[None]) -> None:
        self.mutations.discard(task)
        if self.tasks.get(id) is task:
            del self.tasks[id]
        if not task.cancelled() and task.exception() is not None:
            log.error("socket.operation_failed", request_id=self.socket.context.request_id, exc_info=task.exception())
            self.socket.finish(1011, "Something went wrong on our side.")

    def stop(self, id: str) -> None:
        """The client completed it, or the socket ends."""
        member = self.members.pop(id, None)
        if member is not None:
            member.leave()
        task = self.tasks.pop(id, None)
        if task is not None and task not in self.mutations:
            task.cancel()

    def abandon(self) -> None:
        """Stop all but mutations, which are not left half-way."""
        for id in [*self.members, *self.tasks]:
            self.stop(id)

    async def finish(self, seconds: float | None) -> None:
        """Wait for the mutations that run."""
        if self.mutations:
            await asyncio.wait(self.mutations, timeout=seconds)

    def move(self) -> None:
        """The viewer became another: subscriptions leave those whom they shared with, before the next event."""
        for member in list(self.members.values()):
            member.move(self.connect.fork(self.socket.context))

    # ------------------------------------------------------------ answers

    def tell(self, id: str, result: ExecutionResult) -> None:
        if isinstance(result, PreExecutionError):
            self.fail(id, result)
        elif self.socket.protocol.takes(id):
            self.socket.outbox.post(next_message(id, encoded(result)))
            self.socket.take(self.socket.protocol.finished(id))

    def fail(self, id: str, result: ExecutionResult) -> None:
        self.failed(id, [error.formatted for error in result.errors or ()])

    # ------------------------------------------------------------ subscriptions

    async def follow(self, id: str, asked: GraphQLRequest) -> None:
        context = self.connect.fork(self.socket.context)
        following = await self.schema.follow(asked, context)
        if self.tasks.get(id) is not asyncio.current_task():
            return  # completed meanwhile
        if isinstance(following, ExecutionResult):
            self.refuse(id, following)
            return
        position = following.source.position
        if context.viewer is not self.socket.context.viewer:
            following = following.moved(self.connect.fork(self.socket.context), position)
        interrupted = partial(self.socket.finish, 1013, AWAY)
        member = Subscriber(self.socket.outbox, id_tail(id), position, partial(self.failed, id), interrupted)
        self.members[id] = member
        self.groups.join(following, member)

    def refuse(self, id: str, result: ExecutionResult) -> None:
        if unavailable(result):
            self.socket.finish(1013, AWAY)  # clients try again after that, and give up after an error
        else:
            self.fail(id, result)

    def failed(self, id: str, errors: Sequence[Mapping[str, Any]]) -> None:
        """It ended by errors, perhaps those of its source."""
        self.members.pop(id, None)
        self.socket.take(self.socket.protocol.failed(id, errors))
