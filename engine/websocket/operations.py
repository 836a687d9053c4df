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
from engine.graphql.errors import UNAVAILABLE_MESSAGE, has_unavailable_error
from engine.graphql.operation import QUERIES_AND_MUTATIONS
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import encode_response
from engine.websocket import protocol
from engine.websocket.protocol import StartOperation, Step, next_suffix, next_message

log = structlog.get_logger("ticketwire.socket")


class Connection(Protocol):
    """The parts of `engine.websocket.connection.Socket` that its operations use."""

    context: Any  # the application's
    protocol: protocol.GraphQLTransportWS

    @property
    def outbox(self) -> Outbox: ...

    def apply(self, steps: Sequence[Step]) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Operations:
    def __init__(self, connection: Connection, services: ConnectionServices) -> None:
        self.connection = connection
        self.schema = services.schema
        self.auth = services.auth
        self.groups = services.groups
        self.subscribers: dict[str, Subscriber] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.mutations: set[asyncio.Task[None]] = set()

    def start(self, step: StartOperation) -> None:
        task = asyncio.create_task(self.run(step))
        self.tasks[step.id] = task
        task.add_done_callback(partial(self.finish_task, step.id))

    async def run(self, step: StartOperation) -> None:
        asked = GraphQLRequest(step.query, step.variables, step.operation_name, step.extensions)
        kind = await self.schema.get_operation_type(asked, self.connection.context)
        if kind is OperationType.SUBSCRIPTION:
            await self.subscribe(step.id, asked)
            return
        me = asyncio.current_task()
        if kind is OperationType.MUTATION and me is not None:
            self.mutations.add(me)  # from here on it is not left half-way
        result = await self.schema.execute_request(asked, self.connection.context, QUERIES_AND_MUTATIONS)
        if self.tasks.get(step.id) is me:  # else the client completed it meanwhile
            self.send_result(step.id, result)

    def finish_task(self, id: str, task: asyncio.Task[None]) -> None:
        self.mutations.discard(task)
        if self.tasks.get(id) is task:
            del self.tasks[id]
        if not task.cancelled() and task.exception() is not None:
            log.error("socket.operation_failed", request_id=self.connection.context.request_id, exc_info=task.exception())
            self.connection.close(1011, "Something went wrong on our side.")

    def stop(self, id: str) -> None:
        """The client completed it, or the socket ends."""
        member = self.subscribers.pop(id, None)
        if member is not None:
            member.leave()
        task = self.tasks.pop(id, None)
        if task is not None and task not in self.mutations:
            task.cancel()

    def stop_all(self) -> None:
        """Stop all but mutations, which are not left half-way."""
        for id in [*self.subscribers, *self.tasks]:
            self.stop(id)

    async def wait_for_mutations(self, seconds: float | None) -> None:
        """Wait for the mutations that run."""
        if self.mutations:
            await asyncio.wait(self.mutations, timeout=seconds)

    def update_viewer(self) -> None:
        """The viewer became another: subscriptions leave those whom they shared with, before the next event."""
        for member in list(self.subscribers.values()):
            member.switch_context(self.auth.fork_context(self.connection.context))

    # ------------------------------------------------------------ answers

    def send_result(self, id: str, result: ExecutionResult) -> None:
        if isinstance(result, PreExecutionError):
            self.send_errors_of(id, result)
        elif self.connection.protocol.is_running(id):
            self.connection.outbox.post(next_message(id, encode_response(result)))
            self.connection.apply(self.connection.protocol.complete(id))

    def send_errors_of(self, id: str, result: ExecutionResult) -> None:
        self.send_errors(id, [error.formatted for error in result.errors or ()])

    # ------------------------------------------------------------ subscriptions

    async def subscribe(self, id: str, asked: GraphQLRequest) -> None:
        context = self.auth.fork_context(self.connection.context)
        following = await self.schema.start_subscription(asked, context)
        if self.tasks.get(id) is not asyncio.current_task():
            return  # completed meanwhile
        if isinstance(following, ExecutionResult):
            self.refuse_subscription(id, following)
            return
        position = following.source.position
        if context.viewer is not self.connection.context.viewer:
            following = following.fork(self.auth.fork_context(self.connection.context), position)
        interrupted = partial(self.connection.close, 1013, UNAVAILABLE_MESSAGE)
        member = Subscriber(self.connection.outbox, next_suffix(id), position, partial(self.send_errors, id), interrupted)
        self.subscribers[id] = member
        self.groups.join(following, member)

    def refuse_subscription(self, id: str, result: ExecutionResult) -> None:
        if has_unavailable_error(result):
            self.connection.close(1013, UNAVAILABLE_MESSAGE)  # clients try again after that, and give up after an error
        else:
            self.send_errors_of(id, result)

    def send_errors(self, id: str, errors: Sequence[Mapping[str, Any]]) -> None:
        """It ended by errors, perhaps those of its source."""
        self.subscribers.pop(id, None)
        self.connection.apply(self.connection.protocol.fail(id, errors))
