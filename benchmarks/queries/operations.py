"""The measured operations in each schema, and the normalization of responses for comparison.

- Q1: one ticket with ten fields and three relations
- Q2: a page of 50 of these tickets with cursors
- Q3: 20 tickets with 10 messages each and their authors
- M1: a new ticket

Tickets and the positions of pages are in rotation: requests differ in their number or cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

NAMES = ("Q1", "Q2", "Q3", "M1")
READS = ("Q1", "Q2", "Q3")
NEW_TICKET = {
    "subject": "VPN is down",
    "description": "It fails since noon.",
    "category": "technical",
}

FIELDS = "subject description status priority escalationLevel version createdAt updatedAt"
TICKET = (
    f"id number {FIELDS} team {{ slug name }} category {{ slug }} requester {{ id displayName }}"
)
DOCUMENTS: Mapping[str, str] = {
    "Q1": f"query Ticket($n: Int!) {{ ticketByNumber(number: $n) {{ {TICKET} }} }}",
    "Q2": "query Page($after: String) { tickets(first: 50, after: $after) "
    f"{{ edges {{ cursor node {{ {TICKET} }} }} "
    "pageInfo { hasNextPage endCursor } } }",
    "Q3": "query Talks($after: String) { tickets(first: 20, after: $after) "
    "{ edges { node { id subject "
    "messages(first: 10) { nodes { id body author { displayName } } } } } } }",
    "M1": "mutation Create($i: CreateTicketInput!) { "
    f"createTicket(input: $i) {{ ticket {{ {TICKET} }} }} }}",
    "Walk": "query Walk($after: String) { tickets(first: 100, after: $after) "
    "{ edges { cursor } pageInfo { hasNextPage endCursor } } }",
}
"""For Ticketwire and the peers with the same schema."""

ROW = (
    f"id: rowId number {FIELDS} team: teamByTeamId {{ slug name }} "
    "category: categoryByCategoryId { slug } "
    "requester: userByRequesterId { id: rowId displayName }"
)
NEWEST = "orderBy: [UPDATED_AT_DESC, ROW_ID_DESC]"
POSTGRAPHILE_DOCUMENTS: Mapping[str, str] = {
    "Q1": f"query Ticket($n: BigInt!) {{ ticketByNumber(number: $n) {{ {ROW} }} }}",
    "Q2": "query Page($after: Cursor) "
    f"{{ tickets: allTickets(first: 50, after: $after, {NEWEST}) {{ "
    f"edges {{ cursor node {{ {ROW} }} }} "
    "pageInfo { hasNextPage endCursor } } }",
    "Q3": "query Talks($after: Cursor) "
    f"{{ tickets: allTickets(first: 20, after: $after, {NEWEST}) {{ "
    "edges { node { id: rowId subject "
    "messages: messagesByTicketId(first: 10, orderBy: [PRIMARY_KEY_ASC]) { nodes { id: rowId body "
    "author: userByAuthorUserId { displayName } "
    "machine: apiClientByAuthorClientId { displayName } } } } } } }",
    "M1": "mutation Create($i: RaiseTicketInput!) { createTicket: raiseTicket(input: $i) "
    f"{{ ticket: result {{ {ROW} }} }} }}",
    "Walk": "query Walk($after: Cursor) "
    f"{{ tickets: allTickets(first: 100, after: $after, {NEWEST}) "
    "{ edges { cursor } pageInfo { hasNextPage endCursor } } }",
}
"""For the schema that PostGraphile derives from the tables."""


def build_request(path: str, body: object, token: str | None) -> bytes:
    """A POST with a JSON body, as the load client sends it."""
    content = orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\n"
    )
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def normalize_response(response: object, name: str, *, with_ids: bool = True) -> object:
    """The data of a response in a form that is equal for all contenders.

    Ids have no prefix, instants are in milliseconds, and cursors become booleans. Of M1, values
    that differ between new tickets are replaced by their types, and so are ids without `with_ids`,
    because tables of a peer's own have other ids. Raises ValueError for errors.
    """
    data = response.get("data") if isinstance(response, dict) else None
    if not isinstance(data, dict) or response.get("errors"):  # type: ignore[union-attr]
        raise ValueError(f"the response has errors: {str(response)[:200]}")
    normalized = normalize(data)
    masked = VARYING if name == "M1" else frozenset[str]() if with_ids else frozenset({"id"})
    return mask(normalized, masked)


def normalize(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        fields = {name: normalize(child, name) for name, child in value.items()}
        if "machine" in fields:
            machine = fields.pop("machine")
            fields["author"] = fields["author"] or machine
        return fields
    if isinstance(value, list):
        return [normalize(child) for child in value]
    return NORMALIZERS[key](value) if key in NORMALIZERS and value is not None else value


def normalize_priority(value: object) -> object:
    return ("", "LOW", "NORMAL", "HIGH", "URGENT")[value] if isinstance(value, int) else value


def normalize_instant(value: str) -> str:
    return datetime.fromisoformat(value).replace(tzinfo=None).isoformat(timespec="milliseconds")


NORMALIZERS: Mapping[str, Callable[[Any], object]] = {
    "id": lambda value: str(value).rpartition("_")[2],
    "number": int,
    "status": str.upper,
    "priority": normalize_priority,
    "createdAt": normalize_instant,
    "updatedAt": normalize_instant,
    "cursor": bool,
    "endCursor": bool,
}

VARYING = frozenset({"id", "number", "createdAt", "updatedAt", "displayName"})
"""Fields that differ between new tickets of the same input."""


def mask(value: Any, names: frozenset[str], key: str = "") -> Any:
    """The value with the type's name instead of the value of fields with these names."""
    if isinstance(value, dict):
        return {name: mask(child, names, name) for name, child in value.items()}
    if isinstance(value, list):
        return [mask(child, names) for child in value]
    return type(value).__name__ if key in names else value
