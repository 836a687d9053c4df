"""The WebSocket endpoint: checks the origin, and registers each connection."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import (
    is_same_origin,
    normalize_allowed_origins,
    normalize_origin,
)

from engine.fanout.services import ConnectionServices
from engine.websocket.connection import WebSocketConnection
from engine.websocket.protocol import POLICY_VIOLATION


class WebSocketEndpoint:
    """An ASGI application for WebSockets."""

    def __init__(self, services: ConnectionServices, allowed_origins: Sequence[str]) -> None:
        self.services = services
        self.registry = services.registry
        self.own_origin = services.auth.session_cookie.own_origin
        self.allowed_origins = normalize_allowed_origins(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if not self.is_allowed_origin(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        connection = WebSocketConnection(self.services, scope, receive, send)
        self.registry.add(connection)
        try:
            await connection.serve()
        finally:
            self.registry.remove(connection)

    def is_allowed_origin(self, headers: Headers) -> bool:
        """Whether a page of the request's origin may connect. Browsers always send an origin."""
        origin = headers.get("origin")
        if origin is None or is_same_origin(origin, headers.get("host", "")):
            return True
        if origin == self.own_origin:  # a proxy has changed the header Host
            return True
        return "*" in self.allowed_origins or normalize_origin(origin) in self.allowed_origins
