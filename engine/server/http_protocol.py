"""uvicorn's HTTP protocol, which does not wait for ever for a request to arrive, nor take one of any size.

uvicorn bounds neither the time nor the size of headers, URLs, bodies and what lies between chunks. Nobody keeps a connection here
but by sending whole requests in time and taking the answers. What is refused is answered after the answers that came before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Any

import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from engine.server.error_response import new_id, whole_answer

SECONDS = 15.0
"""For the headers, and then for the body."""
MAX_URL = 60 * 1024
MAX_HEADERS = 16 * 1024
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of a whole request as it is sent. Bodies are bounded where they are read; of a refused one, so much is read."""
MOST_WAITING = 100
"""Requests that may come before the one that is being answered has been."""
SECONDS_TO_TAKE = 1.0
log = structlog.get_logger("ticketwire.arrival")


class BodyFlow(FlowControl):
    """uvicorn reads on as soon as a request reads its body, and so any number of requests behind it."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self.pipeline = pipeline

    def resume_reading(self) -> None:
        if not self.pipeline:
            super().resume_reading()


class HTTPProtocol(HttpToolsProtocol):
    def __init__(self, *given: Any, seconds: float = SECONDS, **named: Any) -> None:
        super().__init__(*given, **named)
        self.seconds = seconds
        self.since = 0.0
        """When the part of a request began that has not come wholly; 0 where nothing is awaited."""
        self.is_heading = False
        self.came = 0
        """Bytes of the request, without the newest."""
        self.newest = 0
        self.arriving: RequestResponseCycle | None = None
        """The request whose body has not come wholly."""
        self.answering: RequestResponseCycle | None = None
        """The newest request that was begun to be answered."""
        self.is_refused = False
        self.owed = b""
        """A refusal that waits for the answers before it."""
        self.untaken = (0.0, 0)
        """Since when how many bytes of answers wait for the peer."""
        self.watch: asyncio.TimerHandle | None = None
        self.cutting: asyncio.TimerHandle | None = None

    @property
    def is_answering(self) -> bool:
        return bool(self.pipeline) or (self.answering is not None and not self.answering.response_complete)

    @property
    def is_streaming(self) -> bool:
        """Whether who answers looks itself after a peer that takes nothing."""
        return False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self.flow = BodyFlow(transport, self.pipeline)
        self.since = self.loop.time()
        self.watch = self.loop.call_later(self.seconds, self.look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.stop_watching()
        if self.cutting is not None:
            self.cutting.cancel()
        # uvicorn tells the newest request alone, though an older one is being answered where requests are pipelined
        if self.answering is not None and not self.answering.response_complete:
            self.answering.disconnected = True
            self.answering.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self.is_refused:
            return
        if not self.since:
            self.since = self.loop.time()
        self.newest = len(data)
        super().data_received(data)
        if self.since and not self.is_refused:
            self.came += self.newest
            if self.is_heading:
                self.measure(self.came)
            elif self.came > MAX_MESSAGE:
                self.refuse(413, "The request is too large.")

    def on_message_begin(self) -> None:
        if self.is_refused:
            return
        super().on_message_begin()
        if not self.since:  # where another one ended, and how much of what came is its own is not known
            self.since = self.loop.time()
            self.newest = 0
        self.is_heading = True
        self.came = 0

    def on_url(self, url: bytes) -> None:
        if len(self.url) <= MAX_URL:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.is_heading:  # trailers are not kept
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self.newest or self.came + self.newest > MAX_HEADERS:
            self.measure(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers))
        self.is_heading = False
        if self.is_refused:
            return
        self.since = self.loop.time()
        if len(self.pipeline) >= MOST_WAITING:
            self.refuse(429, f"A connection has at most {MOST_WAITING} requests that wait.")
            return
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # else it is to become a socket
            self.arriving = self.cycle

    def on_body(self, body: bytes) -> None:
        if not self.is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.is_refused:
            self.since, self.arriving = 0.0, None
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        if self.is_answering:  # it would never be told that its client is gone, and would write between the frames
            self.refuse(400, "A socket is opened when all requests before it have been answered.")
        if not self.is_refused:
            self.stop_watching()
            super().handle_websocket_upgrade()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.owed and not self.is_answering:
            self.say(self.owed)

    def look(self) -> None:
        """From time to time, and not by a timer for each request, which would cost each one."""
        now = self.loop.time()
        if self.since and (self.flow.read_paused or (self.arriving is None and self.is_answering)):
            self.since = now  # it is we who let it wait
        if self.since and now - self.since >= self.seconds:
            self.late()
        elif self.is_stuck(now):
            self.abort()
        else:
            left = self.since + self.seconds - now if self.since else self.seconds
            self.watch = self.loop.call_later(max(left, 0.01), self.look)

    def stop_watching(self) -> None:
        if self.watch is not None:
            self.watch.cancel()

    def is_stuck(self, now: float) -> bool:
        """Whether the peer takes nothing of what was answered."""
        since, size = self.untaken
        waiting = 0 if self.is_streaming else self.transport.get_write_buffer_size()
        if not size or waiting < size:
            self.untaken = (now, waiting)
            return False
        return now - since >= self.seconds

    def late(self) -> None:
        if self.is_heading or self.arriving is not None:
            self.refuse(408, f"The request did not come within {self.seconds:g} seconds.")
        else:
            self.cut()

    def measure(self, head: int) -> None:
        """Refuse headers that are too long; they need not be whole."""
        if len(self.url) > MAX_URL:
            self.refuse(414, f"A URL has at most {MAX_URL} bytes.")
        elif head - len(self.url) > MAX_HEADERS:
            self.refuse(431, f"The headers of a request have at most {MAX_HEADERS} bytes.")

    def send_400_response(self, msg: str) -> None:
        self.refuse(400, msg)

    def refuse(self, status: int, reason: str) -> None:
        """Answer what can't be run, once what came before is answered, and read no more."""
        if self.is_refused:
            return
        self.is_refused = True
        self.since = 0.0
        request_id = new_id()
        log.info("request.refused", request_id=request_id, status=status, reason=reason)
        said = whole_answer(status, reason, request_id, self.server_state.default_headers)
        cycle, self.arriving = self.arriving, None
        if cycle is not None and cycle is not self.answering:
            self.pipeline.popleft()
        elif cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.cut()
                return
        if self.is_answering and self.answering is not cycle:
            self.owed = said
        else:
            self.say(said)

    def say(self, last: bytes) -> None:
        """Write the last words. What still comes is read for a moment, or they would be lost with it (RFC 9112, section 9.6)."""
        if self.transport.is_closing():
            return
        self.transport.write(last)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self.cutting = self.cutting or self.loop.call_later(SECONDS_TO_TAKE, self.abort)
        else:
            self.cut()

    def cut(self) -> None:
        """Close the connection behind what was written. A peer that does not take that within a second is not waited for."""
        if self.cutting is None:
            self.transport.close()
            self.cutting = self.loop.call_later(SECONDS_TO_TAKE, self.abort)

    def abort(self) -> None:
        if self.answering is not None:
            self.answering.disconnected = (
                True  # uvloop lets nobody write on a connection that is gone, even before it tells of that
            )
        self.transport.abort()
