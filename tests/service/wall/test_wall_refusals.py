"""The session of a screen opens no root field of the API, by no transport."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Client, Service
from support.assert_unchanged import assert_nothing_stored
from support.client import SUBPROTOCOL
from support.root_fields import build_operations
from support.wall import Screen
from websockets.asyncio.client import ClientConnection, connect

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.never_retried,
]
OPERATIONS = build_operations()
PUBLIC = {
    *("Query.viewer", "Mutation.signIn", "Mutation.signInWithCode", "Mutation.resetPassword"),
    *("Mutation.requestPasswordReset", "Mutation.registerUser"),
}
"""Root fields for everybody. None of them reads a ticket."""
REFUSED = {name: text for name, text in OPERATIONS.items() if name not in PUBLIC}


def code_of(body: Any) -> str:
    errors = body["errors"] if isinstance(body, dict) else body
    return str(errors[0]["extensions"]["code"])


async def test_every_operation_over_http_is_that_of_a_stranger(screen: Screen, ada: Client) -> None:
    await screen.pair(ada)
    async with assert_nothing_stored():
        for name, text in REFUSED.items():
            if not name.startswith("Subscription"):
                body = (await screen.query(text)).json()
                assert code_of(body) == "UNAUTHENTICATED", (name, body)
    assert await screen.who() is None
    assert (await screen.request_state()).status_code == 200, "the screen is still paired"


async def test_every_operation_over_a_websocket_is_that_of_a_stranger(
    screen: Screen, ada: Client, service: Service
) -> None:
    await screen.pair(ada)
    async with (
        assert_nothing_stored(),
        connect(
            service.ws,
            subprotocols=[SUBPROTOCOL],  # pyright: ignore[reportArgumentType]
            additional_headers={"Cookie": str(screen.cookie)},
            origin=f"http://127.0.0.1:{service.port}",  # pyright: ignore[reportArgumentType]
        ) as socket,
    ):
        await socket.send(json.dumps({"type": "connection_init"}))
        assert (await receive(socket))["type"] == "connection_ack"
        for name, text in REFUSED.items():
            message = {"id": name, "type": "subscribe", "payload": {"query": text}}
            await socket.send(json.dumps(message))
            codes = await read_codes(socket, name)
            assert codes == ["UNAUTHENTICATED"], (name, codes)


async def read_codes(socket: ClientConnection, id: str) -> list[str]:
    """The codes of the errors of an operation, which must not deliver any data."""
    while True:
        message = await receive(socket)
        assert message["id"] == id, message
        if message["type"] == "error":
            return [each["extensions"]["code"] for each in message["payload"]]
        assert message["type"] == "next", message
        assert not any((message["payload"]["data"] or {}).values()), message
        codes = [each["extensions"]["code"] for each in message["payload"]["errors"]]
        assert (await receive(socket))["type"] == "complete"
        return codes


async def receive(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await socket.recv()))


async def test_every_subscription_as_an_event_stream_is_that_of_a_stranger(
    screen: Screen, ada: Client
) -> None:
    await screen.pair(ada)
    subscriptions = {n: t for n, t in REFUSED.items() if n.startswith("Subscription")}
    assert subscriptions
    for name, text in subscriptions.items():
        response = await screen.send(
            "POST", "/graphql/stream", {"query": text}, Accept="text/event-stream"
        )
        assert "UNAUTHENTICATED" in response.text, (name, response.text)


async def test_files_metrics_and_graphiql_ignore_the_session(screen: Screen, ada: Client) -> None:
    await screen.pair(ada)
    for path in ("/metrics", "/files/x"):
        assert (await screen.send("GET", path)).status_code in (401, 403, 404), path
    for path in ("/desk", "/portal", "/tickets/1001"):
        response = await screen.send("GET", path, Accept="text/html")
        assert response.status_code in (303, 404), path
