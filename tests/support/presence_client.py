"""Being at tickets, and following who is, as a client does it."""

from __future__ import annotations

from typing import Any

from support.client import Client, Socket

FOLLOW_PRESENCE = """
  subscription($id: ID!) {
    ticketPresence(ticketId: $id) { ticket { id } people { state since user { id displayName } } }
  }
"""
SET_PRESENCE = """
  mutation($input: SetPresenceInput!) {
    setPresence(input: $input) {
      presence { ticket { id } people { state since user { displayName } } } userErrors { code message field }
    }
  }
"""

PresenceSnapshot = dict[str, str]
"""What each person does, by name."""


async def send_presence(client: Client, ticket: dict[str, Any], state: str, **more: Any) -> dict[str, Any]:
    """The mutation's payload, refusals included."""
    answer = await client.run(SET_PRESENCE, input={"ticketId": ticket["id"], "state": state, **more})
    return dict(answer["setPresence"])


async def set_presence(client: Client, ticket: dict[str, Any], state: str, **more: Any) -> PresenceSnapshot:
    """Say it; who is there then."""
    payload = await send_presence(client, ticket, state, **more)
    assert payload["userErrors"] == []
    return snapshot_of(payload["presence"])


def snapshot_of(presence: dict[str, Any]) -> PresenceSnapshot:
    found = {each["user"]["displayName"]: str(each["state"]) for each in presence["people"]}
    assert len(found) == len(presence["people"])
    return found


async def follow_presence(socket: Socket, ticket: dict[str, Any]) -> str:
    return await socket.subscribe(FOLLOW_PRESENCE, id=ticket["id"])


async def next_snapshot(socket: Socket) -> PresenceSnapshot:
    """The next picture."""
    return snapshot_of(await socket.next("ticketPresence"))
