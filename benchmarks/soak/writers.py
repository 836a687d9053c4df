"""Writes and reads at a bounded rate: tickets are created, answered, resolved, closed, reopened."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

import httpx2

from benchmarks.soak.api import Api, RequestFailed
from benchmarks.soak.viewers import Viewers

MAX_OPEN_TICKETS = 20
"""When so many tickets of a writer are open, it closes the oldest instead of creating one. So the
number of open tickets is soon level, as in a help desk that keeps up."""
MAX_CLOSED_TICKETS = 20
"""The newest closed tickets, which may be reopened."""
CATEGORIES = ("technical", "sales", "billing")
PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")
CREATE = """mutation($i: CreateTicketInput!) {
  createTicket(input: $i) { ticket { id } userErrors { code } } }"""
REPLY = "mutation($i: ReplyToTicketInput!) { replyToTicket(input: $i) { userErrors { code } } }"
NOTE = "mutation($i: AddNoteInput!) { addNote(input: $i) { userErrors { code } } }"
RESOLVE = "mutation($i: ResolveTicketInput!) { resolveTicket(input: $i) { userErrors { code } } }"
CLOSE = "mutation($i: CloseTicketInput!) { closeTicket(input: $i) { userErrors { code } } }"
REOPEN = "mutation($i: ReopenTicketInput!) { reopenTicket(input: $i) { userErrors { code } } }"
PRESENCE = "mutation($i: SetPresenceInput!) { setPresence(input: $i) { userErrors { code } } }"
READS = (
    """{ tickets(first: 50, filter: {stage: {eq: RESOLUTION}}) {
      nodes { id ref subject status assignee { displayName } clocks { status breachesAt } } } }""",
    "{ tickets(first: 20) { nodes { id timeline(last: 10) { nodes { id type } } } } }",
    "{ ticketStats(groupBy: TEAM) { total groups { key count } } }",
    '{ tickets(first: 10, filter: {search: "invoice"}) { totalCount nodes { id } } }',
    "{ notifications(first: 20) { nodes { id readAt event { id } } } }",
)
ACTION_WEIGHTS = {
    "create": 8,
    "reply": 28,
    "answer": 10,
    "note": 8,
    "resolve": 12,
    "close": 8,
    "reopen": 4,
    "presence": 7,
    "read": 15,
}
"""Few tickets are created, because live statistics keep a few bytes of each, however old."""


class Writer:
    """Performs one action after the other, chosen by a random generator."""

    def __init__(
        self, api: Api, viewers: Viewers, random: Random, presence_tickets: Sequence[str]
    ) -> None:
        self.api, self.viewers, self.random = api, viewers, random
        self.presence_tickets = presence_tickets
        self.tickets: deque[tuple[str, str]] = deque()
        """The open tickets that this writer created, oldest first, and their requesters' tokens."""
        self.closed_tickets: deque[tuple[str, str]] = deque(maxlen=MAX_CLOSED_TICKETS)
        self.done: Counter[str] = Counter()
        self.user_errors: Counter[str] = Counter()
        self.errors: list[str] = []
        self.actions: Mapping[str, Callable[[], Awaitable[None]]] = {
            "create": self.create_ticket,
            "reply": self.reply_as_agent,
            "answer": self.reply_as_customer,
            "note": self.add_note,
            "resolve": self.resolve_ticket,
            "close": self.close_ticket,
            "reopen": self.reopen_ticket,
            "presence": self.set_presence,
            "read": self.read,
        }

    async def run(self, actions_per_second: float) -> None:
        """Act for ever, at most so often on average."""
        while True:
            await self.act()
            await asyncio.sleep(self.random.expovariate(actions_per_second))

    async def act(self) -> None:
        (name,) = self.random.choices(list(ACTION_WEIGHTS), list(ACTION_WEIGHTS.values()))
        needs_ticket = name not in ("create", "reopen", "presence", "read")
        if (needs_ticket and not self.tickets) or (name == "reopen" and not self.closed_tickets):
            name = "create"
        elif name == "create" and len(self.tickets) >= MAX_OPEN_TICKETS:
            name = "close"
        try:
            await self.actions[name]()
        except (RequestFailed, httpx2.HTTPError) as error:
            self.errors.append(f"{name}: {error!r}"[:300])
        self.done[name] += 1

    async def mutate(self, token: str, query: str, **input: Any) -> Mapping[str, Any]:
        (payload,) = (await self.api.send(token, query, {"i": input})).values()
        for error in payload["userErrors"]:
            self.user_errors[error["code"]] += 1
        return payload

    @property
    def agent_token(self) -> str:
        return self.random.choice(self.viewers.agents).token

    def choose_ticket(self) -> tuple[str, str]:
        return self.random.choice(self.tickets)

    async def create_ticket(self) -> None:
        requester = self.random.choice(self.viewers.customers)
        payload = await self.mutate(
            requester.token,
            CREATE,
            subject=f"The invoice of machine {self.random.randrange(10**6)} is wrong",
            description="It lists a machine that we returned. " * self.random.randint(1, 20),
            category=self.random.choice(CATEGORIES),
            priority=self.random.choice(PRIORITIES),
        )
        self.tickets.append((payload["ticket"]["id"], requester.token))

    async def reply_as_agent(self) -> None:
        id, _ = self.choose_ticket()
        body = "We have **checked** it. " * self.random.randint(1, 10)
        await self.mutate(self.agent_token, REPLY, ticketId=id, body=body)

    async def reply_as_customer(self) -> None:
        id, token = self.choose_ticket()
        await self.mutate(token, REPLY, ticketId=id, body="It is still *wrong*.")

    async def add_note(self) -> None:
        id, _ = self.choose_ticket()
        await self.mutate(self.agent_token, NOTE, ticketId=id, body="Ask accounting.")

    async def resolve_ticket(self) -> None:
        id, _ = self.choose_ticket()
        await self.mutate(self.agent_token, RESOLVE, ticketId=id, resolution="Corrected.")

    async def close_ticket(self) -> None:
        ticket = self.tickets.popleft()
        await self.mutate(self.agent_token, CLOSE, ticketId=ticket[0], reason="RESOLVED")
        self.closed_tickets.append(ticket)

    async def reopen_ticket(self) -> None:
        ticket = self.closed_tickets.pop()
        await self.mutate(self.agent_token, REOPEN, ticketId=ticket[0], reason="Wrong again.")
        self.tickets.append(ticket)

    async def set_presence(self) -> None:
        id = self.random.choice(self.presence_tickets)
        state = self.random.choice(("LOOKING", "WRITING", "GONE"))
        await self.mutate(self.agent_token, PRESENCE, ticketId=id, state=state)

    async def read(self) -> None:
        readers = [*self.viewers.agents, *self.viewers.customers]
        await self.api.send(self.random.choice(readers).token, self.random.choice(READS))
