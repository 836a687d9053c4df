"""Closing a connection whose client may still send.

If the server closed at once, the operating system would reset the connection, and the client could
lose the last response (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.limit_refusals import count_refusal
from engine.server.flow_control import count_unaccepted_bytes
from engine.server.traffic import TrafficLimits

DISCARD_PAUSE_SECONDS = 0.005
"""The pause after each read, so that clients that send fast leave time for others."""


class LingeringClose:
    """Ends the sending side, and discards what the client sends until it disconnects.

    Aborts the connection after the given time, or after too many discarded bytes.
    """

    __slots__ = ("abort", "loop", "remaining_bytes", "timer", "traffic", "transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        traffic: TrafficLimits,
        abort: Callable[[], None],
    ) -> None:
        self.transport = transport
        self.loop = loop
        self.traffic = traffic
        self.abort = abort
        self.remaining_bytes = traffic.max_discarded_bytes
        self.timer = loop.call_later(seconds, abort)
        if transport.can_write_eof():
            transport.write_eof()
        transport.resume_reading()

    def discard(self, data: bytes) -> None:
        """Drop data that arrived."""
        self.remaining_bytes -= len(data)
        if self.remaining_bytes < 0:
            self.traffic.discard_aborts += 1
            count_refusal("discarded_bytes")
            self.timer.cancel()
            self.abort()
        elif not self.transport.is_closing():
            self.transport.pause_reading()
            self.loop.call_later(DISCARD_PAUSE_SECONDS, self.resume_reading)

    def resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()


class ResponseTransport:
    """The transport as one connection's responses use it. It counts the bytes.

    uvicorn closes it after a response, even if the client still sends the request.
    """

    __slots__ = ("close", "is_closing", "transport", "written_bytes")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.transport = transport
        self.is_closing = transport.is_closing
        self.close = close
        self.written_bytes = 0

    def write(self, data: bytes) -> None:
        self.written_bytes += len(data)
        self.transport.write(data)

    @property
    def accepted_bytes(self) -> int:
        """The bytes that the client has acknowledged."""
        return self.written_bytes - count_unaccepted_bytes(self.transport)
