"""uvicorn's HTTP protocol, which also tells who answers that the peer hung up or that the server stops, and can cut answers off.

uvicorn waits for an answer that was begun, and has no way to end one as broken without a line of alarm in the log. Who answers
finds a Pipe in the scope's extensions; under another server there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from engine.server.http_protocol import HTTPProtocol

EXTENSION = "ticketwire.pipe"


class ClientConnection:
    """One connection, as the answer that is being sent over it sees it."""

    __slots__ = ("is_gone", "leaving", "protocol", "stopping")

    def __init__(self, protocol: ClientProtocol) -> None:
        self.protocol = protocol
        self.stopping: Callable[[], None] | None = None
        self.leaving: Callable[[], None] | None = None
        self.is_gone = False

    def on_leaving(self, act: Callable[[], None]) -> None:
        """Have something called when the peer hangs up; at once where it has."""
        self.leaving = act
        if self.is_gone:
            act()

    def left(self) -> None:
        self.is_gone = True
        if self.leaving is not None:
            self.leaving()

    def watch(self, stopping: Callable[[], None]) -> None:
        """Have something called when the server stops; at once where it is about to."""
        if self.protocol.is_stopping:
            stopping()
        else:
            self.stopping = stopping

    def unwatch(self) -> None:
        self.stopping = None

    def cut(self) -> None:
        """Close the connection behind what was written. A peer that does not take that within a second is not waited for."""
        self.protocol.cut()


class ClientProtocol(HTTPProtocol):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.pipe = ClientConnection(self)
        self.is_stopping = False

    @property
    def is_streaming(self) -> bool:
        return self.pipe.stopping is not None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self.pipe}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.pipe.left()

    def shutdown(self) -> None:
        self.is_stopping = True
        super().shutdown()
        if self.pipe.stopping is not None:
            self.pipe.stopping()
