"""A client of live lists, a query with the same result, and random filters and changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

from models.log.event import decode_cursor
from support.actors import World, api_client_token
from support.client import TIMEOUT_SECONDS, Client, Socket
from support.live import random_mutation
from support.loop_limits import count_pages
from support.service import Service

ROW = """
  id number subject status stage priority version tags escalationLevel heldUntil resolution
  closeReason updatedAt resolvedAt closedAt firstRespondedAt allowedActions
  team { slug } category { slug } requester { id } assignee { id } watchers { id }
  mergedInto { id } satisfaction { score } links { kind ticket { id } }
  messages(first: 1) { totalCount }
  clocks { metric status breachesAt }
"""
CHANGES = f"""
  subscription($filter: TicketFilter, $after: String, $snapshot: Boolean! = true) {{
    ticketChanges(filter: $filter, after: $after, snapshot: $snapshot) {{
      kind cursor ticketId changedFields event {{ __typename cursor type }} ticket {{ {ROW} }}
    }}
  }}
"""
TICKETS_QUERY = f"""
  query($filter: TicketFilter, $after: String) {{
    tickets(filter: $filter, first: 25, after: $after, orderBy: [{{field: NUMBER}}]) {{
      nodes {{ {ROW} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
"""


class LiveList:
    """The tickets of a live list, kept current by the rules in the schema's descriptions.

    `steps` holds all steps that were applied.
    """

    def __init__(self, filter: Mapping[str, Any] | None = None) -> None:
        self.filter = filter
        self.rows: dict[str, Any] = {}
        self.cursor: str | None = None
        self.steps: list[dict[str, Any]] = []

    def apply(self, step: dict[str, Any]) -> None:
        kind, ticket_id = step["kind"], step["ticketId"]
        self.steps.append(step)
        self.cursor = step["cursor"]
        if kind == "GAP":
            self.rows = {}
        elif kind in ("SNAPSHOT", "ADDED", "UPDATED"):
            self.rows[ticket_id] = step["ticket"]
        elif kind == "REMOVED":
            self.rows.pop(ticket_id, None)
            assert step["ticket"] is None

    async def read_until(
        self, socket: Socket, kind: str, cursor: str | None = None, seconds: float = TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        """Apply steps up to the first of this kind; return it. Skip those before `cursor`."""
        async with asyncio.timeout(seconds):
            while True:
                step = await socket.next("ticketChanges")
                self.apply(step)
                if step["kind"] == kind and (
                    cursor is None or decode_cursor(step["cursor"]) >= decode_cursor(cursor)
                ):
                    return step

    async def subscribe(self, socket: Socket, after: str | None = None) -> None:
        """Subscribe. With a cursor, resume after it; without one, read the snapshot."""
        arguments = {} if after is None else {"after": after}
        await socket.subscribe(CHANGES, filter=self.filter, **arguments)
        if after is None:
            await self.read_until(socket, "SNAPSHOT_END")

    def kinds(self, ignored: str = "HEARTBEAT") -> list[str]:
        return [step["kind"] for step in self.steps if step["kind"] != ignored]


async def query_tickets(client: Client, filter: Mapping[str, Any] | None) -> dict[str, Any]:
    """All tickets that the query `tickets` finds, by id."""
    rows: dict[str, Any] = {}
    after: str | None = None
    for _ in count_pages():
        page = (await client.run(TICKETS_QUERY, filter=filter, after=after))["tickets"]
        rows |= {row["id"]: row for row in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    return rows


def random_filter(random: Random, world: World, levels: int = 2) -> dict[str, Any]:
    """A random filter whose result changes often; `levels` limits the depth of nested filters."""
    choices: list[dict[str, Any]] = [
        {
            "status": {
                random.choice(["eq", "neq"]): random.choice(
                    ["NEW", "OPEN", "RESOLVED", "CLOSED", "ON_HOLD"]
                )
            }
        },
        {"stage": {"in": random.sample(["CREATION", "RESOLUTION", "CLOSURE"], 2)}},
        {"priority": {"in": random.sample(["LOW", "NORMAL", "HIGH", "URGENT"], 2)}},
        {
            "assigneeId": random.choice(
                [{"null": True}, {"eq": world.ada.gid}, {"nin": [world.bill.gid]}]
            )
        },
        {"watcherId": random.choice([{"null": False}, {"eq": world.carl.gid}])},
        {"team": {"in": random.sample(["support", "sales", "billing"], 2)}},
        {"tags": {random.choice(["some", "none"]): [f"t{n}" for n in random.sample(range(9), 3)]}},
        {"escalationLevel": {"gt": random.randrange(2)}},
        {"search": random.choice(["first", "said", "hello", "secret", "VPN"])},
        {"sla": {"in": random.sample(["PENDING", "PAUSED", "AT_RISK", "BREACHED", "ACHIEVED"], 2)}},
        {"requesterId": {"in": [world.cora.gid, world.olga.gid]}},
        {"subject": {"contains": "0.1"}},  # about a tenth of the subjects of `write_randomly`
        {"resolvedAt": {"null": False}},
    ]
    filter: dict[str, Any] = dict(random.choice(choices))
    if levels:
        operator = random.choice(["", "", "not", "or", "and"])
        operands = [random_filter(random, world, levels - 1) for _ in range(2)]
        if operator == "not":
            filter["not"] = operands[0]
        elif operator:
            filter[operator] = operands
    return filter


async def write_randomly(
    service: Service, world: World, random: Random, tickets: list[str], count: int
) -> None:
    """Create tickets, and change random ones, as several people. Adds new ids to `tickets`."""
    for _ in range(count):
        chance = random.random()
        if chance < 0.15:
            client = service.client(random.choice([world.cora, world.carl, world.olga]).token)
            category = random.choice(["technical", "sales", "billing"])
            tickets.append(
                (
                    await client.raise_ticket(
                        f"first {random.random()}", category=category, tags=["t1"]
                    )
                )["id"]
            )
            continue
        ticket_id = random.choice(tickets)
        if chance < 0.3:
            name, arguments = random.choice(
                [
                    ("replyToTicket", {"body": "hello"}),
                    ("watchTicket", {}),
                    ("unwatchTicket", {}),
                    ("rateTicket", {"score": random.randrange(1, 6)}),
                ]
            )
            client = service.client(random.choice([world.cora, world.carl, world.olga]).token)
        elif chance < 0.4:
            name, arguments = random.choice(
                [
                    ("linkTickets", {"otherId": random.choice(tickets), "kind": "RELATED"}),
                    ("mergeTickets", {"intoId": random.choice(tickets), "acrossRequesters": True}),
                    ("addNote", {"body": "secret"}),
                ]
            )
            client = service.client(world.ada.token)
        else:
            name, arguments = random_mutation(random, ticket_id, [world.ada.gid, world.bill.gid])
            client = service.client(random.choice([world.ada, world.bill]).token)
        await client.mutate(name, {**arguments, "ticketId": ticket_id})


async def viewer_tokens(world: World) -> list[str]:
    """Tokens of viewers who see different tickets.

    They belong to an agent, two customers of an account that they share, a customer whose account
    is not shared, and an API client that may not read notes.
    """
    return [
        world.ada.token,
        world.cora.token,
        world.carl.token,
        world.olga.token,
        await api_client_token("Lean", ["tickets:read"]),
    ]
