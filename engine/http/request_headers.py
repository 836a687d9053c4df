"""Checks of a request's headers and query string, before its body arrives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Scope

from engine.graphql.request import MAX_QUERY_STRING_BYTES
from engine.http.content_negotiation import GRAPHQL_RESPONSE_TYPE, JSON_TYPE
from engine.limit_refusals import count_refusal
from engine.server.error_response import RequestRefused
from engine.session_cookie import CUSTOM_HEADERS

PREFLIGHT_HEADERS = (b"authorization", *CUSTOM_HEADERS)
"""A browser sends none of these to another origin without a preflight."""
NOT_ACCEPTABLE = (
    f"Not acceptable. Supported response types: {JSON_TYPE}, {GRAPHQL_RESPONSE_TYPE}. "
    "For server-sent events, use /graphql/stream."
)


def check_headers(
    scope: Scope, headers: Mapping[bytes, bytes], type: str | None, *, is_post: bool
) -> None:
    """Check what is known before the body arrives. Raises RequestRefused."""
    if not is_post and scope["method"] != "GET":
        raise RequestRefused(405, "Use GET or POST.", allow="GET, POST")
    if type is None:
        raise RequestRefused(406, NOT_ACCEPTABLE)
    if is_post:
        check_json_body(headers)
        return
    if len(scope["query_string"]) > MAX_QUERY_STRING_BYTES:
        count_refusal("query_string_bytes")
        raise RequestRefused(
            414,
            f"The query string must be at most {MAX_QUERY_STRING_BYTES} bytes. "
            "Use POST for longer requests.",
        )
    if not any(name in headers for name in PREFLIGHT_HEADERS):
        raise RequestRefused(
            400, "A GET request needs a header that requires a preflight, such as X-Requested-With."
        )


def check_json_body(headers: Mapping[bytes, bytes]) -> None:
    """Check that the headers describe uncompressed JSON in UTF-8. Raises RequestRefused."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"", b"identity"):
        raise RequestRefused(
            415, "The request body must not be compressed.", accept_encoding="identity"
        )
    if not is_json(headers.get(b"content-type", b"")):
        raise RequestRefused(415, "The request body must be application/json in UTF-8.")


@lru_cache(maxsize=64)
def is_json(content_type: bytes) -> bool:
    """Whether a Content-Type header means JSON in UTF-8, which is JSON's default charset."""
    type, *parameters = content_type.decode("latin-1").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return False
    return type.strip() == JSON_TYPE
