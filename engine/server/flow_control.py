"""Flow control of an HTTP connection: pausing reads, and detecting a client that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class PipelineFlowControl(FlowControl):
    """Does not resume reading while requests wait in the pipeline.

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
    """Detects a client whose backlog of unsent bytes has not shrunk for a whole timeout."""

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.unsent_bytes = 0
        self.unsent_since = 0.0

    def update(self, unsent_bytes: int, now: float) -> bool:
        """Record the unsent bytes; return whether they have not shrunk for `timeout_seconds`.

        They count as shrunk if they are fewer than ever since the backlog began. `now` is the event
        loop's time.
        """
        if not self.unsent_bytes or unsent_bytes < self.unsent_bytes:
            self.unsent_since, self.unsent_bytes = now, unsent_bytes
            return False
        return now - self.unsent_since >= self.timeout_seconds
