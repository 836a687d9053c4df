"""Flow control of an HTTP connection: pausing reads, and detecting a client that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class PipelineFlowControl(FlowControl):
    """Does not resume reading while requests wait in the pipeline.

    uvicorn 0.54 resumes reading as soon as an application reads a body, so it would queue any
    number of further requests. We know no upstream issue.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self.pipeline = pipeline

    def resume_reading(self) -> None:
        if not self.pipeline:
            super().resume_reading()


class StallDetector:
    """Detects a client that has accepted none of the bytes that wait for it for a whole timeout."""

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.has_backlog = False
        self.accepted_bytes = 0
        self.accepted_at = 0.0

    def update(self, written_bytes: int, unsent_bytes: int, now: float) -> bool:
        """Return whether the client has accepted nothing for `timeout_seconds`.

        The backlog itself may grow while a client reads, because more is written.

        Args:
            written_bytes: all bytes that were written to the connection.
            unsent_bytes: those of them that wait.
            now: the event loop's time.
        """
        accepted_bytes = written_bytes - unsent_bytes
        if not self.has_backlog or accepted_bytes > self.accepted_bytes:
            self.accepted_bytes, self.accepted_at = accepted_bytes, now
        self.has_backlog = unsent_bytes > 0
        return self.has_backlog and now - self.accepted_at >= self.timeout_seconds
