"""Subscriptions of a page that the server seems to refuse."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.async_api import Page, WebSocketRoute

ERROR = {"message": "Too many lists.", "extensions": {"code": "QUERY_TOO_EXPENSIVE"}}


async def refuse_subscription(page: Page, operation: str) -> Callable[[], None]:
    """Refuse a subscription until the returned function is called."""
    is_refused = True

    def handle(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            content = json.loads(message)
            if is_refused and f"subscription {operation}" in str(content.get("payload")):
                reply = {"id": content["id"], "type": "error", "payload": [ERROR]}
                socket.send(json.dumps(reply))
            else:
                server.send(message)

        socket.on_message(pass_on)

    def allow() -> None:
        nonlocal is_refused
        is_refused = False

    await page.route_web_socket("**/graphql", handle)
    return allow
