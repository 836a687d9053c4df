"""Limits on the time and size of HTTP requests."""

from __future__ import annotations

CLOSE_TIMEOUT_SECONDS = 1.0
"""After it, a connection that is closing is aborted, even if not everything was sent."""
MIN_CHECK_SECONDS = 0.01
"""The minimum time between two checks of a connection's timeouts."""
REQUEST_TIMEOUT_SECONDS = 15.0
"""For the headers, and then again for the body."""
MAX_URL_BYTES = 60 * 1024
MAX_PATH_BYTES = 2048
"""The URL before the query string. Decoding a long path would stop the event loop."""
MAX_HEADER_BYTES = 16 * 1024
"""The maximum of all headers together, and again of all trailers."""
MAX_REQUEST_BYTES = 16 * 1024 * 1024
"""The size of a whole request with its chunk extensions and trailers. The middleware refuses
smaller bodies; beyond this, the server no longer parses what it discards."""
MAX_BODY_PIECES = 4096
"""The chunks of a body, or the parts of it that arrive together. Each takes time, however short."""
MAX_PIPELINED_REQUESTS = 100
"""Requests that may wait for the response to an earlier one."""


class ParsingStopped(Exception):
    """Raised within the parser, so that it reads nothing more of a request that was refused."""


def find_head_violation(url: bytes, head_bytes: int) -> tuple[int, str] | None:
    """Return the status and reason of a refusal if a URL or the headers after it are too long."""
    if len(url) > MAX_URL_BYTES:
        return 414, f"The URL must be at most {MAX_URL_BYTES} bytes."
    if len(url) > MAX_PATH_BYTES and b"?" not in url[: MAX_PATH_BYTES + 1]:
        return 414, f"The path of the URL must be at most {MAX_PATH_BYTES} bytes."
    if head_bytes - len(url) > MAX_HEADER_BYTES:
        return 431, f"The headers must be at most {MAX_HEADER_BYTES} bytes in total."
    return None
