"""Results of operations, and the responses that clients get."""

from __future__ import annotations

from typing import Any

import orjson
from graphql import GraphQLError
from strawberry.types.execution import PreExecutionError

from engine.graphql.errors import RequestError


def as_graphql_error(error: Exception) -> GraphQLError:
    if isinstance(error, GraphQLError):
        return error
    return GraphQLError(str(error), original_error=error)


def request_error_result(message: str, code: str, **extensions: Any) -> PreExecutionError:
    """The result of an operation that is not executed."""
    return PreExecutionError(None, [RequestError(message, code, **extensions)])


def build_response(result: Any) -> dict[str, Any]:
    """The response for a result. It has no `data` if the operation was not executed."""
    response: dict[str, Any] = {}
    if not isinstance(result, PreExecutionError):
        response["data"] = result.data
    if result.errors:
        response["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        response["extensions"] = result.extensions
    return response


def encode_response(result: Any) -> bytes:
    """The response for a result, as JSON."""
    return orjson.dumps(build_response(result), option=orjson.OPT_UTC_Z)
