"""The outbox of an event stream: the body of a response that goes on."""

from __future__ import annotations

import asyncio

from engine.fanout import outbox
from engine.fanout.outbox import Batch, QueuedOutbox
from engine.sse.events import next_event

WRITE_SECONDS = 30.0
"""How long a client may take nothing of what was written."""


def encode_events(batch: Batch) -> bytes:
    """All items of a batch as server-sent events, the same for all members."""
    found: bytes | None = batch.encodings.get("events")
    if found is None:
        found = batch.encodings["events"] = b"".join(map(next_event, batch.payloads, batch.cursors))
    return found


class SSEOutbox(QueuedOutbox):
    """The body of an answer that goes on."""

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.post(encode_events(batch))

    async def write(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self.send({"type": "http.response.body", "body": message, "more_body": True})
        except TimeoutError:  # sockets have pings for that
            self.overflow()
            raise

    async def close(self) -> None:
        """End the body behind what was sent. Raises TimeoutError where the peer does not take it."""
        async with asyncio.timeout(outbox.FLUSH_SECONDS):
            await self.is_empty.wait()
            self.ended = True
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
