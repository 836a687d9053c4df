"""The outbox of an event stream."""

from __future__ import annotations

import asyncio

from engine.fanout import outbox
from engine.fanout.batch import Batch
from engine.fanout.outbox import QueuedOutbox
from engine.sse.events import encode_next_event

WRITE_SECONDS = 30.0
"""How long a client may accept no bytes of a write before it is disconnected."""


def encode_events(batch: Batch) -> bytes:
    """All items of a batch as server-sent events. They are the same for all subscribers."""
    events: bytes | None = batch.encodings.get("events")
    if events is None:
        events = b"".join(map(encode_next_event, batch.payloads, batch.cursors))
        batch.encodings["events"] = events
    return events


class SSEOutbox(QueuedOutbox):
    """Sends messages as parts of the response's body."""

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.post(encode_events(batch))

    async def send_message(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self.send({"type": "http.response.body", "body": message, "more_body": True})
        except TimeoutError:  # a WebSocket has pings to notice a dead client; HTTP has none
            self.overflow()
            raise

    async def close(self) -> None:
        """Send the queued messages and end the body.

        Raises TimeoutError if the client does not accept them within FLUSH_SECONDS.
        """
        async with asyncio.timeout(outbox.FLUSH_SECONDS):
            await self.is_empty.wait()
            self.is_closed = True
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
