"""uvicorn's WebSocket protocol, which also takes frames that are ready, and asks the endpoint before it ends with the server.

The endpoint finds a Wire in the scope's extensions. Under another server there is none, and ASGI's own messages do the same.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "ticketwire.wire"
SHORT, MEDIUM = 126, 1 << 16
KEPT_SILENT = 1011


class FrameWriter:
    """One socket's way out, past ASGI: what is written goes behind all that was sent before."""

    __slots__ = ("protocol", "stopping")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self.protocol = protocol
        self.stopping: Callable[[], None] | None = None
        """Called when the server stops; who sets it ends the socket by `stop`."""

    def write(self, frames: bytes) -> int:
        """Write whole frames; returns how many bytes wait to be taken by the peer, or -1 where the socket has ended."""
        protocol = self.protocol
        transport = protocol.transport
        if protocol.close_sent or protocol.disconnected or transport.is_closing():
            return -1
        transport.write(frames)
        return transport.get_write_buffer_size()

    def backlog(self) -> int:
        transport = self.protocol.transport
        return 0 if transport.is_closing() else transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Return when the peer has taken most of what was written, or the socket has ended."""
        await self.protocol.writable.wait()

    def end(self, code: int, reason: str) -> None:
        """Close behind what waits; a peer that takes nothing is cut off after some seconds."""
        self.protocol.end(code, reason)

    def stop(self) -> None:
        """Close as a server that stops: 1012."""
        self.protocol.stop()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A peer that takes nothing keeps no connection: where uvicorn waits for it without end, it is cut off after some seconds."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.wire = FrameWriter(self)
        self.pong = b""
        """The newest answers to pings that are still owed."""
        self.lingering: TimerHandle | None = None

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # there is none where the handshake was refused; the application has not begun yet
            cast("dict[str, Any]", self.scope.get("extensions"))[EXTENSION] = self.wire

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.linger()

    def handle_ping(self) -> None:
        """To who does not take the answers, only the newest are kept (RFC 6455, section 5.5.3); more would pile up."""
        self.pong = b"".join(self.conn.data_to_send()) or self.pong  # all answers to what came at once come with the first
        if self.writable.is_set():
            self.answer_ping()

    def answer_ping(self) -> None:
        pong, self.pong = self.pong, b""
        if pong and not self.close_sent and not self.transport.is_closing():
            self.transport.write(pong)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.answer_ping()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": KEPT_SILENT})
        self.linger()

    def linger(self) -> None:
        """Closing waits for the peer to take what was written; not for ever."""
        if self.lingering is None and not self.disconnected and self.transport.is_closing():
            self.lingering = self.loop.call_later(self.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.lingering is not None:
            self.lingering.cancel()

    def shutdown(self) -> None:
        if self.wire.stopping is not None and self.handshake_complete and not self.close_sent:
            self.wire.stopping()
        else:
            super().shutdown()

    def stop(self) -> None:
        super().shutdown()

    def end(self, code: int, reason: str) -> None:
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


def frame_head(length: int) -> bytes:
    """What stands before the payload of an unmasked, final text frame (RFC 6455, section 5.2)."""
    if length < SHORT:
        return bytes((0x81, length))
    if length < MEDIUM:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")
