"""The connection that a response is sent over, as endpoints see it.

The HTTP protocol puts a ClientConnection into the scope's extensions. Other servers don't, so
endpoints must also work without one. It notifies the endpoint when the client disconnects and when
the server shuts down, and closes the connection. uvicorn has no way to close a connection before
its response is complete without logging an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.server.flow_control import PipelineFlowControl
from engine.server.lingering_close import ResponseTransport
from engine.server.traffic import ConnectionSlot

CONNECTION_EXTENSION = "ticketwire.client_connection"


class ConnectionProtocol(Protocol):
    """The part of the HTTP protocol that ClientConnection uses."""

    is_shutting_down: bool
    response_transport: ResponseTransport
    flow: PipelineFlowControl
    slot: ConnectionSlot

    def permit_long_body(self, bytes: int) -> None: ...

    def close(self) -> None: ...


class ClientConnection:
    """One HTTP connection, shared by all its requests. At most one callback of each kind is set."""

    __slots__ = ("disconnect_callback", "is_disconnected", "protocol", "shutdown_callback")

    def __init__(self, protocol: ConnectionProtocol) -> None:
        self.protocol = protocol
        self.shutdown_callback: Callable[[], None] | None = None
        self.disconnect_callback: Callable[[], None] | None = None
        self.is_disconnected = False

    @property
    def accepted_bytes(self) -> int:
        """The bytes of responses that the client has acknowledged."""
        return self.protocol.response_transport.accepted_bytes

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Call the callback when the client disconnects, or at once if it already has."""
        self.disconnect_callback = callback
        if self.is_disconnected:
            callback()

    def remove_disconnect_callback(self) -> None:
        self.disconnect_callback = None

    def mark_disconnected(self) -> None:
        self.is_disconnected = True
        if self.disconnect_callback is not None:
            self.disconnect_callback()

    def on_writable(self, callback: Callable[[], None]) -> None:
        """Call the callback when few written bytes wait for the client, or it disconnects."""
        self.protocol.flow.on_writable(callback)

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """Call the callback when the server shuts down, or at once if it is already shutting down.

        Only event streams call this. From then on, their own limits count the connection.
        """
        self.protocol.slot.release()
        if self.protocol.is_shutting_down:
            callback()
        else:
            self.shutdown_callback = callback

    def remove_shutdown_callback(self) -> None:
        self.shutdown_callback = None

    def permit_long_body(self, bytes: int) -> None:
        """Let the body of the current request have so many bytes, and arrive slowly.

        Each part of it must arrive within the time for a whole body. The endpoint must limit the
        total time.
        """
        self.protocol.permit_long_body(bytes)

    def close(self) -> None:
        """Send what was written, then close the connection. Aborts it after one second."""
        self.protocol.close()
