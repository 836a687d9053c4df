"""People, machines, organizations, teams, categories, and the viewer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.access import Viewer
from models.person import ApiClient, Organization, Role, User
from models.team import Category, Team
from schema.interfaces import Actor, Node, loaders


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
        viewer: Viewer = info.context.viewer
        return root.email if viewer.sees_people or viewer.user_id == root.id else None

    role: Role = strawberry.field(description="What the person may do at large.")

    @strawberry.field(description="The account that the person belongs to.", graphql_type=OrganizationType | None)
    async def organization(self, root: strawberry.Parent[User], info: strawberry.Info) -> Organization | None:
        return await loaders(info).organizations.load(root.organization_id) if root.organization_id else None

    @strawberry.field(description="The teams that the person works in.", graphql_type=list["TeamType"])
    async def teams(self, root: strawberry.Parent[User], info: strawberry.Info) -> list[Team]:
        return await loaders(info).teams_of_user.load(root.id)

    active: bool = strawberry.field(description="Whether the person may sign in.")
    created_at: datetime = strawberry.field(description="When the person came to be known.")


@strawberry.type(name="ApiClient", description="A machine: an integrator's program with its own tokens, apart from people.")
class ApiClientType(Node, Actor):
    @strawberry.field(description="What its live tokens may do together; shown to staff.")
    async def scopes(self, root: strawberry.Parent[ApiClient], info: strawberry.Info) -> list[str]:
        viewer: Viewer = info.context.viewer
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
        description="Who works in it; empty for customers, and for tokens without the scope users:read.",
        graphql_type=list[UserType],
    )
    async def members(self, root: strawberry.Parent[Team], info: strawberry.Info) -> list[User]:
        viewer: Viewer = info.context.viewer
        return await loaders(info).members_of_team.load(root.id) if viewer.sees_people else []


@strawberry.type(name="Category", description="What a ticket is about; it routes the ticket to a team.")
class CategoryType(Node):
    slug: str = strawberry.field(description="A stable key: technical, sales and billing exist from the first start.")
    name: str = strawberry.field(description="The category's name.")

    @strawberry.field(description="Where tickets of this category go.", graphql_type=TeamType)
    async def team(self, root: strawberry.Parent[Category], info: strawberry.Info) -> Team | None:
        return await loaders(info).teams.load(root.team_id)


@strawberry.type(name="Viewer", description="Who is calling.")
class ViewerType:
    user: Any = strawberry.field(description="The person, where a person calls.", graphql_type=UserType | None)

    @strawberry.field(description="The machine, where one calls.", graphql_type=ApiClientType | None)
    def api_client(self, root: strawberry.Parent[Viewer]) -> ApiClient | None:
        return root.client

    role: Role = strawberry.field(description="The role; an API client acts as ADMIN with the scope admin, else as AGENT.")

    @strawberry.field(description="What the token may do.")
    def scopes(self, root: strawberry.Parent[Viewer]) -> list[str]:
        return sorted(scope.value for scope in root.scopes)
