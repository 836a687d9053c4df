"""A simple client: GraphQL over HTTP, and graphql-transport-ws over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

TICKET_FIELDS = """
  id number ref externalId subject status stage priority version tags escalationLevel
  heldUntil resolution closeReason
  allowedActions createdAt updatedAt firstRespondedAt resolvedAt closedAt
  category { slug } team { slug }
  requester { id displayName } assignee { id displayName } mergedInto { id }
"""
ERROR_FIELDS = """
  userErrors { __typename code message field
    ... on TransitionRefused { from action allowed }
    ... on StaleVersion { current }
    ... on UnseenMessages { messages { id body } } }
"""
EVENT_FIELDS = """
  __typename id type cursor occurredAt
  ticket { id number status } actor { __typename displayName }
"""
TIMEOUT_SECONDS = 60
"""The timeout for whatever must arrive. A test that passes never waits this long."""
SUBPROTOCOL = "graphql-transport-ws"
TLS = ssl.create_default_context()
"""Not used for encryption, but a client without it would create its own in 30 ms."""


class Refused(Exception):
    """A top-level error; `code` is its extensions.code."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors))
        self.errors = errors
        self.code = errors[0].get("extensions", {}).get("code")


class Client:
    """A client that sends a token, or an anonymous one."""

    def __init__(self, http: str, ws: str, token: str | None) -> None:
        self.http, self.ws, self.token = http, ws, token

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(
        self, query: str, variables: dict[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
            return await http.post(
                self.http,
                json={"query": query, "variables": variables or {}},
                headers={**self.headers, **headers},
            )

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run an operation; return the response with data, errors and extensions."""
        return (await self.post(query, variables)).json()

    async def run(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run an operation; return its data. Raises Refused for top-level errors."""
        response = await self.answer(query, **variables)
        if response.get("errors"):
            raise Refused(response["errors"])
        return response["data"]

    async def mutate(self, name: str, input: dict[str, Any], more: str = "") -> dict[str, Any]:
        """Run a ticket mutation; return its payload, which may hold user errors."""
        kind = name[0].upper() + name[1:] + "Input"
        kind = "TicketActionInput" if name in ACTION_MUTATIONS else kind
        field = {"replyToTicket": "reply { id body }", "addNote": "note { id body }"}.get(name, "")
        query = (
            f"mutation($input: {kind}!) {{ {name}(input: $input) {{ "
            f"ticket {{ {TICKET_FIELDS} }} event {{ {EVENT_FIELDS} }} "
            f"cursor replayed {field} {more} {ERROR_FIELDS} }} }}"
        )
        return (await self.run(query, input=input))[name]

    async def do(self, name: str, **input: Any) -> dict[str, Any]:
        """Run a ticket mutation that must succeed; return its payload."""
        payload = await self.mutate(name, input)
        assert payload["userErrors"] == [], payload["userErrors"]
        return payload

    async def refusal_codes(self, name: str, **input: Any) -> list[str]:
        """Run a ticket mutation that must be refused; return the codes."""
        payload = await self.mutate(name, input)
        assert payload["ticket"] is None, payload
        return [error["code"] for error in payload["userErrors"]]

    async def raise_ticket(self, subject: str = "VPN is down", **input: Any) -> dict[str, Any]:
        values = {
            "subject": subject,
            "description": "It **fails** since noon.",
            "category": "technical",
            **input,
        }
        return (await self.do("createTicket", **values))["ticket"]

    @contextlib.asynccontextmanager
    async def socket(self, payload: dict[str, Any] | None = None) -> AsyncIterator[Socket]:
        """An initialised socket; by default its connection_init carries the token of the client."""
        # With a bounded queue the client stops reading if many events wait, and a close takes 10 s.
        async with open_connection(self.ws, max_size=None, max_queue=None) as connection:
            socket = Socket(connection)
            init_payload = (
                payload
                if payload is not None
                else ({"authorization": f"Bearer {self.token}"} if self.token else {})
            )
            await socket.initialise(init_payload)
            yield socket


def open_connection(ws: str, **options: Any) -> connect:
    """Connect without client-side timeouts, so a slow server is never disconnected."""
    return connect(
        ws,
        **{
            "subprotocols": [SUBPROTOCOL],
            "open_timeout": TIMEOUT_SECONDS,
            "ping_interval": None,
            **options,
        },
    )


ACTION_MUTATIONS = {
    *("startTicket", "awaitCustomer", "resumeTicket"),
    *("watchTicket", "unwatchTicket", "unmergeTicket"),
}


class Socket:
    """A graphql-transport-ws connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.last_id = 0

    async def send(self, message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def initialise(self, payload: dict[str, Any]) -> None:
        await self.send({"type": "connection_init", "payload": payload})
        assert (await self.receive())["type"] == "connection_ack"

    async def receive(self, seconds: float | None = TIMEOUT_SECONDS) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            return json.loads(await self.connection.recv())

    async def subscribe(self, query: str, **variables: Any) -> str:
        self.last_id += 1
        await self.send(
            {
                "type": "subscribe",
                "id": str(self.last_id),
                "payload": {"query": query, "variables": variables},
            }
        )
        return str(self.last_id)

    async def next(self, field: str, seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        """The next value of the root field of a subscription.

        Raises Refused if it ended with errors.
        """
        message = await self.receive(seconds)
        if message["type"] == "error":
            raise Refused(message["payload"])
        assert message["type"] == "next", message
        if message["payload"].get("errors"):
            raise Refused(message["payload"]["errors"])
        return message["payload"]["data"][field]

    async def take(self, field: str, count: int) -> list[dict[str, Any]]:
        return [await self.next(field) for _ in range(count)]


EVENTS = f"""
  subscription($after: String, $ticketId: ID, $types: [TicketEventType!], $filter: TicketFilter) {{
    ticketEvents(after: $after, ticketId: $ticketId, types: $types, filter: $filter) {{
      {EVENT_FIELDS}
    }}
  }}
"""
