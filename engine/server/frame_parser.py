"""The parser of a WebSocket's frames, which bounds how many it parses.

websockets 17.4 parses all frames that it has received at once, and sets no limit on their rate. We
know no upstream issue.
"""

from __future__ import annotations

import logging

from websockets.exceptions import ProtocolError
from websockets.frames import Frame
from websockets.protocol import State
from websockets.server import ServerProtocol

from engine.server.traffic import TokenBucket

MAX_FRAMES_PER_TURN = 4
"""A read may contain tens of thousands of frames. Others wait while the event loop parses."""
POLICY_VIOLATION = 1008


class TooManyFrames(Exception):
    """The client sends more frames per second than it may."""


class FrameParser(ServerProtocol):
    """Counts all frames, also control frames and fragments."""

    def __init__(self, max_size: int, max_frames_per_second: int) -> None:
        super().__init__(max_size=max_size, logger=logging.getLogger("uvicorn.error"))
        self.frames = TokenBucket(max_frames_per_second)
        self.remaining_in_turn = MAX_FRAMES_PER_TURN
        self.held = bytearray()
        """Bytes for the next turn."""

    def receive_data(self, data: bytes | bytearray) -> None:
        """Parse up to MAX_FRAMES_PER_TURN frames, of the held bytes first. Hold the rest."""
        self.remaining_in_turn = MAX_FRAMES_PER_TURN
        if self.held:  # the reader's buffer is empty then; copying would take long
            self.reader.buffer, self.held = self.held, bytearray()
        super().receive_data(data)

    def recv_frame(self, frame: Frame) -> None:
        if self.state is State.CONNECTING:
            raise ProtocolError("frame before the end of the handshake")
        if self.frames.consume(1):
            limit = self.frames.rate
            reason = f"Too many frames: at most {limit} per second are accepted."
            self.fail(POLICY_VIOLATION, reason)
            self.parser_exc = TooManyFrames(reason)
            return
        super().recv_frame(frame)
        self.remaining_in_turn -= 1
        if self.remaining_in_turn == 0:
            # The parser stops when its buffer is empty.
            self.held, self.reader.buffer = self.reader.buffer, bytearray()
