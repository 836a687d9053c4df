"""uvicorn's HTTP protocol with timeouts and size limits.

uvicorn 0.54 limits neither the time nor the size of headers, URLs, bodies and chunk extensions (its
issue 157, which is closed, asked for that). With this class, a client keeps a connection only if it
sends complete requests in time and reads the responses. An error response is sent after the
responses to all earlier requests.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from engine.limit_refusals import count_refusal
from engine.server import http_limits
from engine.server.client_connection import ClientConnection
from engine.server.error_response import build_refusal, refuse_connection
from engine.server.flow_control import PipelineFlowControl, StallDetector
from engine.server.http_parser import LimitedParser
from engine.server.lingering_close import LingeringClose, ResponseTransport
from engine.server.traffic import TRAFFIC_STATE, ConnectionSlot, TrafficLimits

MAX_CHUNK_OVERHEAD = 2
"""How many times as long as its body a permitted long request may be."""
MIN_PIECE_BYTES = 256
"""A long body may have one more piece (chunk) for this many bytes, beyond MAX_BODY_PIECES."""


class HTTPProtocol(LimitedParser):
    """One HTTP connection. Endpoints find its ClientConnection in the scope's extensions."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        timeout_seconds: float = http_limits.REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.timeout_seconds = timeout_seconds
        self.client_connection = ClientConnection(self)
        self.is_shutting_down = False
        self.responding_cycle: RequestResponseCycle | None = None
        """The newest request that was passed to the application."""
        self.pending_refusal = b""
        """An error response that waits for the responses to earlier requests."""
        self.stall_detector = StallDetector(timeout_seconds)
        self.watchdog: asyncio.TimerHandle | None = None
        self.abort_timer: asyncio.TimerHandle | None = None
        self.traffic: TrafficLimits = app_state.get(TRAFFIC_STATE) or TrafficLimits()
        self.lingering_close: LingeringClose | None = None

    @property
    def is_responding(self) -> bool:
        cycle = self.responding_cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete)

    def is_stalled(self, now: float) -> bool:
        """Whether the client reads no response. Event streams notice this themselves."""
        is_streaming = self.client_connection.shutdown_callback is not None
        has_backlog = not is_streaming and self.transport.get_write_buffer_size() > 0
        accepted_bytes = self.response_transport.accepted_bytes if has_backlog else 0
        return self.stall_detector.update(accepted_bytes, has_backlog, now)

    # ------------------------------------------------------------ transport

    def connection_made(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.flow = PipelineFlowControl(transport, self.pipeline)
        self.response_transport = ResponseTransport(transport, self.close_after_response)
        self.waiting_since = self.loop.time()
        self.watchdog = self.loop.call_later(self.timeout_seconds, self.check_timeouts)
        self.slot = ConnectionSlot(self.traffic.connections, self.client, len(self.connections))
        if self.slot.refusal is not None:
            self.is_refused = True
            refuse_connection(transport, self.slot.refusal, self.server_state.default_headers)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.release()
        # uvicorn marks only the newest request as disconnected, but an older one may be running.
        cycle = self.responding_cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.client_connection.mark_disconnected()
        self.break_cycles()

    def break_cycles(self) -> None:
        """Let the memory be free at once, and not only after the next full garbage collection.

        Requests that still run keep what they use.
        """
        self.parser = self.scope = self.cycle = None  # pyright: ignore[reportAttributeAccessIssue]
        self.responding_cycle = self.receiving_cycle = None
        self.response_transport.close = self.transport.close
        del self.client_connection

    def data_received(self, data: bytes) -> None:
        if self.lingering_close is not None:
            self.lingering_close.discard(data)
            return
        if self.is_refused:  # the refusal waits for earlier responses
            self.flow.pause_reading()
            return
        if not self.waiting_since:
            self.waiting_since = self.loop.time()
        self.last_read_bytes, self.began_within_read = len(data), False
        self.parse(data)
        if self.waiting_since and not self.is_refused:
            if self.has_long_body:
                self.waiting_since = self.loop.time()
            self.received_bytes += self.last_read_bytes
            if self.is_reading_headers:
                self.check_header_size(self.received_bytes)
            elif self.received_bytes > self.max_request_bytes:
                limit = self.max_request_bytes
                self.refuse(413, f"The request must be at most {limit} bytes.")

    def shutdown(self) -> None:
        self.is_shutting_down = True
        super().shutdown()
        if self.client_connection.shutdown_callback is not None:
            self.client_connection.shutdown_callback()

    # ------------------------------------------------------------ responses

    def handle_websocket_upgrade(self) -> None:
        # A request that still runs would write between the frames, and not notice a disconnect.
        if self.is_responding:
            self.refuse(400, "Open a WebSocket after all earlier responses have arrived.")
        if not self.is_refused:
            self.release()
            super().handle_websocket_upgrade()
            self.break_cycles()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.responding_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        if self.lingering_close is not None:
            self.server_state.total_requests += 1
            return
        super().on_response_complete()
        if self.pending_refusal and not self.is_responding:
            self.write_final_response(self.pending_refusal)

    # ------------------------------------------------------------ timeouts and limits

    def check_timeouts(self) -> None:
        """Close the connection if a request does not arrive, or the client does not read, in time.

        One timer per connection checks periodically; a timer for each request would cost more.
        """
        now = self.loop.time()
        is_waiting_for_server = self.flow.read_paused or (
            self.receiving_cycle is None and self.is_responding
        )
        if self.waiting_since and is_waiting_for_server:
            self.waiting_since = now
        if self.waiting_since and now - self.waiting_since >= self.timeout_seconds:
            self.handle_timeout()
        elif self.is_stalled(now):
            count_refusal("unread_seconds")
            self.abort()
        else:
            began = self.waiting_since or now
            delay = max(began + self.timeout_seconds - now, http_limits.MIN_CHECK_SECONDS)
            self.watchdog = self.loop.call_later(delay, self.check_timeouts)

    def permit_long_body(self, bytes: int) -> None:
        """See ClientConnection. Has no effect if the body is complete already."""
        if self.receiving_cycle is not None and self.receiving_cycle is self.responding_cycle:
            self.has_long_body = True
            self.max_request_bytes = max(self.max_request_bytes, bytes * MAX_CHUNK_OVERHEAD)
            self.max_body_pieces += bytes // MIN_PIECE_BYTES
            self.waiting_since = self.loop.time()

    def release(self) -> None:
        """Stop the timers, and count the connection no longer."""
        self.slot.release()
        self.stop_watchdog()
        if self.abort_timer is not None:
            self.abort_timer.cancel()

    def stop_watchdog(self) -> None:
        if self.watchdog is not None:
            self.watchdog.cancel()

    def handle_timeout(self) -> None:
        if self.is_reading_headers or self.receiving_cycle is not None:
            self.refuse(408, f"The request did not arrive within {self.timeout_seconds:g} seconds.")
        else:
            count_refusal("idle_seconds")
            self.close()

    def refuse(self, status: int, reason: str) -> None:
        """Stop reading, and send an error response after the responses to earlier requests."""
        if self.is_refused:
            return
        self.is_refused = True
        self.waiting_since = 0.0
        response = build_refusal(status, reason, self.server_state.default_headers)
        cycle, self.receiving_cycle = self.receiving_cycle, None
        is_executing = cycle is not None and cycle is self.responding_cycle
        if cycle is not None and not is_executing:
            self.pipeline.popleft()  # uvicorn adds at the left: drops the incomplete request
        elif cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                (self.linger if cycle.response_complete else self.close)()
                return
        if self.is_responding and not is_executing:
            self.pending_refusal = response
        else:
            self.write_final_response(response)

    # ------------------------------------------------------------ closing

    def write_final_response(self, response: bytes) -> None:
        """Write the connection's last response."""
        if not self.transport.is_closing():
            self.response_transport.write(response)
            self.linger()

    def close_after_response(self) -> None:
        """Close the connection after a response whose header says so."""
        cycle = self.responding_cycle
        if self.receiving_cycle is not None and cycle is not None and cycle.response_complete:
            self.linger()
        else:
            self.transport.close()

    def linger(self) -> None:
        """Close the connection so that a client that still sends can read the last response."""
        self.is_refused, self.waiting_since, self.receiving_cycle = True, 0.0, None
        self._unset_keepalive_if_required()
        if self.lingering_close is None and not self.transport.is_closing():
            self.lingering_close = LingeringClose(
                self.transport, self.loop, self.timeout_seconds, self.traffic, self.abort
            )
            self.abort_timer = self.lingering_close.timer

    def close(self) -> None:
        """Send what was written, then close the connection. Aborts it after one second."""
        if self.abort_timer is None:
            self.transport.close()
            self.abort_timer = self.loop.call_later(http_limits.CLOSE_TIMEOUT_SECONDS, self.abort)

    def abort(self) -> None:
        # With uvloop, writing fails as soon as the transport is aborted, before connection_lost.
        if self.responding_cycle is not None:
            self.responding_cycle.disconnected = True
        self.transport.abort()
