"""Server-sent events as bytes (HTML Living Standard, section 9.2), named as graphql-sse's distinct connections mode has them.

A cursor travels as `id:`, so that a browser's EventSource sends the last one by itself when it comes again.
"""

from __future__ import annotations

MEDIA_TYPE = "text/event-stream"
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "private, no-cache",
    "x-accel-buffering": "no",
}
"""`private` for answers to who came with a token in the URL (RFC 6750, section 2.3); nginx buffers what doesn't say no."""

COMPLETE = b"event: complete\ndata:\n\n"
"""With a line for data, for events without one are told to nobody."""


def next_event(payload: bytes, cursor: str | None = None) -> bytes:
    """A result, from its ready JSON, which holds no line break."""
    id = b"" if cursor is None else b"id: %b\n" % cursor.encode()
    return b"event: next\n%bdata: %b\n\n" % (id, payload)


def heartbeat(cursor: str | None = None) -> bytes:
    """A comment, which nobody is told of; with a cursor it moves the last id on, past what was nothing for this reader."""
    return b":\n\n" if cursor is None else b":\nid: %b\n\n" % cursor.encode()


def retry_delay(milliseconds: int) -> bytes:
    """How long a client waits before it comes again."""
    return b"retry: %d\n\n" % milliseconds
