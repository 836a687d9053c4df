"""Flow control of an HTTP connection: pausing reads, and detecting a client that does not read."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sys
import termios
from collections.abc import Callable, Sized

from uvicorn.protocols.http.flow_control import FlowControl


class PipelineFlowControl(FlowControl):
    """Does not resume reading while requests wait in the pipeline.

    uvicorn 0.54 resumes reading as soon as an application reads a body, so it would queue any
    number of further requests. We know of no upstream issue.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self.pipeline = pipeline
        self.writable_callbacks: list[Callable[[], None]] = []

    def on_writable(self, callback: Callable[[], None]) -> None:
        """Call the callback when few written bytes wait, or the connection is closed."""
        if self.write_paused:
            self.writable_callbacks.append(callback)
        else:
            callback()

    def resume_writing(self) -> None:
        super().resume_writing()
        callbacks, self.writable_callbacks = self.writable_callbacks, []
        for callback in callbacks:
            callback()

    def resume_reading(self) -> None:
        if not self.pipeline:
            super().resume_reading()


def count_unaccepted_bytes(transport: asyncio.Transport) -> int:
    """The written bytes that the client has not acknowledged: in this process and in the kernel.

    The kernel may hold megabytes. A slow client reads them for minutes, while no further bytes of
    this process are written. On a platform that can't count them, they are left out.
    """
    waiting = transport.get_write_buffer_size()
    with contextlib.suppress(OSError, AttributeError, ValueError):
        in_kernel = fcntl.ioctl(
            transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4)
        )
        waiting += int.from_bytes(in_kernel, sys.byteorder)
    return waiting


class StallDetector:
    """Detects a client that accepts no bytes for a whole timeout, although bytes wait for it.

    A client has accepted the bytes that its TCP connection has acknowledged.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.has_backlog = False
        self.accepted_bytes = 0
        self.accepted_at = 0.0

    def update(self, accepted_bytes: int, has_backlog: bool, now: float) -> bool:
        """Return whether the client has accepted nothing for `timeout_seconds`.

        Compares accepted bytes, because the backlog may grow even while the client reads.

        Args:
            accepted_bytes: all bytes that the client has accepted since it connected.
            has_backlog: whether written bytes wait in this process.
            now: the event loop's time.
        """
        if not self.has_backlog or accepted_bytes > self.accepted_bytes:
            self.accepted_bytes, self.accepted_at = accepted_bytes, now
        self.has_backlog = has_backlog
        return has_backlog and now - self.accepted_at >= self.timeout_seconds
