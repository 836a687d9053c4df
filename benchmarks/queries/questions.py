"""What is asked, for each kind of schema, and a plain reading of the answers by which contenders are compared.

Q1 one ticket with ten fields and three relations, Q2 a page of 50 of them, Q3 20 tickets with 10 messages and their authors,
M1 a new ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

NAMES = ("Q1", "Q2", "Q3", "M1")
READS = ("Q1", "Q2", "Q3")
NEW = {"subject": "VPN is down", "description": "It fails since noon.", "category": "technical"}

FIELDS = "subject description status priority escalationLevel version createdAt updatedAt"
TICKET = f"id number {FIELDS} team {{ slug name }} category {{ slug }} requester {{ id displayName }}"
USUAL: Mapping[str, str] = {
    "Q1": f"query Ticket($n: Int!) {{ ticketByNumber(number: $n) {{ {TICKET} }} }}",
    "Q2": f"query Page {{ tickets(first: 50) {{ edges {{ cursor node {{ {TICKET} }} }} "
    "pageInfo { hasNextPage endCursor } } }",
    "Q3": "query Talks { tickets(first: 20) { edges { node { id subject "
    "messages(first: 10) { nodes { id body author { displayName } } } } } } }",
    "M1": f"mutation Create($i: CreateTicketInput!) {{ createTicket(input: $i) {{ ticket {{ {TICKET} }} }} }}",
}
"""Ours, and as the usual peers have it."""

ROW = (
    f"id: rowId number {FIELDS} team: teamByTeamId {{ slug name }} category: categoryByCategoryId {{ slug }} "
    "requester: userByRequesterId { id: rowId displayName }"
)
NEWEST = "orderBy: [UPDATED_AT_DESC, ROW_ID_DESC]"
TABLES: Mapping[str, str] = {
    "Q1": f"query Ticket($n: BigInt!) {{ ticketByNumber(number: $n) {{ {ROW} }} }}",
    "Q2": f"query Page {{ tickets: allTickets(first: 50, {NEWEST}) {{ edges {{ cursor node {{ {ROW} }} }} "
    "pageInfo { hasNextPage endCursor } } }",
    "Q3": f"query Talks {{ tickets: allTickets(first: 20, {NEWEST}) {{ edges {{ node {{ id: rowId subject "
    "messages: messagesByTicketId(first: 10, orderBy: [PRIMARY_KEY_ASC]) { nodes { id: rowId body "
    "author: userByAuthorUserId { displayName } machine: apiClientByAuthorClientId { displayName } } } } } } }",
    "M1": f"mutation Create($i: RaiseTicketInput!) {{ createTicket: raiseTicket(input: $i) {{ ticket: result {{ {ROW} }} }} }}",
}
"""As PostGraphile makes it of the tables."""


def variables(name: str, number: int) -> Mapping[str, object]:
    known: Mapping[str, Mapping[str, object]] = {"Q1": {"n": number}, "M1": {"i": NEW}}
    return known.get(name, {})


def request(path: str, body: object, token: str | None) -> bytes:
    """A whole request, as the load client sends it."""
    sent = orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent


def plain(answer: object, name: str) -> object:
    """The answer as every contender must give it: ids without prefix, instants to the millisecond, cursors only as such."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or answer.get("errors"):  # type: ignore[union-attr]
        raise ValueError(f"no answer: {str(answer)[:200]}")
    found = walked(data)
    return shape(found) if name == "M1" else found


def walked(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        found = {name: walked(each, name) for name, each in value.items()}
        if "machine" in found:
            machine = found.pop("machine")
            found["author"] = found["author"] or machine
        return found
    if isinstance(value, list):
        return [walked(each) for each in value]
    return READINGS[key](value) if key in READINGS and value is not None else value


def priority(value: object) -> object:
    return ("", "LOW", "NORMAL", "HIGH", "URGENT")[value] if isinstance(value, int) else value


def instant(value: str) -> str:
    return datetime.fromisoformat(value).replace(tzinfo=None).isoformat(timespec="milliseconds")


READINGS: Mapping[str, Callable[[Any], object]] = {
    "id": lambda value: value.rpartition("_")[2],
    "number": int,
    "status": str.upper,
    "priority": priority,
    "createdAt": instant,
    "updatedAt": instant,
    "cursor": bool,
    "endCursor": bool,
}

VARIED = frozenset({"id", "number", "createdAt", "updatedAt", "displayName"})
"""What differs between tickets that are alike."""


def shape(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: shape(each, name) for name, each in value.items()}
    return type(value).__name__ if key in VARIED else value
