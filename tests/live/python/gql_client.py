"""Python's gql as a program sets it up, httpx for queries and mutations and websockets for subscriptions.

python gql_client.py <http> <ws> <email> <password> <after>; a JSON line on standard output for each thing that happens.
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

SIGN_IN = "mutation($who: SignInInput!) { signIn(input: $who) { token userErrors { code } } }"
VIEWER = "query { viewer { role user { email } } }"
WRONG = "query { nothing }"
STEPS = """subscription($after: String) {
  ticketStatusChanged(after: $after) { cursor from to ticket { id status } actor { displayName } }
}"""
WRONG_STEPS = "subscription { ticketStatusChanged { nothing } }"
DROPPED = (TransportConnectionFailed, InvalidHandshake, OSError, EOFError)


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def codes(error: TransportQueryError) -> list[str]:
    return [each["extensions"]["code"] for each in error.errors or []]


async def signed_in(http: str, email: str, password: str) -> str:
    async with Client(transport=HTTPXAsyncTransport(http)) as session:
        found = await session.execute(GraphQLRequest(SIGN_IN, variable_values={"who": {"email": email, "password": password}}))
    return str(found["signIn"]["token"])


async def ask(session: Any) -> None:
    tell(viewer=(await session.execute(GraphQLRequest(VIEWER)))["viewer"])
    try:
        await session.execute(GraphQLRequest(WRONG))
    except TransportQueryError as error:
        tell(wrong=codes(error))


async def main(http: str, ws: str, email: str, password: str, after: str) -> None:
    token = await signed_in(http, email, password)
    bearer = {"authorization": f"Bearer {token}"}
    async with Client(transport=HTTPXAsyncTransport(http, headers=bearer)) as session:
        await ask(session)
    async with Client(transport=WebsocketsTransport(ws, init_payload=bearer)) as session:
        await ask(session)  # queries travel by sockets too
        try:
            async for _ in session.subscribe(GraphQLRequest(WRONG_STEPS)):
                pass
        except TransportQueryError as error:
            tell(wrongSteps=codes(error))
    while True:
        try:
            async with Client(transport=WebsocketsTransport(ws, init_payload=bearer)) as session:
                async for found in session.subscribe(GraphQLRequest(STEPS, variable_values={"after": after})):
                    after = found["ticketStatusChanged"]["cursor"]
                    tell(step=found["ticketStatusChanged"])
        except DROPPED as error:
            tell(dropped=repr(error))
            await asyncio.sleep(0.05)


asyncio.run(main(*sys.argv[1:]))
