"""Flow control of an HTTP connection: pausing reads, and detecting a client that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class PipelineFlowControl(FlowControl):
    """Pauses reading while requests are pipelined.

    uvicorn resumes reading as soon as an application reads a body, so it would queue any number of
    further requests.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self.pipeline = pipeline

    def resume_reading(self) -> None:
        if not self.pipeline:
            super().resume_reading()


class StallDetector:
    """Detects a client that accepts no response bytes for a whole timeout."""

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.unsent_bytes = 0
        self.unsent_since = 0.0

    def is_stalled(self, unsent_bytes: int, now: float) -> bool:
        """Check the bytes that wait in the transport at a time, in seconds of the event loop."""
        if not self.unsent_bytes or unsent_bytes < self.unsent_bytes:
            self.unsent_since, self.unsent_bytes = now, unsent_bytes
            return False
        return now - self.unsent_since >= self.timeout_seconds
