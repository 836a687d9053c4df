"""Errors in responses: each has a code, and internal errors are masked.

A masked error carries the request id, under which the log has the exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from engine.limit_refusals import LIMIT_BY_CODE, count_refusal, find_limit

ExplainError = Callable[[Exception], Mapping[str, Any] | None]
"""Describes an exception of the application to clients: `message`, `code` and further extensions.
None for an exception that clients must not see."""
IsOutage = Callable[[BaseException], bool]
"""Whether an exception means that a service that the application depends on is unavailable."""
SUGGESTION_PATTERN = re.compile(r" Did you mean .*\?$", re.DOTALL)
"""The end of graphql-core's messages that reveal names of the schema."""
QUOTED_PATTERN = re.compile(r"(Value )?'[^'\s]+'")
"""What graphql-core quotes: names of the schema or of the document, but after `Value` the client's
value. Names contain no spaces, so a client's value with apostrophes can't hide one."""
MASKED_NAME = "'…'"
TOO_MANY_TOKENS = "tokens. Parsing aborted."
"""The end of graphql-core's message about a document that exceeds the limit on tokens."""
UNAUTHENTICATED_MESSAGE = "The bearer token is unknown, revoked or expired."
UNAVAILABLE_MESSAGE = "The service is temporarily unavailable. Try again later."
INTERNAL_ERROR_MESSAGE = "An internal error occurred."
log = structlog.get_logger("ticketwire.operation")


class RequestError(GraphQLError):
    """The reason why an operation is not executed, with a code for the client."""

    limit_name: str | None = None
    """The limit that the operation exceeds, for the metric. It is counted with the response."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})
        self.code = code


def format_error(
    error: GraphQLError,
    explain: ExplainError,
    is_outage: IsOutage,
    request_id: str,
    *,
    validated: bool,
) -> GraphQLError:
    """The error for the client. Internal errors are masked and logged.

    Args:
        validated: Whether the operation passed validation. If it did, an error without a path is
            about the variables, otherwise about the document.
    """
    original = error.original_error
    if isinstance(error, RequestError):
        return error
    if isinstance(error, GraphQLSyntaxError) or isinstance(original, GraphQLSyntaxError):
        return copy_error(error, error.message, {"code": "GRAPHQL_PARSE_FAILED"})
    if not validated and error.path is None:
        # Validation wraps an exception of a scalar that refuses a literal. Its text is for clients.
        return copy_error(error, error.message, {"code": "GRAPHQL_VALIDATION_FAILED"})
    if original is None or isinstance(original, GraphQLError):
        # graphql-core refused the variables, or a resolver raised a GraphQLError of its own.
        extensions = error.extensions if error.path is not None else None
        return copy_error(error, error.message, {"code": "BAD_REQUEST", **(extensions or {})})
    explanation = explain(original)
    if explanation is not None:
        extensions = {name: value for name, value in explanation.items() if name != "message"}
        return copy_error(error, str(explanation["message"]), extensions)
    if is_outage(original):
        log.error("operation.unavailable", request_id=request_id, error=repr(original))
        extensions = {"code": "UNAVAILABLE", "requestId": request_id}
        return copy_error(error, UNAVAILABLE_MESSAGE, extensions)
    log.error("operation.failed", request_id=request_id, path=error.path, exc_info=original)
    extensions = {"code": "INTERNAL", "requestId": request_id}
    return copy_error(error, INTERNAL_ERROR_MESSAGE, extensions)


def copy_error(error: GraphQLError, message: str, extensions: Mapping[str, Any]) -> GraphQLError:
    """An error at the same place in the document and the response."""
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=dict(extensions),
    )


def find_limit_of(error: GraphQLError) -> str | None:
    """The limit by which an operation or a field is refused, if any."""
    limit = find_limit(error.original_error or error)
    if isinstance(error, GraphQLSyntaxError) and TOO_MANY_TOKENS in error.message:
        return "document_tokens"
    if limit is None and isinstance(error, RequestError):
        return LIMIT_BY_CODE.get(error.code)
    return limit


def has_unavailable_error(result: Any) -> bool:
    return any(
        (error.extensions or {}).get("code") == "UNAVAILABLE" for error in result.errors or ()
    )


class ErrorFormatter:
    """Formats the errors of results, in responses and in the events of a subscription."""

    def __init__(self, explain: ExplainError, is_outage: IsOutage) -> None:
        self.explain = explain
        self.is_outage = is_outage

    def format_errors(
        self,
        result: Any,
        request_id: str,
        *,
        is_schema_hidden: bool = False,
        validated: bool = True,
    ) -> None:
        """Replace the result's errors by a new list. The old list can belong to a cached document.

        Args:
            is_schema_hidden: Whether the viewer may not see the schema. See `mask_schema_names`.
            validated: See `format_error`.
        """
        if not result.errors:
            return
        for error in result.errors:
            count_refusal(find_limit_of(error))
        errors = [
            format_error(error, self.explain, self.is_outage, request_id, validated=validated)
            for error in result.errors
        ]
        if is_schema_hidden:
            errors = [mask_schema_names(error) for error in errors]
        result.errors = errors


def mask_schema_names(error: GraphQLError) -> GraphQLError:
    """Mask what a message about the document or the variables tells about the schema.

    Suggestions are removed. Names that are not in the document, such as the type of a field or a
    required argument, become `'…'`. The value after `found:` is the client's own.
    """
    if error.path is not None:
        return error
    message = SUGGESTION_PATTERN.sub("", error.message)
    written_names = set(re.findall(r"\w+", error.source.body if error.source else ""))

    def mask(match: re.Match[str]) -> str:
        is_written = written_names.issuperset(re.findall(r"\w+", match[0]))
        return match[0] if is_written or match[1] else MASKED_NAME

    text, separator, value = message.partition("found: ")
    message = QUOTED_PATTERN.sub(mask, text) + separator + value
    return copy_error(error, message, error.extensions or {})
