"""Errors as clients get them: a code for each, a masked message for what is ours, and the request id that is in the log."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import asyncpg
import structlog
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType
from tortoise.exceptions import DBConnectionError, OperationalError

log = structlog.get_logger("ticketwire.operation")

Explain = Callable[[Exception], Mapping[str, Any] | None]
"""What an exception of the application's tells clients: `message`, `code` and further extensions; None for a bug."""

OUTAGES = (
    DBConnectionError,
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    sqlite3.OperationalError,
)
SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)
NO_OPERATION = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
"""The document holds nothing that could be run as asked."""

BUSY = ("database is locked", "disk is full", "disk I/O error", "readonly database", "unable to open database")


def is_outage(error: BaseException) -> bool:
    """Whether the database is away or can't write, rather than that we asked it something wrong."""
    if isinstance(error, OUTAGES):
        return True
    return isinstance(error, OperationalError) and any(text in str(error) for text in BUSY)


def shown(error: GraphQLError, explain: Explain, request_id: str, *, executed: bool) -> GraphQLError:
    """The error for the client. What is not the caller's doing is masked, and logged with its trace."""
    original = error.original_error
    if isinstance(error, GraphQLSyntaxError) or isinstance(original, GraphQLSyntaxError):
        return coded(error, error.message, {"code": "GRAPHQL_PARSE_FAILED"})
    if isinstance(original, NO_OPERATION):
        return coded(error, error.message, {"code": "BAD_REQUEST"})
    if error.path is None and (original is None or isinstance(original, GraphQLError) or not executed):
        return coded(error, error.message, {"code": "BAD_REQUEST" if executed else "GRAPHQL_VALIDATION_FAILED"})
    if original is None or isinstance(original, GraphQLError):
        return coded(error, error.message, {"code": "BAD_REQUEST", **(error.extensions or {})})
    told = explain(original)
    if told is not None:
        extensions = {name: value for name, value in told.items() if name != "message"}
        return coded(error, str(told["message"]), extensions)
    if is_outage(original):
        log.error("operation.unavailable", request_id=request_id, error=repr(original))
        return coded(error, "The service can't answer at this moment.", {"code": "UNAVAILABLE", "requestId": request_id})
    log.error("operation.failed", request_id=request_id, path=error.path, exc_info=original)
    return coded(error, "Something went wrong on our side.", {"code": "INTERNAL", "requestId": request_id})


def coded(error: GraphQLError, message: str, extensions: Mapping[str, Any]) -> GraphQLError:
    return GraphQLError(
        message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path, extensions=dict(extensions)
    )


def unavailable(result: Any) -> bool:
    return any((error.extensions or {}).get("code") == "UNAVAILABLE" for error in result.errors or ())


class Errors(SchemaExtension):
    """Shows errors as above, in answers and in each result of a stream, and adds the request id to each answer."""

    explain: Explain

    def __init__(self, explain: Explain, *, suggest: bool = True) -> None:
        self.explain = explain
        self.suggest = suggest
        self.executed = False
        self.streamed = False

    @property
    def request_id(self) -> str:
        return cast("str", self.execution_context.context.request_id)

    def on_operation(self) -> Iterator[None]:
        yield
        if not self.streamed:
            self.show(self.execution_context.result)

    def on_execute(self) -> Iterator[None]:
        self.executed = True
        yield

    def on_stream_result(self, result: Any) -> Iterator[None]:
        self.streamed = True
        self.show(result)
        if unavailable(result) and self.execution_context.operation_type is OperationType.SUBSCRIPTION:
            result.interrupted = True  # to go on would leave a hole: the socket closes instead, and the client resumes
        yield

    def show(self, result: Any) -> None:
        if isinstance(result, (CoreResult, ExecutionResult)) and result.errors:
            # a new list: the old one may be the validation cache's
            result.errors = [shown(error, self.explain, self.request_id, executed=self.executed) for error in result.errors]
            if not self.suggest:
                result.errors = [
                    coded(error, SUGGESTION.sub("", error.message), error.extensions or {}) for error in result.errors
                ]

    def get_results(self) -> dict[str, Any]:
        return {"requestId": self.request_id}
