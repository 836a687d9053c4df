"""Variables that mean harm, each with an operation to send them with, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.attacks.documents import BAD, DEAR, many

FILTERED = "query($f: TicketFilter) { tickets(filter: $f, first: 1) { totalCount } }"
TWENTY = f"query($f: TicketFilter) {{ {many(20, 'a#: tickets(filter: $f, first: 1) { nodes { id } }')} }}"
IDS = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
TYPES = "query($t: [TicketEventType!]) { tickets(first: 100) { nodes { timeline(types: $t, first: 1) { totalCount } } } }"
PEOPLE = f"query($s: String) {{ {many(20, 'a#: users(search: $s, first: 20) { totalCount nodes { id } }')} }}"
CREATE = "mutation($i: CreateTicketInput!) { createTicket(input: $i) { ticket { id } userErrors { code } } }"
NOTE = "mutation($i: AddNoteInput!) { addNote(input: $i) { note { bodyHtml } userErrors { code } } }"
TICKET = {"subject": "s", "description": "d", "category": "technical"}
A_TICKET = "tkt_01890a5d-ac96-774b-bcce-b302099a8057"
WIDE_TABLE = "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|\n" * 30_000


@dataclass(frozen=True)
class Sent:
    query: str
    variables: Any
    code: str = ""


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for level in range(levels):
        found = {"not": found} if level % 2 else {"and": [found], "or": [found]}
    return found


VALUES: Mapping[str, Sent] = {
    "half a million values": Sent(FILTERED, {"f": [1] * 500_000}, BAD),
    "thousands of unknown members": Sent(FILTERED, {"f": {f"statuz{place}": 1 for place in range(2400)}}, BAD),
    "a member's name of a million letters": Sent(FILTERED, {"f": {"x" * 1_000_000: 1}}, BAD),
    "a thousand wrong words of a thousand letters": Sent(FILTERED, {"f": {"status": {"in": ["X" * 1000] * 1000}}}, BAD),
    "a filter two hundred levels deep": Sent(FILTERED, {"f": {"x": [[[{"and": 1}]]]}}, BAD),
    "a filter that branches at each level": Sent(FILTERED, {"f": nested(11)}, BAD),
    "a filter of hundreds of conditions": Sent(FILTERED, {"f": {"or": [{"status": {"eq": "NEW"}}] * 800}}, BAD),
    "990 ids in each of twenty filters": Sent(TWENTY, {"f": {"id": {"in": [A_TICKET] * 990}}}, DEAR),
    "twenty filters of ninety conditions": Sent(TWENTY, {"f": {"or": [{"tags": {"some": ["x"]}}] * 45}}),
    "twenty searches for sixteen letters": Sent(TWENTY, {"f": {"search": " ".join("abcdefghijklmnop")}}),
    "a search of a million letters": Sent(FILTERED, {"f": {"search": "a" * 1_000_000}}),
    "a search of half a million words": Sent(FILTERED, {"f": {"search": "a " * 500_000}}),
    "a search in its own language": Sent(FILTERED, {"f": {"search": '" OR NEAR(* AND NOT :* !& (' * 1000}}),
    "a part of a million letters": Sent(TWENTY, {"f": {"subject": {"contains": "a" * 1_000_000}}}),
    "patterns of LIKE": Sent(PEOPLE, {"s": "%_" * 50}),
    "a pattern of a million letters": Sent(PEOPLE, {"s": "%a" * 500_000}),
    "thousands of ids": Sent(IDS, {"ids": [A_TICKET] * 2400}, DEAR),
    "an id of a million letters": Sent(IDS, {"ids": ["tkt_" + "a" * 1_000_000]}),
    "thousands of types for each of 100 tickets": Sent(TYPES, {"t": ["STATUS_CHANGED"] * 2400}),
    "a number beyond all": Sent("query($n: Int!) { ticketByNumber(number: $n) { id } }", {"n": 10**18}, BAD),
    "a page of minus a billion": Sent("query($n: Int) { tickets(first: $n) { totalCount } }", {"n": -(10**9)}, BAD),
    "a cursor of a million letters": Sent(
        "query($c: String) { tickets(after: $c) { totalCount } }", {"c": "W" * 1_000_000}, "CURSOR_INVALID"
    ),
    "a cursor that is deep": Sent(
        "query($c: String) { tickets(after: $c) { totalCount } }",
        {"c": "W1tbW1tbW1tb" * 1000},
        "CURSOR_INVALID",
    ),
    "thousands of tags": Sent(CREATE, {"i": {**TICKET, "tags": ["t"] * 2400}}),
    "hundreds of resources": Sent(CREATE, {"i": {**TICKET, "resources": [{"kind": "k", "externalId": "e"}] * 800}}),
    "a subject of a million letters": Sent(CREATE, {"i": {**TICKET, "subject": "s" * 1_000_000}}),
    "a body of a million letters": Sent(CREATE, {"i": {**TICKET, "description": "s" * 1_000_000}}),
    "a password of a million letters": Sent(
        'mutation($p: String!) { signIn(input: {email: "nobody@example.com", password: $p}) { token userErrors { code } } }',
        {"p": "p" * 1_000_000},
    ),
    "a table of few bytes and many cells": Sent(NOTE, {"i": {"body": WIDE_TABLE[:65_536]}}),
    "sixty thousand brackets": Sent(NOTE, {"i": {"body": "[" * 65_536}}),
    "sixty thousand mentions": Sent(NOTE, {"i": {"body": "@a" * 32_768}}),
    "emphasis without end": Sent(NOTE, {"i": {"body": "**a*_" * 13_107}}),
}
"""Where the input is a note's, the ticket is put in."""
