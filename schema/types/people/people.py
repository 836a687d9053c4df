"""Users, API clients, organizations and the viewer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models import related
from models.access.permissions import MANAGE_OWN_TOKENS
from models.access.viewer import Viewer
from models.core.paging.pagination import Page, parse_page_arguments
from models.notifications import inbox, preferences
from models.notifications.preferences import Preference
from models.people import second_factor
from models.people.identity import Identity
from models.people.sessions import list_sessions
from models.people.token import Token
from models.people.user import ApiClient, Organization, Role, User
from models.queries import tickets
from models.queries.ticket_search import find_requested_tickets
from models.tickets.ticket import Ticket
from schema.context import context_of, loaders
from schema.cost import CONDITION_COST, SEARCH_COST, cost
from schema.filtering.filters import filter_mapping, sort_pairs
from schema.interfaces import Actor, LazyTicket, Node
from schema.pagination import After, Before, Connection, First, Last
from schema.records.relations import related_list_field
from schema.types.notifications import NotificationPreferenceType
from schema.types.people.account_fields import AccountFields
from schema.types.people.identities import IdentityType
from schema.types.people.organizations import VERSION, OrganizationType, is_hidden
from schema.types.people.sessions import SessionType
from schema.types.people.tokens import ApiTokenType
from schema.types.tickets.ticket_arguments import TicketFilterArgument, TicketOrderArgument

if TYPE_CHECKING:
    from schema.types.people.teams import TeamType

LazyTeam = Annotated["TeamType", strawberry.lazy("schema.types.people.teams")]


def can_see_details(user: User, info: strawberry.Info) -> bool:
    """Whether the viewer may see a user's email address, locale and time zone."""
    viewer = context_of(info).viewer
    return viewer.can_see_people or viewer.user_id == user.id


@strawberry.type(
    name="User", description="A person who uses the help desk: a customer, an agent or an admin."
)
class UserType(AccountFields, Node, Actor):
    @strawberry.field(
        description="The email address. Visible to the user, and to agents, admins and API "
        "clients with the scope `users:read`; null for others."
    )
    def email(self, root: strawberry.Parent[User], info: strawberry.Info) -> str | None:
        return root.email if can_see_details(root, info) else None

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
        description="The integrator's own key for the user. Null if there is none, and for viewers "
        "who may not see email addresses."
    )
    def external_id(self, root: strawberry.Parent[User], info: strawberry.Info) -> str | None:
        return root.external_id if context_of(info).viewer.can_see_people else None

    @strawberry.field(
        description="The language of the user as a BCP 47 tag, such as de-CH. Visible like `email`."
    )
    def locale(self, root: strawberry.Parent[User], info: strawberry.Info) -> str | None:
        return root.locale if can_see_details(root, info) else None

    @strawberry.field(
        description="The IANA name of the user's time zone, such as Europe/Berlin. Visible like "
        "`email`."
    )
    def time_zone(self, root: strawberry.Parent[User], info: strawberry.Info) -> str | None:
        return root.time_zone if can_see_details(root, info) else None

    version: int = strawberry.field(description=VERSION)

    @strawberry.field(
        description="Whether the user is available, so that the server may assign tickets to them; "
        "see setAvailability. Null for users who are customers, and if the viewer is a customer."
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
    async def tickets(
        self,
        root: strawberry.Parent[User],
        info: strawberry.Info,
        filter: TicketFilterArgument = None,
        order_by: TicketOrderArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Page[Ticket]:
        context = context_of(info)
        query = await find_requested_tickets(
            context.viewer,
            root.id,
            filter_mapping(filter, context.viewer),
            tickets.build_ticket_order(sort_pairs(order_by)),
            parse_page_arguments(first, after, last, before),
            context.now(),
        )
        return await query


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
    version: int = strawberry.field(description=VERSION)
    tokens: Any = related_list_field(
        related.client_tokens,
        list[ApiTokenType],
        "The API tokens of the client, newest first, including expired and revoked ones. Empty "
        "unless the viewer may administer API clients.",
    )
    created_at: datetime = strawberry.field(description="The time at which the client was created.")


@strawberry.type(
    name="System",
    description="The server itself, as the actor of automatic changes by timers and rules.",
)
class SystemType(Actor):
    pass


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
        description="The scopes of the token of the request, as far as the role permits them."
    )
    def scopes(self, root: strawberry.Parent[Viewer]) -> list[str]:
        return sorted(scope.value for scope in root.scopes)

    @strawberry.field(
        description="The user's live sessions, newest first, by default at most 100. Empty if the "
        "viewer uses an API token, a JWT, or a session that lacks a required second factor. JWTs "
        "of identity providers are not in this list.",
        graphql_type=list[SessionType],
    )
    async def sessions(self, root: strawberry.Parent[Viewer], info: strawberry.Info) -> list[Token]:
        if root.user is None or not MANAGE_OWN_TOKENS.allows(root):
            return []
        return await list_sessions(root.user.id, context_of(info).now())

    @strawberry.field(
        description="The user's accounts at identity providers, oldest first, by default at most "
        "10. Empty if the viewer has not signed in, like `sessions`.",
        graphql_type=list[IdentityType],
    )
    async def identities(self, root: strawberry.Parent[Viewer]) -> list[Identity]:
        if root.user is None or not MANAGE_OWN_TOKENS.allows(root):
            return []
        return await Identity.filter(user_id=root.user.id).order_by("created_at", "id")

    @strawberry.field(description="Whether the user has a second factor. False for an API client.")
    async def has_second_factor(self, root: strawberry.Parent[Viewer]) -> bool:
        return root.user is not None and await second_factor.is_enabled(root.user.id)

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
