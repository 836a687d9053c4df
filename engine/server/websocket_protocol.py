"""uvicorn's WebSocket protocol with limits, a direct way to write frames, and a shutdown callback.

It bounds the frames and bytes that a client may send, and reads nothing more while the application
has a message to process. After a violation it parses nothing more.

Endpoints find a FrameWriter in the scope's extensions. Other servers don't provide one; there,
endpoints send ASGI messages instead.

This overrides methods of uvicorn 0.54. We know of no upstream issue about the limits.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Handle, TimerHandle
from collections.abc import Callable
from typing import Any, cast

import structlog
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from engine.limit_refusals import count_refusal
from engine.server.flow_control import count_unaccepted_bytes
from engine.server.frame_parser import FrameParser, TooManyFrames
from engine.server.lingering_close import LingeringClose
from engine.server.traffic import TRAFFIC_STATE, TokenBucket, TrafficLimits

FRAME_WRITER_EXTENSION = "ticketwire.frame_writer"
KEEPALIVE_TIMEOUT_CODE = 1011
"""uvicorn closes the connection with this code if the client doesn't answer a ping."""
INVALID_DATA_CODE = 1007
ABNORMAL_CLOSURE_CODE = 1006
log = structlog.get_logger("ticketwire.websocket")


class FrameWriter:
    """Writes ready-made frames to one WebSocket, after everything that was sent before."""

    __slots__ = ("protocol", "shutdown_callback", "written_bytes")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self.protocol = protocol
        self.written_bytes = 0
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
        self.written_bytes += len(frames)
        return transport.get_write_buffer_size()

    @property
    def accepted_bytes(self) -> int:
        """The bytes that the client has acknowledged, apart from control frames."""
        return self.written_bytes - count_unaccepted_bytes(self.protocol.transport)

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
        self.traffic: TrafficLimits = app_state.get(TRAFFIC_STATE) or TrafficLimits()
        self.conn: FrameParser = FrameParser(config.ws_max_size, self.traffic.max_frames_per_second)
        self.received_bytes = TokenBucket(self.traffic.max_bytes_per_second)
        self.pause_timer: TimerHandle | None = None
        """Runs while the server doesn't read because the client has sent too many bytes."""
        self.next_turn: Handle | None = None
        """The scheduled parsing of held bytes."""
        self.lingering_close: LingeringClose | None = None
        self.frame_writer = FrameWriter(self)
        self.pending_pongs = b""
        """Answers to the newest pings, which wait until the client reads."""
        self.abort_timer: TimerHandle | None = None
        self.unread_at_ping = False
        """Whether the newest ping was written behind bytes that the client had not acknowledged."""
        self.accepted_bytes = 0
        """The bytes that the client had acknowledged when the newest ping was last waited for."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        # A refused handshake has no scope. The application starts in a later loop iteration.
        if hasattr(self, "scope"):
            extensions = cast("dict[str, Any]", self.scope.get("extensions"))
            extensions[FRAME_WRITER_EXTENSION] = self.frame_writer

    async def run_asgi(self) -> None:
        await super().run_asgi()
        # The scope refers to the writer, and so to this protocol, which refers to the scope. See
        # `connection_lost`.
        cast("dict[str, Any]", self.scope.get("extensions")).pop(FRAME_WRITER_EXTENSION, None)

    # ------------------------------------------------------------ reading

    def data_received(self, data: bytes) -> None:
        if self.lingering_close is not None:
            self.lingering_close.discard(data)
            return
        seconds = self.received_bytes.consume(len(data))
        if seconds and self.pause_timer is None:
            self.traffic.read_pauses += 1
            self.pause_timer = self.loop.call_later(seconds, self.end_pause)
        self.parse(data)

    def end_pause(self) -> None:
        self.pause_timer = None
        self.update_reading()

    def parse(self, data: bytes = b"") -> None:
        """Parse the held bytes and some more, as far as the parser does so in one turn."""
        self.next_turn = None
        if self.lingering_close is None and not self.transport.is_closing():
            super().data_received(data)
            self.schedule_abort()
            self.update_reading()

    def update_reading(self) -> None:
        """Read only if nothing that was read waits, and the client has not sent too much."""
        if self.transport.is_closing() or self.lingering_close is not None:
            return
        is_application_busy = not self.close_sent and not self.queue.empty()
        if self.conn.held and not is_application_busy and self.next_turn is None:
            self.next_turn = self.loop.call_soon(self.parse)
        must_pause = bool(self.conn.held or self.pause_timer or is_application_busy)
        if must_pause and not self.read_paused:
            self.transport.pause_reading()
        elif self.read_paused and not must_pause:
            self.transport.resume_reading()
        self.read_paused = must_pause

    async def receive(self) -> Any:
        message = await self.queue.get()
        self.update_reading()
        return message

    def handle_cont(self, event: Frame) -> None:
        # One growing buffer, because a list of many tiny fragments would take far more memory.
        fragments = cast("list[bytes | bytearray]", self.frames)
        message = fragments[0]
        if not isinstance(message, bytearray):
            fragments[0] = message = bytearray(message)
        message += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        (data,), self.frames = self.frames, []
        if self.close_sent or self.lingering_close is not None:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": bytes(data)})
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(INVALID_DATA_CODE, "A text message must be valid UTF-8.")
            self.handle_parser_exception()
        else:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})

    def handle_parser_exception(self) -> None:
        """Close the connection because of a violation, and parse nothing more of it."""
        close, was_closed = self.conn.close_sent, self.close_sent
        code, reason = (close.code, close.reason) if close else (ABNORMAL_CLOSURE_CODE, "")
        log.info("websocket.violation", client=self.client, code=code, reason=reason)
        if isinstance(self.conn.parser_exc, TooManyFrames):
            self.traffic.frame_floods += 1
        if self.handshake_complete:
            self.drop_messages()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.close_sent = True
        if was_closed or close is None or self.transport.is_closing():
            self.transport.abort()
        else:
            self.linger(b"".join(self.conn.data_to_send()))

    def drop_messages(self) -> None:
        while not self.queue.empty():
            self.queue.get_nowait()

    # ------------------------------------------------------------ pings

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

    # ------------------------------------------------------------ closing

    def send_keepalive_ping(self) -> None:
        self.unread_at_ping = count_unaccepted_bytes(self.transport) > 0
        self.accepted_bytes = self.frame_writer.accepted_bytes
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Close the connection, unless the client still reads what was written before the ping."""
        accepted_bytes = self.frame_writer.accepted_bytes
        if self.unread_at_ping and accepted_bytes > self.accepted_bytes and self.ping_timeout:
            self.accepted_bytes = accepted_bytes
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        count_refusal("ping_seconds")
        super().keepalive_timeout()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": KEEPALIVE_TIMEOUT_CODE})
        self.schedule_abort()

    def schedule_abort(self) -> None:
        """If the transport is closing, abort it after the close timeout."""
        if self.abort_timer is None and not self.disconnected and self.transport.is_closing():
            self.abort_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self.abort_timer, self.pause_timer, self.next_turn):
            if timer is not None:
                timer.cancel()
        # Without these reference cycles, the memory is free at once, and not only after the next
        # full garbage collection.
        del self.frame_writer
        self.conn.parser.close()

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
        self.close_sent = True
        self.linger(b"".join(self.conn.data_to_send()))

    def linger(self, close_frame: bytes) -> None:
        """Send a close frame, and discard what the client sends until it disconnects."""
        self.stop_keepalive()
        self.transport.write(close_frame)
        self.lingering_close = LingeringClose(
            self.transport, self.loop, self.close_timeout, self.traffic, self.transport.abort
        )
        self.close_timer = self.lingering_close.timer
