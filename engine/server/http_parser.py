"""The callbacks of the HTTP parser, with limits on the sizes of requests.

After a refusal, nothing more of what was read is parsed: each callback takes time, and one read may
contain thousands of tiny chunks or requests.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from engine.server import http_limits
from engine.server.client_connection import CONNECTION_EXTENSION, ClientConnection
from engine.server.lingering_close import ResponseTransport


class LimitedParser(HttpToolsProtocol):
    """The part of an HTTP connection that reads requests."""

    client_connection: ClientConnection
    response_transport: ResponseTransport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.is_refused = False
        self.waiting_since = 0.0
        """When the server began to wait for the rest of a request; 0 if it waits for nothing."""
        self.is_reading_headers = False
        self.received_bytes = 0
        """Bytes of the current request, without the last read."""
        self.last_read_bytes = 0
        self.began_within_read = False
        """Whether the request began in the last read, after another: its size is unknown then."""
        self.body_pieces = self.trailer_bytes = 0
        self.has_long_body = False
        """Whether the body of the current request may arrive slowly."""
        self.max_request_bytes = http_limits.MAX_REQUEST_BYTES
        self.max_body_pieces = http_limits.MAX_BODY_PIECES
        self.receiving_cycle: RequestResponseCycle | None = None
        """The request whose body is incomplete."""

    def refuse(self, status: int, reason: str) -> None:
        """Stop reading, and respond with an error. HTTPProtocol defines this."""
        raise NotImplementedError

    def parse(self, data: bytes) -> None:
        """Like uvicorn's `data_received`, but without a warning in the log for each bad request."""
        self._unset_keepalive_if_required()
        try:
            cast("httptools.HttpRequestParser", self.parser).feed_data(data)
        except httptools.HttpParserError:
            self.refuse(400, "Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self.stop_if_refused()
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {
            CONNECTION_EXTENSION: self.client_connection
        }
        if not self.waiting_since:
            # The previous request ended in the same read: the size of this one is unknown.
            self.waiting_since = self.loop.time()
            self.last_read_bytes, self.began_within_read = 0, True
        self.is_reading_headers = True
        self.received_bytes = self.body_pieces = self.trailer_bytes = 0
        self.has_long_body = False
        self.max_request_bytes = http_limits.MAX_REQUEST_BYTES
        self.max_body_pieces = http_limits.MAX_BODY_PIECES

    def on_url(self, url: bytes) -> None:
        if len(self.url) <= http_limits.MAX_URL_BYTES:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.is_reading_headers:
            super().on_header(name, value)
            return
        self.trailer_bytes += len(name) + len(value) + 4  # trailers are dropped
        if self.trailer_bytes > http_limits.MAX_HEADER_BYTES:
            self.refuse(431, f"The trailers must be at most {http_limits.MAX_HEADER_BYTES} bytes.")
            self.stop_if_refused()

    def on_headers_complete(self) -> None:
        read_bytes = self.received_bytes + self.last_read_bytes
        if self.began_within_read or read_bytes > http_limits.MAX_HEADER_BYTES:
            # The read may contain bytes of another request or of the body: count exactly.
            header_bytes = sum(len(name) + len(value) + 4 for name, value in self.headers)
            self.check_header_size(len(self.url) + header_bytes)
        self.check_header_size(len(self.url))
        self.is_reading_headers = False
        self.stop_if_refused()
        self.waiting_since = self.loop.time()
        if len(self.pipeline) >= http_limits.MAX_PIPELINED_REQUESTS:
            limit = http_limits.MAX_PIPELINED_REQUESTS
            self.refuse(429, f"At most {limit} requests may wait on one connection.")
            return
        previous_cycle = self.cycle
        super().on_headers_complete()
        if self.cycle is not previous_cycle:  # otherwise it is a WebSocket handshake
            self.receiving_cycle = self.cycle
            self.cycle.transport = cast("asyncio.Transport", self.response_transport)

    def on_body(self, body: bytes) -> None:
        self.body_pieces += 1
        if self.body_pieces > self.max_body_pieces:
            limit = self.max_body_pieces
            self.refuse(413, f"The request body must have at most {limit} chunks.")
        self.stop_if_refused()
        super().on_body(body)

    def stop_if_refused(self) -> None:
        """Raises ParsingStopped, which ends the parsing of what was read."""
        if self.is_refused:
            raise http_limits.ParsingStopped

    def on_message_complete(self) -> None:
        if not self.is_refused:
            self.waiting_since, self.receiving_cycle = 0.0, None
            super().on_message_complete()

    def check_header_size(self, size: int) -> None:
        """Refuse the request if its URL and headers, of this size so far, are too long."""
        if violation := http_limits.find_head_violation(self.url, size):
            self.refuse(*violation)
