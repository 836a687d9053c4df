"""A peer in the usual style of Strawberry: Tortoise instances, a DataLoader for each relation, and
Strawberry's ASGI view. It has no permissions, idempotency keys or request ids.

    python -m benchmarks.queries.peers.strawberry_dataloader PORT

DATABASE_URL names the database.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from datetime import datetime
from typing import Any

import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from tortoise.expressions import Q

from models import database
from models.changes.storage import allocate_numbers
from models.core import time
from models.people.team import Category, Team
from models.people.user import ApiClient, User
from models.tickets import message as messages
from models.tickets.ticket import Ticket

REQUESTER = os.environ["REQUESTER"]


def create_loader(model: Any) -> DataLoader[Any, Any]:
    async def load(keys: list[Any]) -> list[Any]:
        instances = {each.id: each for each in await model.filter(id__in=keys)}
        return [instances.get(key) for key in keys]

    return DataLoader(load)


@strawberry.type(name="User")
class UserType:
    id: strawberry.ID
    display_name: str


@strawberry.type(name="Team")
class TeamType:
    slug: str
    name: str


@strawberry.type(name="Category")
class CategoryType:
    slug: str


@strawberry.type(name="Message")
class MessageType:
    id: strawberry.ID
    body: str

    @strawberry.field(graphql_type=UserType | None)
    async def author(self, root: strawberry.Parent[messages.Message], info: strawberry.Info) -> Any:
        if root.author_user_id is None:
            if root.author_client_id is None:
                return None
            return await info.context["clients"].load(root.author_client_id)
        return await info.context["users"].load(root.author_user_id)


@strawberry.type
class Messages:
    nodes: list[MessageType]


@strawberry.type(name="Ticket")
class TicketType:
    id: strawberry.ID
    number: int
    subject: str
    description: str
    escalation_level: int
    version: int

    @strawberry.field
    def status(self, root: strawberry.Parent[Ticket]) -> str:
        return root.status.name

    @strawberry.field
    def priority(self, root: strawberry.Parent[Ticket]) -> str:
        return root.priority.name

    @strawberry.field
    def created_at(self, root: strawberry.Parent[Ticket]) -> str:
        return root.created_at.isoformat()

    @strawberry.field
    def updated_at(self, root: strawberry.Parent[Ticket]) -> str:
        return root.updated_at.isoformat()

    @strawberry.field(graphql_type=TeamType)
    async def team(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Any:
        return await info.context["teams"].load(root.team_id)

    @strawberry.field(graphql_type=CategoryType)
    async def category(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Any:
        return await info.context["categories"].load(root.category_id)

    @strawberry.field(graphql_type=UserType)
    async def requester(self, root: strawberry.Parent[Ticket], info: strawberry.Info) -> Any:
        return await info.context["users"].load(root.requester_id)

    @strawberry.field(graphql_type=Messages)
    async def messages(
        self, root: strawberry.Parent[Ticket], info: strawberry.Info, first: int = 10
    ) -> Any:
        return Messages(nodes=(await info.context["messages"].load(root.id))[:first])


@strawberry.type
class TicketEdge:
    cursor: str
    node: TicketType


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Tickets:
    edges: list[TicketEdge]
    page_info: PageInfo


def encode_cursor(ticket: Ticket) -> str:
    key = json.dumps([ticket.updated_at.isoformat(), str(ticket.id)])
    return base64.urlsafe_b64encode(key.encode()).decode()


def rows_after(cursor: str) -> Q:
    text, id = json.loads(base64.urlsafe_b64decode(cursor))
    updated_at = datetime.fromisoformat(text)
    return Q(updated_at__lt=updated_at) | Q(updated_at=updated_at, id__lt=id)


@strawberry.type
class Query:
    @strawberry.field(graphql_type=TicketType | None)
    async def ticket_by_number(self, number: int) -> Any:
        return await Ticket.get_or_none(number=number)

    @strawberry.field(graphql_type=Tickets)
    async def tickets(self, first: int = 25, after: str | None = None) -> Any:
        rows = Ticket.all() if after is None else Ticket.filter(rows_after(after))
        tickets = await rows.order_by("-updated_at", "-id").limit(first + 1)
        edges = [
            TicketEdge(cursor=encode_cursor(ticket), node=ticket)  # type: ignore[arg-type]
            for ticket in tickets[:first]
        ]
        page_info = PageInfo(
            has_next_page=len(tickets) > first, end_cursor=edges[-1].cursor if edges else None
        )
        return Tickets(edges=edges, page_info=page_info)


@strawberry.type
class Payload:
    ticket: TicketType | None


@strawberry.input
class CreateTicketInput:
    subject: str
    description: str
    category: str


@strawberry.type
class Mutation:
    @strawberry.mutation(graphql_type=Payload)
    async def create_ticket(self, input: CreateTicketInput) -> Any:
        category = await Category.get(slug=input.category)
        at = time.now()
        async with database.transaction():
            (number,) = await allocate_numbers(1)
            ticket = await Ticket.create(
                number=number,
                subject=input.subject,
                description=input.description,
                category_id=category.id,
                team_id=category.team_id,
                requester_id=REQUESTER,
                status_since=at,
                created_at=at,
                updated_at=at,
            )
            data = json.dumps({"changes": {"subject": [None, input.subject]}})
            await database.fetch_dicts(
                "INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, "
                "internal, data) VALUES ('ticket_created', ?, ?, ?, 1, FALSE, ?)",
                [ticket.id, REQUESTER, at, data],
            )
        return Payload(ticket=ticket)  # type: ignore[arg-type]


async def read_messages(keys: list[Any]) -> list[Any]:
    by_ticket: dict[Any, list[Any]] = {key: [] for key in keys}
    for each in await messages.Message.filter(ticket_id__in=keys).order_by("created_at", "id"):
        by_ticket[each.ticket_id].append(each)
    return [by_ticket[key] for key in keys]


class View(GraphQL[Any, None]):
    async def get_context(self, request: Any, response: Any) -> Any:
        return {
            "users": create_loader(User),
            "clients": create_loader(ApiClient),
            "teams": create_loader(Team),
            "categories": create_loader(Category),
            "messages": DataLoader(read_messages),
        }


async def serve(port: int) -> None:
    await database.connect(os.environ["DATABASE_URL"])
    try:
        app = View(strawberry.Schema(Query, Mutation))
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", access_log=False
        )
        await uvicorn.Server(config).serve()
    finally:
        await database.disconnect()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
