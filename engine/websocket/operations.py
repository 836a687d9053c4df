"""The operations of one WebSocket connection, from start to end."""

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
from engine.graphql.errors import (
    INTERNAL_ERROR_MESSAGE,
    UNAVAILABLE_MESSAGE,
    RequestError,
    has_unavailable_error,
)
from engine.graphql.operation import QUERIES_AND_MUTATIONS
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import encode_response
from engine.websocket.protocol import (
    INTERNAL_ERROR,
    TRY_AGAIN_LATER,
    GraphQLTransportWS,
    StartOperation,
    Step,
    encode_next_message,
    encode_next_suffix,
)

log = structlog.get_logger("ticketwire.websocket")


class Connection(Protocol):
    """The parts of WebSocketConnection that its operations use."""

    context: Any  # the application's type of context
    protocol: GraphQLTransportWS

    @property
    def outbox(self) -> Outbox: ...

    def apply(self, steps: Sequence[Step]) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Operations:
    """Runs operations, each under the id that the client chose.

    Each id is in `tasks` while its operation starts or runs, or in `subscribers` while its
    subscription is open.
    """

    def __init__(self, connection: Connection, services: ConnectionServices) -> None:
        self.connection = connection
        self.schema = services.schema
        self.auth = services.auth
        self.groups = services.groups
        self.subscribers: dict[str, Subscriber] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.mutations: set[asyncio.Task[None]] = set()

    def start(self, step: StartOperation) -> None:
        task = asyncio.create_task(self.run(step.id, step.request))
        self.tasks[step.id] = task
        task.add_done_callback(partial(self.finish_task, step.id))

    async def run(self, id: str, request: GraphQLRequest) -> None:
        context = self.connection.context
        kind = await self.schema.get_operation_type(request, context)
        if not await self.auth.ensure_current_viewers():
            self.refuse_unverified(id, kind)
            return
        if kind is OperationType.SUBSCRIPTION:
            await self.subscribe(id, request)
            return
        task = asyncio.current_task()
        if kind is OperationType.MUTATION and task is not None:
            self.mutations.add(task)  # from here on it is never cancelled
        result = await self.schema.execute_request(request, context, QUERIES_AND_MUTATIONS)
        if self.tasks.get(id) is task:  # otherwise the client has stopped it
            self.send_result(id, result)

    def finish_task(self, id: str, task: asyncio.Task[None]) -> None:
        self.mutations.discard(task)
        if self.tasks.get(id) is task:
            del self.tasks[id]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            request_id = self.connection.context.request_id
            log.error("websocket.operation_failed", request_id=request_id, exc_info=error)
            self.connection.close(INTERNAL_ERROR, INTERNAL_ERROR_MESSAGE)

    def stop(self, id: str) -> None:
        """Stop an operation. A running mutation goes on, but its result is not sent."""
        subscriber = self.subscribers.pop(id, None)
        if subscriber is not None:
            subscriber.leave()
        task = self.tasks.pop(id, None)
        if task is not None and task not in self.mutations:
            task.cancel()

    def stop_all(self) -> None:
        for id in [*self.subscribers, *self.tasks]:
            self.stop(id)

    async def wait_for_mutations(self, seconds: float | None) -> None:
        """Wait until the running mutations have ended, or for the given time."""
        if self.mutations:
            await asyncio.wait(self.mutations, timeout=seconds)

    def update_viewer(self) -> None:
        """Move the subscriptions to groups of the connection's new viewer."""
        for subscriber in list(self.subscribers.values()):
            subscriber.switch_context(self.auth.fork_context(self.connection.context))

    def refuse_unverified(self, id: str, kind: OperationType | None) -> None:
        """Refuse an operation, because the connection's permissions can't be checked."""
        request_id = self.connection.context.request_id
        error = RequestError(UNAVAILABLE_MESSAGE, "UNAVAILABLE", requestId=request_id)
        result = ExecutionResult(data=None, errors=[error])
        if self.tasks.get(id) is not asyncio.current_task():
            return  # the client has stopped it
        if kind is OperationType.SUBSCRIPTION:
            self.refuse_subscription(id, result)
        else:
            self.fail_with_result(id, result)

    # ---------------------------------------------------------------- queries and mutations

    def send_result(self, id: str, result: ExecutionResult) -> None:
        if isinstance(result, PreExecutionError):
            self.fail_with_result(id, result)
        elif self.connection.protocol.is_running(id):
            self.connection.outbox.post(encode_next_message(id, encode_response(result)))
            self.connection.apply(self.connection.protocol.complete(id))

    def fail_with_result(self, id: str, result: ExecutionResult) -> None:
        self.fail(id, [error.formatted for error in result.errors or ()])

    def fail(self, id: str, errors: Sequence[Mapping[str, Any]]) -> None:
        """End an operation with errors."""
        self.subscribers.pop(id, None)
        self.connection.apply(self.connection.protocol.fail(id, errors))

    # ---------------------------------------------------------------- subscriptions

    async def subscribe(self, id: str, request: GraphQLRequest) -> None:
        context = self.auth.fork_context(self.connection.context)
        execution = await self.schema.start_subscription(request, context)
        if self.tasks.get(id) is not asyncio.current_task():
            if not isinstance(execution, ExecutionResult):
                execution.discard()
            return  # the client has stopped it
        if isinstance(execution, ExecutionResult):
            self.refuse_subscription(id, execution)
            return
        position = execution.source.position
        if context.viewer is not self.connection.context.viewer:  # it changed during the start
            execution = execution.move(self.auth.fork_context(self.connection.context), position)
        subscriber = Subscriber(
            self.connection.outbox,
            encode_next_suffix(id),
            position,
            on_end=partial(self.fail, id),
            on_outage=partial(self.connection.close, TRY_AGAIN_LATER, UNAVAILABLE_MESSAGE),
        )
        self.subscribers[id] = subscriber
        self.groups.join(execution, subscriber)

    def refuse_subscription(self, id: str, result: ExecutionResult) -> None:
        if has_unavailable_error(result):
            # Clients reconnect after this close code, but would give up after an error.
            self.connection.close(TRY_AGAIN_LATER, UNAVAILABLE_MESSAGE)
        else:
            self.fail_with_result(id, result)
