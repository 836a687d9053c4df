"""Macros in tests: create, preview and apply them."""

from __future__ import annotations

from typing import Any

from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, format_error
from support.client import ERROR_FIELDS, Client

PREVIEW = f"""query($macroId: ID!, $ticketId: ID!) {{
  previewMacro(macroId: $macroId, ticketId: $ticketId) {{
    text changes {{ field from to }} {ERROR_FIELDS} }} }}"""
STEPS = """query($id: ID!) { ticket(id: $id) { timeline(first: 100) { nodes {
  type ... on TicketStatusChanged { action } } } } }"""


async def create_macro(client: Client, **input: Any) -> str:
    """Create a macro; return its id."""
    return str((await run_mutation(client, "createMacro", **{"name": "Macro", **input}))["id"])


async def apply_macro(client: Client, macro_id: str, ticket_id: str, **more: Any) -> dict[str, Any]:
    """Apply a macro; return the payload, which may hold user errors."""
    input = {"macroId": macro_id, "ticketId": ticket_id, **more}
    return await client.mutate("applyMacro", input, "reply { body }")


async def apply_refusals(client: Client, macro_id: str, ticket_id: str, **more: Any) -> list[str]:
    """Apply a macro, which must be refused and store nothing; return each error as `CODE field`."""
    async with assert_nothing_stored():
        payload = await apply_macro(client, macro_id, ticket_id, **more)
    assert payload["ticket"] is payload["event"] is payload["cursor"] is payload["reply"] is None
    return [format_error(error) for error in payload["userErrors"]]


async def preview_macro(client: Client, macro_id: str, ticket_id: str) -> dict[str, Any] | None:
    """The preview, which must store nothing."""
    async with assert_nothing_stored():
        data = await client.run(PREVIEW, macroId=macro_id, ticketId=ticket_id)
    return data["previewMacro"]


async def list_steps(client: Client, ticket_id: str) -> list[str]:
    """The types of the ticket's events; of changes of status, the actions."""
    nodes = (await client.run(STEPS, id=ticket_id))["ticket"]["timeline"]["nodes"]
    return [each.get("action") or each["type"] for each in nodes]
