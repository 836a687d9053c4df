"""Errors as clients get them: a code for each, a masked message for what is ours, and the request id that is in the log."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import structlog
from graphql import GraphQLError, GraphQLSyntaxError
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

BUSY = ("database is locked", "disk is full", "disk I/O error", "readonly database", "unable to open database")


SIGNED_OUT = "The bearer token is unknown, revoked or expired."
AWAY = "The service can't answer at this moment."
BROKEN = "Something went wrong on our side."


class RequestError(GraphQLError):
    """Why an operation is not run, as the client is told it."""

    def __init__(self, message: str, code: str, **more: Any) -> None:
        super().__init__(message, extensions={"code": code, **more})
        self.code = code


def is_outage(error: BaseException) -> bool:
    """Whether the database is away or can't write, rather than that we asked it something wrong."""
    if isinstance(error, OUTAGES):
        return True
    return isinstance(error, OperationalError) and any(text in str(error) for text in BUSY)


def format_error(error: GraphQLError, explain: Explain, request_id: str, *, executed: bool) -> GraphQLError:
    """The error for the client. What is not the caller's doing is masked, and logged with its trace."""
    original = error.original_error
    if isinstance(error, RequestError):
        return error
    if isinstance(error, GraphQLSyntaxError) or isinstance(original, GraphQLSyntaxError):
        return coded(error, error.message, {"code": "GRAPHQL_PARSE_FAILED"})
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


class ErrorFormatter:
    """Shows errors as above, in answers and in each result of a stream. Always a new list: the old one may be a document's."""

    def __init__(self, explain: Explain) -> None:
        self.explain = explain

    def show(self, result: Any, request_id: str, *, closed: bool = False, executed: bool = True) -> None:
        """`closed` is for callers to whom the schema is: they get no suggestions."""
        if not result.errors:
            return
        found = [format_error(error, self.explain, request_id, executed=executed) for error in result.errors]
        if closed:
            found = [coded(error, SUGGESTION.sub("", error.message), error.extensions or {}) for error in found]
        result.errors = found
