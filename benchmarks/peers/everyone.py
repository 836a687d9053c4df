"""The same reads and the same create as most services write them: Strawberry types, Tortoise instances, a DataLoader a relation,
Strawberry's own ASGI view. No rights, no log, no idempotency, no request ids: it does less than we do.

Serves on the port given as the only argument, over TICKETWIRE_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from models import database, instant
from models import message as messages
from models.change import next_number
from models.person import User
from models.team import Category, Team
from models.ticket import Ticket


def loader(model: Any) -> DataLoader[Any, Any]:
    async def load(keys: list[Any]) -> list[Any]:
        found = {each.id: each for each in await model.filter(id__in=keys)}
        return [found.get(key) for key in keys]

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
    async def messages(self, root: strawberry.Parent[Ticket], info: strawberry.Info, first: int = 10) -> Any:
        return Messages(nodes=(await info.context["messages"].load(root.id))[:first])


@strawberry.type
class Tickets:
    nodes: list[TicketType]


@strawberry.type
class Query:
    @strawberry.field(graphql_type=TicketType | None)
    async def ticket_by_number(self, number: int) -> Any:
        return await Ticket.get_or_none(number=number)

    @strawberry.field(graphql_type=Tickets)
    async def tickets(self, first: int = 25) -> Any:
        return Tickets(nodes=await Ticket.all().order_by("-updated_at").limit(first))  # type: ignore[arg-type]


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
        at = instant.now()
        async with database.transaction():
            ticket = await Ticket.create(
                number=await next_number(),
                subject=input.subject,
                description=input.description,
                category_id=category.id,
                team_id=category.team_id,
                requester=await User.first(),
                created_at=at,
                updated_at=at,
            )
        return Payload(ticket=ticket)  # type: ignore[arg-type]


async def read_messages(keys: list[Any]) -> list[Any]:
    found: dict[Any, list[Any]] = {key: [] for key in keys}
    for each in await messages.Message.filter(ticket_id__in=keys).order_by("created_at"):
        found[each.ticket_id].append(each)
    return [found[key] for key in keys]


class View(GraphQL[Any, None]):
    async def get_context(self, request: Any, response: Any) -> Any:
        return {
            "users": loader(User),
            "teams": loader(Team),
            "categories": loader(Category),
            "messages": DataLoader(read_messages),
        }


async def serve(port: int) -> None:
    await database.connect(os.environ["TICKETWIRE_DATABASE_URL"])
    try:
        app = View(strawberry.Schema(Query, Mutation))
        await uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)).serve()
    finally:
        await database.disconnect()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
