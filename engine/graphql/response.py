"""Results of operations: one that was not run, and what a client is told of any."""

from __future__ import annotations

from typing import Any

import orjson
from graphql import GraphQLError
from strawberry.types.execution import PreExecutionError

from engine.graphql.errors import RequestError


def as_graphql_error(error: Exception) -> GraphQLError:
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def request_error_result(message: str, code: str, **more: Any) -> PreExecutionError:
    return PreExecutionError(None, [RequestError(message, code, **more)])


def build_response(result: Any) -> dict[str, Any]:
    """A result for a client; one of a request that was never run has no data."""
    found: dict[str, Any] = {} if isinstance(result, PreExecutionError) else {"data": result.data}
    if result.errors:
        found["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        found["extensions"] = result.extensions
    return found


def encode_response(result: Any) -> bytes:
    """A result for a client, as JSON."""
    return orjson.dumps(build_response(result), option=orjson.OPT_UTC_Z)
