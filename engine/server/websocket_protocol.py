"""uvicorn's WebSocket protocol with a direct way to write frames, and a shutdown callback.

Endpoints find a FrameWriter in the scope's extensions. Other servers don't provide one; there,
endpoints send ASGI messages instead.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

FRAME_WRITER_EXTENSION = "ticketwire.frame_writer"
LENGTH_16_BIT_FROM = 126
LENGTH_64_BIT_FROM = 1 << 16
KEEPALIVE_TIMEOUT_CODE = 1011
"""uvicorn closes the connection with this code if the client doesn't answer a ping."""


class FrameWriter:
    """Writes ready-made frames to one WebSocket, after everything that was sent before."""

    __slots__ = ("protocol", "shutdown_callback")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self.protocol = protocol
        self.shutdown_callback: Callable[[], None] | None = None
        """Called when the server shuts down, instead of closing the connection. It must call
        `close_for_shutdown` later."""

    def write(self, frames: bytes) -> int:
        """Write complete frames.

        Returns the number of bytes that the client has not accepted, or -1 if the connection is
        closed.
        """
        protocol = self.protocol
        transport = protocol.transport
        if protocol.close_sent or protocol.disconnected or transport.is_closing():
            return -1
        transport.write(frames)
        return transport.get_write_buffer_size()

    def buffered_bytes(self) -> int:
        transport = self.protocol.transport
        return 0 if transport.is_closing() else transport.get_write_buffer_size()

    async def drain(self) -> None:
        """Wait until the client has accepted most of the bytes, or the connection is closed."""
        await self.protocol.writable.wait()

    def close(self, code: int, reason: str) -> None:
        """Send what was written, then close. Aborts the connection after the close timeout."""
        self.protocol.close(code, reason)

    def close_for_shutdown(self) -> None:
        """Close with code 1012 (service restart)."""
        self.protocol.close_for_shutdown()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection, aborted if the client doesn't read while it is being closed.

    uvicorn would wait for such a client forever.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.frame_writer = FrameWriter(self)
        self.pending_pongs = b""
        """Answers to the newest pings, which wait until the client reads."""
        self.abort_timer: TimerHandle | None = None

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        # A refused handshake has no scope. The application starts in a later loop iteration.
        if hasattr(self, "scope"):
            extensions = cast("dict[str, Any]", self.scope.get("extensions"))
            extensions[FRAME_WRITER_EXTENSION] = self.frame_writer

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.schedule_abort()

    def handle_ping(self) -> None:
        """Answer pings, but keep only the newest answers for a client that doesn't read them.

        RFC 6455, section 5.5.3 allows this. Otherwise, answers would accumulate.
        """
        # The first call returns the answers to all pings of one read, the others return nothing.
        self.pending_pongs = b"".join(self.conn.data_to_send()) or self.pending_pongs
        if self.writable.is_set():
            self.send_pongs()

    def send_pongs(self) -> None:
        pongs, self.pending_pongs = self.pending_pongs, b""
        if pongs and not self.close_sent and not self.transport.is_closing():
            self.transport.write(pongs)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.send_pongs()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": KEEPALIVE_TIMEOUT_CODE})
        self.schedule_abort()

    def schedule_abort(self) -> None:
        """If the transport is closing, abort it after the close timeout."""
        if self.abort_timer is None and not self.disconnected and self.transport.is_closing():
            self.abort_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.abort_timer is not None:
            self.abort_timer.cancel()

    def shutdown(self) -> None:
        callback = self.frame_writer.shutdown_callback
        if callback is not None and self.handshake_complete and not self.close_sent:
            callback()
        else:
            super().shutdown()

    def close_for_shutdown(self) -> None:
        super().shutdown()

    def close(self, code: int, reason: str) -> None:
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)


def encode_frame_header(length: int) -> bytes:
    """Encode the header of an unmasked, final text frame (RFC 6455, section 5.2).

    Args:
        length: the bytes of the payload.
    """
    if length < LENGTH_16_BIT_FROM:
        return bytes((0x81, length))
    if length < LENGTH_64_BIT_FROM:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")
