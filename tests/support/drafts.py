"""Saves, proposes, reads and discards drafts in tests."""

from __future__ import annotations

from typing import Any

from support.assert_unchanged import assert_nothing_stored, format_error
from support.client import ERROR_FIELDS, Client

FIELDS = """id kind body version createdAt updatedAt proposedBy { displayName }
  attachments { id filename }"""
SELECTIONS = {
    "saveDraft": f"draft {{ {FIELDS} }}",
    "discardDraft": "ticketId",
    "proposeDraft": "draftId",
}


async def mutate_draft(client: Client, name: str, **input: Any) -> dict[str, Any]:
    """The payload of a mutation of drafts, which may hold user errors."""
    kind = f"{name[0].upper()}{name[1:]}Input"
    query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {SELECTIONS[name]} replayed "
    return dict((await client.run(f"{query} {ERROR_FIELDS} }} }}", input=input))[name])


async def save_draft(client: Client, ticket_id: str, **input: Any) -> dict[str, Any]:
    """Save a draft, which must succeed; return it."""
    values = {"ticketId": ticket_id, "kind": "REPLY", "body": "A draft", **input}
    payload = await mutate_draft(client, "saveDraft", **values)
    assert payload["userErrors"] == [], payload
    return dict(payload["draft"])


async def propose_draft(client: Client, ticket_id: str, **input: Any) -> str:
    """Propose a draft, which must succeed; return its id."""
    values = {"ticketId": ticket_id, "kind": "REPLY", "body": "A proposal", **input}
    payload = await mutate_draft(client, "proposeDraft", **values)
    assert payload["userErrors"] == [], payload
    return str(payload["draftId"])


async def discard_draft(client: Client, ticket_id: str, **input: Any) -> None:
    """Discard a draft, which must succeed."""
    payload = await mutate_draft(client, "discardDraft", ticketId=ticket_id, **input)
    assert payload["userErrors"] == [], payload
    assert payload["ticketId"] == ticket_id


async def draft_refusals(client: Client, name: str, ticket_id: str, **input: Any) -> list[str]:
    """Run a mutation that must be refused and store nothing; return each error as `CODE field`."""
    values = {"ticketId": ticket_id, **input}
    if name != "discardDraft":
        values = {"kind": "REPLY", "body": "A draft", **values}
    async with assert_nothing_stored():
        payload = await mutate_draft(client, name, **values)
    return [format_error(error) for error in payload["userErrors"]]


async def read_draft(client: Client, ticket_id: str) -> dict[str, Any] | None:
    """The viewer's draft on a ticket that the viewer sees."""
    query = f"query($id: ID!) {{ ticket(id: $id) {{ viewerDraft {{ {FIELDS} }} }} }}"
    return (await client.run(query, id=ticket_id))["ticket"]["viewerDraft"]


async def find_draft_node(client: Client, draft_id: str) -> dict[str, Any] | None:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Draft {{ {FIELDS} }} }} }}"
    return (await client.run(query, id=draft_id))["node"]
