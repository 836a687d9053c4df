"""Server-sent events as bytes (HTML Living Standard, section 9.2), with graphql-sse's event names.

Cursors are sent as `id:`. When a browser's EventSource reconnects, it sends the last one.
"""

from __future__ import annotations

MEDIA_TYPE = "text/event-stream"
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "private, no-cache",
    "x-accel-buffering": "no",
}
"""RFC 6750, section 2.3, recommends `private` for responses to requests with a token in the URL.
The last header turns off nginx's buffering."""

COMPLETE = b"event: complete\ndata:\n\n"
"""The empty data line is required: clients drop events without one."""


def encode_next_event(payload: bytes, cursor: str | None = None) -> bytes:
    """A `next` event. The payload is JSON without line breaks."""
    id = b"" if cursor is None else b"id: %b\n" % cursor.encode()
    return b"event: next\n%bdata: %b\n\n" % (id, payload)


def encode_heartbeat(cursor: str | None = None) -> bytes:
    """A comment, which clients ignore.

    A cursor moves the client's last id past events that the client does not receive.
    """
    return b":\n\n" if cursor is None else b":\nid: %b\n\n" % cursor.encode()


def encode_retry_delay(milliseconds: int) -> bytes:
    """How long a client waits before it reconnects."""
    return b"retry: %d\n\n" % milliseconds
