"""Accounts of the attackers and of the bystander.

Each run of an attack has its own attacker, so that no run uses up the rate limits of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from benchmarks.accounts import create_account
from benchmarks.attacks.bystander import Bystander
from benchmarks.attacks.passwords import create_password_account
from benchmarks.attacks.target import Target
from benchmarks.attacks.values import NOTE, WIDE_TABLE

MAX_BODY_CHARACTERS = 65_536
BODIES = (
    "[" * MAX_BODY_CHARACTERS,
    "**a*_" * 13_107,
    WIDE_TABLE[:MAX_BODY_CHARACTERS],
    "a" * MAX_BODY_CHARACTERS,
    "<a@b.c>" * 9362,
    "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|\n" * 40,
)
CREATE = """mutation($i: CreateTicketInput!) {
  createTicket(input: $i) { ticket { id number } userErrors { message } }
}"""


@dataclass(frozen=True)
class Accounts:
    """The API tokens of the bystander and of each attacker."""

    bystander_token: str
    attacker_tokens: Sequence[str]

    async def create_targets(self, port: int, notes: int) -> tuple[list[Target], Bystander]:
        """Create a ticket on the running server, with notes that are expensive to render.

        Returns a target for each attacker, and a bystander that requests this ticket.
        """
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            description = "d" * MAX_BODY_CHARACTERS
            new = {"subject": "s", "description": description, "category": "technical"}
            payload = await mutate(http, self.bystander_token, CREATE, new)
            ticket_id, number = payload["ticket"]["id"], payload["ticket"]["number"]
            for index in range(notes):
                note = {"ticketId": ticket_id, "body": BODIES[index % len(BODIES)]}
                await mutate(http, self.bystander_token, NOTE.replace("bodyHtml", "id"), note)
        targets = [Target(port, token, ticket_id) for token in self.attacker_tokens]
        return targets, Bystander(port, self.bystander_token, number)


async def mutate(
    http: httpx2.AsyncClient, token: str, query: str, input: dict[str, Any]
) -> dict[str, Any]:
    """Send a mutation that must succeed; return its payload."""
    content = orjson.dumps({"query": query, "variables": {"i": input}})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    response = (await http.post("/graphql", content=content, headers=headers)).json()
    (payload,) = response["data"].values()
    assert payload is not None, response
    assert not payload["userErrors"], payload
    return payload


async def create_accounts(attackers: int) -> Accounts:
    """Create the bystander and so many attackers in the connected database.

    Attacks with sign-ins have an account with a password.
    """
    await create_password_account()
    attacker_tokens = [await create_account(f"Attacker {index}") for index in range(attackers)]
    return Accounts(await create_account("Bystander"), attacker_tokens)
