"""People, machines, organizations, teams, categories, and the viewer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from models import related
from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery
from models.core.pagination import page_request
from models.notifications import inbox, preferences
from models.notifications.preferences import Preference
from models.people.team import Team
from models.people.user import ApiClient, Role, User
from models.queries import tickets
from models.tickets.ticket import Ticket
from schema.context import context_of, loaders
from schema.interfaces import Actor, LazyTicket, Node
from schema.pagination import After, Before, Connection, First, Last
from schema.relations import foreign_key_field, related_list_field
from schema.types.notification import NotificationPreferenceType

LazyTeam = Annotated["TeamType", strawberry.lazy("schema.types.people")]


@strawberry.type(
    name="Organization", description="A customer's account. Its members see one another's tickets when it is shared."
)
class OrganizationType(Node):
    name: str = strawberry.field(description="The account's name.")
    shared: bool = strawberry.field(description="Whether its members see one another's tickets.")
    external_id: str | None = strawberry.field(description="The integrator's own key.")


@strawberry.type(name="User", description="A person.")
class UserType(Node, Actor):
    @strawberry.field(description="Visible to the user, to agents and to admins; null for others.")
    def email(self, root: strawberry.Parent[User], info: strawberry.Info) -> str | None:
        viewer = context_of(info).viewer
        return root.email if viewer.can_see_people or viewer.user_id == root.id else None

    role: Role = strawberry.field(description="What the person may do at large.")

    organization: Any = foreign_key_field("organization", OrganizationType | None, "The account that the person belongs to.")

    teams: Any = related_list_field(related.teams, list[LazyTeam], "The teams that the person works in.")
    active: bool = strawberry.field(description="Whether the person may sign in.")

    @strawberry.field(description="Whether rules may give tickets to this agent or admin now; null for others and to customers.")
    def present(self, root: strawberry.Parent[User], info: strawberry.Info) -> bool | None:
        viewer = context_of(info).viewer
        return None if viewer.is_customer or root.role is Role.CUSTOMER else root.present

    created_at: datetime = strawberry.field(description="When the person came to be known.")


@strawberry.type(name="ApiClient", description="A machine: an integrator's program with its own tokens, apart from people.")
class ApiClientType(Node, Actor):
    @strawberry.field(description="What its live tokens may do together; shown to staff.")
    async def scopes(self, root: strawberry.Parent[ApiClient], info: strawberry.Info) -> list[str]:
        viewer = context_of(info).viewer
        return [] if viewer.is_customer else await loaders(info).client_scopes.load(root.id)

    active: bool = strawberry.field(description="Whether its tokens work.")
    created_at: datetime = strawberry.field(description="When it came to be known.")


@strawberry.type(name="System", description="The system itself: a clock, a rule.")
class SystemType(Actor):
    pass


@strawberry.type(name="Team", description="People who work on the same kind of tickets.")
class TeamType(Node):
    slug: str = strawberry.field(description="A stable key: support, sales and billing exist from the first start.")
    name: str = strawberry.field(description="The team's name.")

    @strawberry.field(
        description="Whether a new ticket is given to whoever of the team is present and has the fewest open ones; "
        "null for customers."
    )
    def assigns_by_load(self, root: strawberry.Parent[Team], info: strawberry.Info) -> bool | None:
        viewer = context_of(info).viewer
        return None if viewer.is_customer else root.assigns_by_load

    members: Any = related_list_field(
        related.members, list[UserType], "Who works in it; empty for customers, and for tokens without the scope users:read."
    )

    @strawberry.field(
        description="The team's open tickets in the order in which they want attention: what nobody took up yet, then what is "
        "promised soonest, then the oldest; as far as the viewer may see them.",
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
        return tickets.list_queue(context.viewer, root.id, page_request(first, after, last, before), context.now())


@strawberry.type(name="Category", description="What a ticket is about; it routes the ticket to a team.")
class CategoryType(Node):
    slug: str = strawberry.field(description="A stable key: technical, sales and billing exist from the first start.")
    name: str = strawberry.field(description="The category's name.")

    team: Any = foreign_key_field("team", TeamType, "Where tickets of this category go.")


async def load_viewer_user(root: strawberry.Parent[Viewer], info: strawberry.Info) -> User | None:
    """Read afresh: a socket's viewer is made anew when rights change, not when a name does."""
    return await loaders(info).users.load(root.user.id) if root.user else None


@strawberry.type(name="Viewer", description="Who is calling.")
class ViewerType:
    user: Any = strawberry.field(
        description="The person, where a person calls.", graphql_type=UserType | None, resolver=load_viewer_user
    )

    @strawberry.field(description="The machine, where one calls.", graphql_type=ApiClientType | None)
    async def api_client(self, root: strawberry.Parent[Viewer], info: strawberry.Info) -> ApiClient | None:
        return await loaders(info).clients.load(root.client.id) if root.client else None

    role: Role = strawberry.field(description="The role; an API client acts as ADMIN with the scope admin, else as AGENT.")

    @strawberry.field(description="What the token may do.")
    def scopes(self, root: strawberry.Parent[Viewer]) -> list[str]:
        return sorted(scope.value for scope in root.scopes)

    @strawberry.field(description="How many notifications are unread; 0 for an API client.")
    async def unread_notifications(self, root: strawberry.Parent[Viewer]) -> int:
        return await inbox.count_unread(root)

    @strawberry.field(
        description="All that can be chosen about being told, as it is now; empty for an API client.",
        graphql_type=list[NotificationPreferenceType],
    )
    async def notification_preferences(self, root: strawberry.Parent[Viewer]) -> list[Preference]:
        return await preferences.list_preferences(root.user) if root.user else []
