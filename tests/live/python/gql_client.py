"""The Python client gql, with httpx for queries and mutations and websockets for subscriptions.

Usage: python gql_client.py <http> <ws> <email> <password> <after>. Prints one JSON line per result,
error and disconnect.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import InvalidHandshake

SIGN_IN = "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { code } } }"
VIEWER = "query { viewer { role user { email } } }"
INVALID_QUERY = "query { nothing }"
SUBSCRIPTION = """subscription($after: String) {
  ticketStatusChanged(after: $after) { cursor from to ticket { id status } actor { displayName } }
}"""
INVALID_SUBSCRIPTION = "subscription { ticketStatusChanged { nothing } }"
DISCONNECTED = (TransportConnectionFailed, InvalidHandshake, OSError, EOFError)


def report(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def codes(error: TransportQueryError) -> list[str]:
    return [each["extensions"]["code"] for each in error.errors or []]


async def sign_in(http: str, email: str, password: str) -> str:
    async with Client(transport=HTTPXAsyncTransport(http)) as session:
        data = await session.execute(
            GraphQLRequest(
                SIGN_IN, variable_values={"input": {"email": email, "password": password}}
            )
        )
    return str(data["signIn"]["token"])


async def run_queries(session: Any) -> None:
    report(viewer=(await session.execute(GraphQLRequest(VIEWER)))["viewer"])
    try:
        await session.execute(GraphQLRequest(INVALID_QUERY))
    except TransportQueryError as error:
        report(invalidQuery=codes(error))


async def main(http: str, ws: str, email: str, password: str, after: str) -> None:
    token = await sign_in(http, email, password)
    bearer = {"authorization": f"Bearer {token}"}
    async with Client(transport=HTTPXAsyncTransport(http, headers=bearer)) as session:
        await run_queries(session)
    async with Client(transport=WebsocketsTransport(ws, init_payload=bearer)) as session:
        await run_queries(session)  # queries work over sockets too
        try:
            async for _ in session.subscribe(GraphQLRequest(INVALID_SUBSCRIPTION)):
                pass
        except TransportQueryError as error:
            report(invalidSubscription=codes(error))
    while True:
        try:
            async with Client(transport=WebsocketsTransport(ws, init_payload=bearer)) as session:
                async for data in session.subscribe(
                    GraphQLRequest(SUBSCRIPTION, variable_values={"after": after})
                ):
                    after = data["ticketStatusChanged"]["cursor"]
                    report(step=data["ticketStatusChanged"])
        except DISCONNECTED as error:
            report(disconnected=repr(error))
            await asyncio.sleep(0.05)


asyncio.run(main(*sys.argv[1:]))
