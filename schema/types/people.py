"""Users, API clients, organizations, teams, categories and the viewer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from models import related
from models.access.viewer import Viewer
from models.access.visibility import can_see_record
from models.core.lazy_query import ConnectionQuery
from models.core.pagination import parse_page_arguments
from models.notifications import inbox, preferences
from models.notifications.preferences import Preference
from models.people.team import Team
from models.people.user import ApiClient, Organization, Role, User
from models.queries import tickets
from models.tickets.ticket import Ticket
from schema.context import context_of, loaders
from schema.cost import CONDITION_COST, SEARCH_COST, cost
from schema.filters import filter_mapping, sort_pairs
from schema.interfaces import Actor, LazyTicket, Node
from schema.pagination import After, Before, Connection, First, Last
from schema.relations import foreign_key_field, related_list_field
from schema.types.notifications import NotificationPreferenceType
from schema.types.ticket_arguments import TicketFilterArgument, TicketOrderArgument

LazyTeam = Annotated["TeamType", strawberry.lazy("schema.types.people")]


def is_hidden(info: strawberry.Info, record: User | Organization) -> bool:
    """Whether the viewer is a customer who can't look up the record, and so sees only its name."""
    viewer = context_of(info).viewer
    return viewer.is_customer and not can_see_record(viewer, record)


@strawberry.type(
    name="Organization",
    description="A customer's account. If it is shared, its members see each other's tickets.",
)
class OrganizationType(Node):
    name: str = strawberry.field(description="The name of the organization.")

    @strawberry.field(
        description="Whether the members see each other's tickets. False for customers of other "
        "organizations."
    )
    def shared(self, root: strawberry.Parent[Organization], info: strawberry.Info) -> bool:
        return root.shared and not is_hidden(info, root)

    @strawberry.field(
        description="The integrator's own key for the organization. Null if there is none, and for "
        "customers of other organizations."
    )
    def external_id(
        self, root: strawberry.Parent[Organization], info: strawberry.Info
    ) -> str | None:
        return None if is_hidden(info, root) else root.external_id


