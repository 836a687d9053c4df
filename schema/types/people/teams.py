"""Teams and categories."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from models import related
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.people.team import Team
from models.queries import tickets
from models.tickets.ticket import Ticket
from schema.context import context_of
from schema.interfaces import LazyTicket, Node
from schema.pagination import After, Before, Connection, First, Last
from schema.records.relations import foreign_key_field, related_list_field
from schema.types.people.organizations import VERSION
from schema.types.people.people import UserType

LazyCategory = Annotated["CategoryType", strawberry.lazy("schema.types.people.teams")]


@strawberry.type(
    name="Team", description="A team of agents and admins who work on the same kind of tickets."
)
class TeamType(Node):
    slug: str = strawberry.field(
        description="The stable key of the team, at most 64 characters. A new installation has the "
        "teams support, sales and billing."
    )
    name: str = strawberry.field(description="The name of the team, 1 to 200 characters.")
    active: bool = strawberry.field(
        description="Whether the team may get tickets. False if it is archived."
    )
    version: int = strawberry.field(description=VERSION)

    @strawberry.field(
        description="Whether the server assigns the team's unassigned open tickets to the "
        "available member with the fewest open tickets. A ticket that a user or API client "
        "unassigned is left alone. Null if the viewer is a customer."
    )
    def assigns_by_load(self, root: strawberry.Parent[Team], info: strawberry.Info) -> bool | None:
        viewer = context_of(info).viewer
        return None if viewer.is_customer else root.assigns_by_load

    members: Any = related_list_field(
        related.members,
        list[UserType],
        "The members of the team, by name. Empty for customers and without the scope `users:read`.",
    )

    @strawberry.field(
        description="The team's tickets that are neither RESOLVED nor CLOSED and that the viewer "
        "may see, in pages of up to 100. NEW unassigned tickets come first, then the earliest SLA "
        "deadline, then the lowest number.",
        graphql_type=Connection[LazyTicket],
    )
    def queue(
        self,
        root: strawberry.Parent[Team],
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ConnectionQuery[Ticket]:
        context = context_of(info)
        return tickets.list_queue(
            context.viewer, root.id, parse_page_arguments(first, after, last, before), context.now()
        )


@strawberry.type(
    name="Category", description="A subject area of tickets. It decides the team of a new ticket."
)
class CategoryType(Node):
    slug: str = strawberry.field(
        description="The stable key of the category, at most 64 characters. A new installation has "
        "the categories technical, sales and billing."
    )
    name: str = strawberry.field(description="The name of the category, 1 to 200 characters.")
    active: bool = strawberry.field(
        description="Whether new tickets may have the category. False if it is archived."
    )
    version: int = strawberry.field(description=VERSION)

    team: Any = foreign_key_field(
        "team", TeamType, "The team that receives the tickets of the category."
    )
    parent: Any = foreign_key_field(
        "parent",
        LazyCategory | None,
        "The category above this one in the tree, which has two levels. Null at the top.",
    )
