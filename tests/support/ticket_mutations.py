"""Helpers for tests of ticket mutations."""

from __future__ import annotations

from typing import Any

from support.client import Client

NEW_TICKET: dict[str, Any] = {
    "subject": "VPN is down",
    "description": "Since noon.",
    "category": "technical",
}
"""The input of a createTicket that succeeds."""


def event_type(payload: dict[str, Any]) -> str:
    return str(payload["event"]["type"])


async def read_version(client: Client, ticket_id: str) -> int:
    data = await client.run("query($id: ID!) { ticket(id: $id) { version } }", id=ticket_id)
    return int(data["ticket"]["version"])


async def read_timeline(client: Client, ticket_id: str) -> list[dict[str, Any]]:
    query = """query($id: ID!) { ticket(id: $id) { timeline(first: 100) { nodes {
      type actor { displayName }
      ... on TicketStatusEvent { action from to }
      ... on TicketStatusChanged { step_comment: comment }
      ... on TicketUpdated { changes { field from to fromItems toItems } }
      ... on TicketTransferred { fromTeam { slug } toTeam { slug } }
      ... on TicketAssigned { fromAssignee { displayName } toAssignee { displayName } }
      ... on TicketEscalated { level reason } ... on TicketRated { score comment }
      ... on TicketReplied { reply { body } } ... on TicketLinked { kind other { id } }
      ... on TicketUnlinked { kind other { id } }
      ... on TicketMerged { fromTicket { id } into { id } } } } } }"""
    return (await client.run(query, id=ticket_id))["ticket"]["timeline"]["nodes"]
