"""Who attacks and who stands by: each attack has an attacker of its own, for what one spent another may spend again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson

from benchmarks.attacks.bystander import Bystander
from benchmarks.attacks.target import Target
from benchmarks.attacks.values import NOTE, WIDE_TABLE
from models.access.scopes import CALLER_OF_ROLE, MAX_SCOPES
from models.people.token import TokenKind, issue_token
from models.people.user import Role, User

LONG = 65_536
BODIES = (
    "[" * LONG,
    "**a*_" * 13_107,
    WIDE_TABLE[:LONG],
    "a" * LONG,
    "<a@b.c>" * 9362,
    "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|\n" * 40,
)
CREATE = "mutation($i: CreateTicketInput!) { createTicket(input: $i) { ticket { id number } userErrors { message } } }"


@dataclass(frozen=True)
class Ground:
    bystander: str
    attackers: Sequence[str]

    async def targets(self, port: int, notes: int) -> tuple[list[Target], Bystander]:
        """A served ground: for each attacker the same ticket, with notes that are dear to show; and who asks for it meanwhile."""
        first = Target(port, self.attackers[0], "")
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            ticket = await told(
                http, self.bystander, CREATE, {"subject": "s", "description": "d" * LONG, "category": "technical"}
            )
            ticket_id, number = ticket["ticket"]["id"], ticket["ticket"]["number"]
            for place in range(notes):
                await told(
                    http,
                    self.bystander,
                    NOTE.replace("bodyHtml", "id"),
                    {"ticketId": ticket_id, "body": BODIES[place % len(BODIES)]},
                )
        made = [replace(first, token=token, ticket_id=ticket_id) for token in self.attackers]
        return made, Bystander(port, self.bystander, number)


async def told(http: httpx2.AsyncClient, token: str, query: str, input: dict[str, Any]) -> dict[str, Any]:
    """The payload of a mutation that must succeed."""
    sent = orjson.dumps({"query": query, "variables": {"i": input}})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    answer = (await http.post("/graphql", content=sent, headers=headers)).json()
    (payload,) = answer["data"].values()
    assert not payload["userErrors"], payload
    return payload


async def people(attackers: int) -> Ground:
    """In the database that is open."""
    found = [await token(f"Attacker {place}") for place in range(attackers)]
    return Ground(await token("Bystander"), found)


async def token(name: str) -> str:
    email = f"{name.lower().replace(' ', '-')}@example.com"
    user = await User.create(email=email, display_name=name, role=Role.ADMIN)
    scopes = [scope.value for scope in MAX_SCOPES[CALLER_OF_ROLE[user.role]]]
    _, text = await issue_token(TokenKind.API, "attacks", scopes, user_id=user.id, at=datetime.now(UTC))
    return text
