"""Errors as clients get them: a code for each, a masked message for what is ours, and the request id that is in the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

log = structlog.get_logger("ticketwire.operation")

ExplainError = Callable[[Exception], Mapping[str, Any] | None]
"""What an exception of the application's tells clients: `message`, `code` and further extensions; None for a bug."""

IsOutage = Callable[[BaseException], bool]
"""Whether an exception means that a service which the application depends on is unavailable."""
SUGGESTION_PATTERN = re.compile(r" Did you mean .*\?$", re.DOTALL)

INVALID_TOKEN_MESSAGE = "The bearer token is unknown, revoked or expired."
UNAVAILABLE_MESSAGE = "The service can't answer at this moment."
INTERNAL_ERROR_MESSAGE = "Something went wrong on our side."


class RequestError(GraphQLError):
    """Why an operation is not run, as the client is told it."""

    def __init__(self, message: str, code: str, **more: Any) -> None:
        super().__init__(message, extensions={"code": code, **more})
        self.code = code


def format_error(
    error: GraphQLError, explain: ExplainError, is_outage: IsOutage, request_id: str, *, executed: bool
) -> GraphQLError:
    """The error for the client. What is not the caller's doing is masked, and logged with its trace."""
    original = error.original_error
    if isinstance(error, RequestError):
        return error
    if isinstance(error, GraphQLSyntaxError) or isinstance(original, GraphQLSyntaxError):
        return copy_error(error, error.message, {"code": "GRAPHQL_PARSE_FAILED"})
    if error.path is None and (
        original is None or isinstance(original, GraphQLError) or not executed
    ):
        return copy_error(
            error,
            error.message,
            {"code": "BAD_REQUEST" if executed else "GRAPHQL_VALIDATION_FAILED"},
        )
    if original is None or isinstance(original, GraphQLError):
        return copy_error(error, error.message, {"code": "BAD_REQUEST", **(error.extensions or {})})
    told = explain(original)
    if told is not None:
        extensions = {name: value for name, value in told.items() if name != "message"}
        return copy_error(error, str(told["message"]), extensions)
    if is_outage(original):
        log.error("operation.unavailable", request_id=request_id, error=repr(original))
        return copy_error(
            error,
            "The service can't answer at this moment.",
            {"code": "UNAVAILABLE", "requestId": request_id},
        )
    log.error("operation.failed", request_id=request_id, path=error.path, exc_info=original)
    return copy_error(
        error, "Something went wrong on our side.", {"code": "INTERNAL", "requestId": request_id}
    )


def copy_error(error: GraphQLError, message: str, extensions: Mapping[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=dict(extensions),
    )


def has_unavailable_error(result: Any) -> bool:
    return any(
        (error.extensions or {}).get("code") == "UNAVAILABLE" for error in result.errors or ()
    )


class ErrorFormatter:
    """Shows errors as above, in answers and in each result of a stream. Always a new list: the old one may be a document's."""

    def __init__(self, explain: ExplainError, is_outage: IsOutage) -> None:
        self.explain = explain
        self.is_outage = is_outage

    def format_errors(
        self, result: Any, request_id: str, *, schema_hidden: bool = False, executed: bool = True
    ) -> None:
        """`closed` is for callers to whom the schema is: they get no suggestions."""
        if not result.errors:
            return
        found = [
            format_error(error, self.explain, self.is_outage, request_id, executed=executed)
            for error in result.errors
        ]
        if schema_hidden:
            found = [
                copy_error(error, SUGGESTION_PATTERN.sub("", error.message), error.extensions or {})
                for error in found
            ]
        result.errors = found