@strawberry.type(
    name="User", description="A person who uses the help desk: a customer, an agent or an admin."
)
class UserType(Node, Actor):
    @strawberry.field(
        description="The email address. Visible to the user, and to agents, admins and API "
        "clients with the scope `users:read`; null for others."
    )
    def email(self, root: strawberry.Parent[User], info: strawberry.Info) -> str | None:
        viewer = context_of(info).viewer
        return root.email if viewer.can_see_people or viewer.user_id == root.id else None

    role: Role = strawberry.field(description="The role of the user.")

    @strawberry.field(
        description="The organization of the user. Null if the user belongs to none. Customers see "
        "only their own organization.",
        graphql_type=OrganizationType | None,
    )
    async def organization(
        self, root: strawberry.Parent[User], info: strawberry.Info
    ) -> Organization | None:
        if root.organization_id is None or is_hidden(info, root):
            return None
        return await loaders(info).organizations.load(root.organization_id)

    teams: Any = related_list_field(
        related.teams,
        list[LazyTeam],
        "The teams that the user is a member of, by slug. Empty if the viewer is a customer.",
    )
    active: bool = strawberry.field(description="Whether the user may sign in.")

    @strawberry.field(
        description="Whether the server may assign tickets to the user automatically. Null for "
        "users who are customers, and if the viewer is a customer."
    )
    def present(self, root: strawberry.Parent[User], info: strawberry.Info) -> bool | None:
        viewer = context_of(info).viewer
        return None if viewer.is_customer or root.role is Role.CUSTOMER else root.present

    created_at: datetime = strawberry.field(description="The time at which the user was created.")

    @strawberry.field(
        description="The tickets that the user has requested and that the viewer may see, in "
        "pages of up to 100.",
        graphql_type=Connection[LazyTicket],
        metadata=cost(condition=CONDITION_COST, search=SEARCH_COST),
    )
    def tickets(
        self,
        root: strawberry.Parent[User],
        info: strawberry.Info,
        filter: TicketFilterArgument = None,
        order_by: TicketOrderArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ConnectionQuery[Ticket]:
        context = context_of(info)
        return tickets.list_requested_tickets(
            context.viewer,
            root.id,
            filter_mapping(filter, context.viewer),
            tickets.build_ticket_order(sort_pairs(order_by)),
            parse_page_arguments(first, after, last, before),
            context.now(),
        )


@strawberry.type(name="ApiClient", description="A program of an integrator, with its own tokens.")
class ApiClientType(Node, Actor):
    @strawberry.field(
        description="The scopes of all tokens of the client that are not revoked. Visible to the "
        "client, and to agents, admins and API clients with the scope `users:read`; empty for "
        "others."
    )
    async def scopes(self, root: strawberry.Parent[ApiClient], info: strawberry.Info) -> list[str]:
        viewer = context_of(info).viewer
        if not viewer.can_see_people and viewer.client_id != root.id:
            return []
        return await loaders(info).client_scopes.load(root.id)

    active: bool = strawberry.field(description="Whether the tokens of the client are accepted.")
    created_at: datetime = strawberry.field(description="The time at which the client was created.")


@strawberry.type(
    name="System",
    description="The server itself, as the actor of automatic changes by timers and rules.",
)
class SystemType(Actor):
    pass


@strawberry.type(
    name="Team", description="A team of agents and admins who work on the same kind of tickets."
)
class TeamType(Node):
    slug: str = strawberry.field(
        description="The stable key of the team, at most 64 characters. The teams support, sales "
        "and billing always exist."
    )
    name: str = strawberry.field(description="The name of the team, 1 to 200 characters.")

    @strawberry.field(
        description="Whether the server assigns each new ticket of the team to the available "
        "member with the fewest open tickets. Null if the viewer is a customer."
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
        description="The stable key of the category, at most 64 characters. The categories "
        "technical, sales and billing always exist."
    )
    name: str = strawberry.field(description="The name of the category.")

    team: Any = foreign_key_field(
        "team", TeamType, "The team that receives the tickets of the category."
    )


async def load_viewer_user(root: strawberry.Parent[Viewer], info: strawberry.Info) -> User | None:
    """Load the viewer's user again.

    A socket renews its viewer if permissions change, but not if a name changes.
    """
    return await loaders(info).users.load(root.user.id) if root.user else None


@strawberry.type(name="Viewer", description="The authenticated user or API client.")
class ViewerType:
    user: Any = strawberry.field(
        description="The user. Null if the viewer is an API client.",
        graphql_type=UserType | None,
        resolver=load_viewer_user,
    )

    @strawberry.field(
        description="The API client. Null if the viewer is a user.",
        graphql_type=ApiClientType | None,
    )
    async def api_client(
        self, root: strawberry.Parent[Viewer], info: strawberry.Info
    ) -> ApiClient | None:
        return await loaders(info).clients.load(root.client.id) if root.client else None

    role: Role = strawberry.field(
        description="The role of the user. For an API client, ADMIN with the scope `admin`, "
        "otherwise AGENT."
    )

    @strawberry.field(
        description="The scopes of the token that makes the call, as far as the role permits them."
    )
    def scopes(self, root: strawberry.Parent[Viewer]) -> list[str]:
        return sorted(scope.value for scope in root.scopes)

    @strawberry.field(description="The number of unread notifications. 0 for an API client.")
    async def unread_notifications(self, root: strawberry.Parent[Viewer]) -> int:
        return await inbox.count_unread(root)

    @strawberry.field(
        description="The viewer's notification preferences, one for each topic and channel that "
        "the role has. Empty for an API client.",
        graphql_type=list[NotificationPreferenceType],
    )
    async def notification_preferences(self, root: strawberry.Parent[Viewer]) -> list[Preference]:
        return await preferences.list_preferences(root.user) if root.user else []
