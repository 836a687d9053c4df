"""Malicious variables, each with an operation and the expected error code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.attacks.documents import BAD_REQUEST, QUERY_TOO_EXPENSIVE, repeat

FILTERED = "query($f: TicketFilter) { tickets(filter: $f, first: 1) { totalCount } }"
TICKETS_FIELD = "a#: tickets(filter: $f, first: 1) { nodes { id } }"
TWENTY = f"query($f: TicketFilter) {{ {repeat(20, TICKETS_FIELD)} }}"
IDS = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
TYPES = """query($t: [TicketEventType!]) {
  tickets(first: 100) { nodes { timeline(types: $t, first: 1) { totalCount } } }
}"""
USERS_FIELD = "a#: users(search: $s, first: 20) { totalCount nodes { id } }"
USERS = f"query($s: String) {{ {repeat(20, USERS_FIELD)} }}"
CREATE = """mutation($i: CreateTicketInput!) {
  createTicket(input: $i) { ticket { id } userErrors { code } }
}"""
NOTE = """mutation($i: AddNoteInput!) {
  addNote(input: $i) { note { bodyHtml } userErrors { code } }
}"""
SIGN_IN = """mutation($p: String!) {
  signIn(input: {email: "nobody@example.com", password: $p}) { token userErrors { code } }
}"""
TICKET = {"subject": "s", "description": "d", "category": "technical"}
SIXTEEN_LETTERS = " ".join("abcdefghijklmnop")
TICKET_ID = "tkt_01890a5d-ac96-774b-bcce-b302099a8057"
WIDE_TABLE = "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|\n" * 30_000


@dataclass(frozen=True)
class OperationWithVariables:
    query: str
    variables: Any
    code: str = ""


def nest_filter(levels: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for level in range(levels):
        result = {"not": result} if level % 2 else {"and": [result], "or": [result]}
    return result


VALUES: Mapping[str, OperationWithVariables] = {
    "a filter that is a list of 500,000 values": OperationWithVariables(
        FILTERED, {"f": [1] * 500_000}, BAD_REQUEST
    ),
    "thousands of unknown input fields": OperationWithVariables(
        FILTERED, {"f": {f"statuz{index}": 1 for index in range(2400)}}, BAD_REQUEST
    ),
    "an input field with a name of a million letters": OperationWithVariables(
        FILTERED, {"f": {"x" * 1_000_000: 1}}, BAD_REQUEST
    ),
    "a thousand unknown enum values of a thousand letters": OperationWithVariables(
        FILTERED, {"f": {"status": {"in": ["X" * 1000] * 1000}}}, BAD_REQUEST
    ),
    "an unknown filter field with nested lists": OperationWithVariables(
        FILTERED, {"f": {"x": [[[{"and": 1}]]]}}, BAD_REQUEST
    ),
    "a filter that branches at each level": OperationWithVariables(
        FILTERED, {"f": nest_filter(11)}, BAD_REQUEST
    ),
    "a filter of hundreds of conditions": OperationWithVariables(
        FILTERED, {"f": {"or": [{"status": {"eq": "NEW"}}] * 800}}, QUERY_TOO_EXPENSIVE
    ),
    "990 ids in each of twenty filters": OperationWithVariables(
        TWENTY, {"f": {"id": {"in": [TICKET_ID] * 990}}}
    ),
    "twenty filters of ninety conditions": OperationWithVariables(
        TWENTY, {"f": {"or": [{"tags": {"some": ["x"]}}] * 45}}, QUERY_TOO_EXPENSIVE
    ),
    "a filter of ninety conditions": OperationWithVariables(
        FILTERED, {"f": {"or": [{"tags": {"some": ["x"]}}] * 45}}
    ),
    "twenty searches for sixteen letters": OperationWithVariables(
        TWENTY, {"f": {"search": SIXTEEN_LETTERS}}, QUERY_TOO_EXPENSIVE
    ),
    "a search for sixteen letters": OperationWithVariables(
        FILTERED, {"f": {"search": SIXTEEN_LETTERS}}
    ),
    "thirty-two searches in not and or": OperationWithVariables(
        FILTERED, {"f": {"not": {"or": [{"search": "a"}] * 32}}}, QUERY_TOO_EXPENSIVE
    ),
    "the same searches in ticketStats": OperationWithVariables(
        "query($f: TicketFilter) { ticketStats(filter: $f) { total } }",
        {"f": {"not": {"or": [{"search": "a"}] * 32}}},
        QUERY_TOO_EXPENSIVE,
    ),
    "the same searches in events": OperationWithVariables(
        "query($f: TicketFilter) { events(filter: $f, first: 1) { totalCount } }",
        {"f": {"not": {"or": [{"search": "a"}] * 32}}},
        QUERY_TOO_EXPENSIVE,
    ),
    "a search of a million letters": OperationWithVariables(
        FILTERED, {"f": {"search": "a" * 1_000_000}}
    ),
    "a search of half a million words": OperationWithVariables(
        FILTERED, {"f": {"search": "a " * 500_000}}
    ),
    "a search with operators of full-text search": OperationWithVariables(
        FILTERED, {"f": {"search": '" OR NEAR(* AND NOT :* !& (' * 1000}}
    ),
    "a substring filter of a million letters": OperationWithVariables(
        TWENTY, {"f": {"subject": {"contains": "a" * 1_000_000}}}
    ),
    "wildcards of LIKE": OperationWithVariables(USERS, {"s": "%_" * 50}),
    "a pattern of a million letters": OperationWithVariables(
        USERS, {"s": "%a" * 500_000}, QUERY_TOO_EXPENSIVE
    ),
    "thousands of ids": OperationWithVariables(IDS, {"ids": [TICKET_ID] * 2400}, BAD_REQUEST),
    "an id of a million letters": OperationWithVariables(IDS, {"ids": ["tkt_" + "a" * 1_000_000]}),
    "thousands of types for each of 100 tickets": OperationWithVariables(
        TYPES, {"t": ["STATUS_CHANGED"] * 2400}, QUERY_TOO_EXPENSIVE
    ),
    "an integer beyond 32 bits": OperationWithVariables(
        "query($n: Int!) { ticketByNumber(number: $n) { id } }", {"n": 10**18}, BAD_REQUEST
    ),
    "a page size of minus a billion": OperationWithVariables(
        "query($n: Int) { tickets(first: $n) { totalCount } }", {"n": -(10**9)}, BAD_REQUEST
    ),
    "a cursor of a million letters": OperationWithVariables(
        "query($c: String) { tickets(after: $c) { totalCount } }",
        {"c": "W" * 1_000_000},
        "CURSOR_INVALID",
    ),
    "a cursor of the log with a million digits": OperationWithVariables(
        "query($c: String) { events(after: $c) { totalCount } }",
        {"c": "0" * 1_000_000},
        "CURSOR_INVALID",
    ),
    "thousands of tags": OperationWithVariables(CREATE, {"i": {**TICKET, "tags": ["t"] * 2400}}),
    "hundreds of linked resources": OperationWithVariables(
        CREATE, {"i": {**TICKET, "resources": [{"kind": "k", "externalId": "e"}] * 800}}
    ),
    "a subject of a million letters": OperationWithVariables(
        CREATE, {"i": {**TICKET, "subject": "s" * 1_000_000}}
    ),
    "a body of a million letters": OperationWithVariables(
        CREATE, {"i": {**TICKET, "description": "s" * 1_000_000}}
    ),
    "a password of a million letters": OperationWithVariables(SIGN_IN, {"p": "p" * 1_000_000}),
    "a Markdown table of few bytes and many cells": OperationWithVariables(
        NOTE, {"i": {"body": WIDE_TABLE[:65_536]}}
    ),
    "sixty thousand brackets": OperationWithVariables(NOTE, {"i": {"body": "[" * 65_536}}),
    "sixty thousand mentions": OperationWithVariables(NOTE, {"i": {"body": "@a" * 32_768}}),
    "unclosed Markdown emphasis": OperationWithVariables(NOTE, {"i": {"body": "**a*_" * 13_107}}),
}
"""The input of a note gets the target's ticket when it is sent."""
