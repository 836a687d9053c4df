"""Sets the presence of people at tickets, and subscribes to it."""

from __future__ import annotations

from typing import Any

from support.client import Client, Socket

PRESENCE_SUBSCRIPTION = """
  subscription($id: ID!) {
    ticketPresence(ticketId: $id) { ticket { id } people { state since user { id displayName } } }
  }
"""
SET_PRESENCE = """
  mutation($input: SetPresenceInput!) {
    setPresence(input: $input) {
      presence { ticket { id } people { state since user { displayName } } }
      userErrors { code message field }
    }
  }
"""

PresenceSnapshot = dict[str, str]
"""The state of each person at a ticket, by name."""


async def run_set_presence(
    client: Client, ticket: dict[str, Any], state: str, **options: Any
) -> dict[str, Any]:
    """Run setPresence; return its payload, which may hold user errors."""
    response = await client.run(
        SET_PRESENCE, input={"ticketId": ticket["id"], "state": state, **options}
    )
    return dict(response["setPresence"])


async def set_presence(
    client: Client, ticket: dict[str, Any], state: str, **options: Any
) -> PresenceSnapshot:
    """Run setPresence, which must succeed; return the snapshot in its payload."""
    payload = await run_set_presence(client, ticket, state, **options)
    assert payload["userErrors"] == []
    return snapshot_of(payload["presence"])


def snapshot_of(presence: dict[str, Any]) -> PresenceSnapshot:
    states = {each["user"]["displayName"]: str(each["state"]) for each in presence["people"]}
    assert len(states) == len(presence["people"])
    return states


async def subscribe_to_presence(socket: Socket, ticket: dict[str, Any]) -> str:
    return await socket.subscribe(PRESENCE_SUBSCRIPTION, id=ticket["id"])


async def next_snapshot(socket: Socket) -> PresenceSnapshot:
    """The next snapshot of the subscription."""
    return snapshot_of(await socket.next("ticketPresence"))
