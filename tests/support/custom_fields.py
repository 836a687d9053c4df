"""Custom fields in tests: define them, and read the values of tickets."""

from __future__ import annotations

from typing import Any

from support.admin_mutations import run_mutation
from support.client import Client

VALUES = """query($id: ID!) { ticket(id: $id) { customFields {
  field { key } text number boolean date options { key } } } }"""
CHANGES = """query($id: ID!) { ticket(id: $id) { version timeline(first: 100) { nodes { type
  ... on TicketUpdated { changes { field from to fromItems toItems } } } } } }"""
REGION: dict[str, Any] = {
    "key": "region",
    "label": "Region",
    "type": "SELECT",
    "options": [
        {"key": "eu", "label": "Europe"},
        {"key": "us", "label": "United States"},
        {"key": "asia", "label": "Asia"},
    ],
}
PRODUCTS: dict[str, Any] = {
    "key": "products",
    "label": "Products",
    "type": "MULTI_SELECT",
    "options": [{"key": key, "label": key.title()} for key in ("dns", "vpn", "mail")],
}


async def define(admin: Client, key: str, type: str = "TEXT", **more: Any) -> str:
    """Create a custom field that customers may edit; return its id."""
    values = {"label": key.title(), "customerAccess": "EDITABLE", "type": type, **more}
    return str((await run_mutation(admin, "createCustomField", key=key, **values))["id"])


async def define_all(admin: Client) -> dict[str, str]:
    """A field of each type, which customers may edit; the ids by key."""
    fields: dict[str, dict[str, Any]] = {
        "note": {"type": "TEXT"},
        "seats": {"type": "NUMBER"},
        "urgent": {"type": "BOOLEAN"},
        "due": {"type": "DATE"},
        "region": REGION,
        "products": PRODUCTS,
    }
    return {key: await define(admin, **{"key": key, **field}) for key, field in fields.items()}


ALL_VALUES: list[dict[str, Any]] = [
    {"key": "note", "text": " Rack\n 7 "},
    {"key": "seats", "number": 12.5},
    {"key": "urgent", "boolean": False},
    {"key": "due", "date": "2026-02-28"},
    {"key": "region", "options": ["us"]},
    {"key": "products", "options": ["mail", "dns", "mail"]},
]
"""A value of each field of `define_all`."""


async def read_values(client: Client, ticket_id: str) -> dict[str, Any]:
    """The values by key; None if the ticket is not visible."""
    ticket = (await client.run(VALUES, id=ticket_id))["ticket"]
    values: dict[str, Any] = {}
    for each in ticket["customFields"]:
        options = [option["key"] for option in each["options"]]
        given = [each[name] for name in ("text", "number", "boolean", "date")]
        (value,) = [value for value in (*given, options or None) if value is not None]
        values[each["field"]["key"]] = value
    return values


async def read_changes(client: Client, ticket_id: str) -> list[list[tuple[str, Any, Any]]]:
    """The changes of each TICKET_UPDATED event that the client sees, sorted: field, before and
    after."""
    nodes = (await client.run(CHANGES, id=ticket_id))["ticket"]["timeline"]["nodes"]
    return [
        sorted(
            (each["field"], each["fromItems"] or each["from"], each["toItems"] or each["to"])
            for each in node["changes"]
        )
        for node in nodes
        if node["type"] == "TICKET_UPDATED"
    ]


async def set_values(client: Client, ticket_id: str, *values: dict[str, Any]) -> dict[str, Any]:
    """Set values, which must succeed; return the payload."""
    return await client.do("updateTicket", ticketId=ticket_id, customFields=list(values))
