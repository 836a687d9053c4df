"""Being at tickets, and following who is, as a client does it."""

from __future__ import annotations

from typing import Any

from support.client import Client, Socket

FOLLOW = """
  subscription($id: ID!) {
    ticketPresence(ticketId: $id) { ticket { id } people { state since user { id displayName } } }
  }
"""
SAY = """
  mutation($input: SetPresenceInput!) {
    setPresence(input: $input) {
      presence { ticket { id } people { state since user { displayName } } } userErrors { code message field }
    }
  }
"""

Picture = dict[str, str]
"""What each person does, by name."""


async def asked(client: Client, ticket: dict[str, Any], state: str, **more: Any) -> dict[str, Any]:
    """The mutation's payload, refusals included."""
    answer = await client.run(SAY, input={"ticketId": ticket["id"], "state": state, **more})
    return dict(answer["setPresence"])


async def say(client: Client, ticket: dict[str, Any], state: str, **more: Any) -> Picture:
    """Say it; who is there then."""
    payload = await asked(client, ticket, state, **more)
    assert payload["userErrors"] == []
    return picture(payload["presence"])


def picture(presence: dict[str, Any]) -> Picture:
    found = {each["user"]["displayName"]: str(each["state"]) for each in presence["people"]}
    assert len(found) == len(presence["people"])
    return found


async def follow(socket: Socket, ticket: dict[str, Any]) -> str:
    return await socket.subscribe(FOLLOW, id=ticket["id"])


async def shown(socket: Socket) -> Picture:
    """The next picture."""
    return picture(await socket.next("ticketPresence"))
