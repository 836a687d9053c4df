"""Who takes part: customers in their organizations, the agents of each team, and a customer's monitoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from demo import names
from models.access.permissions import ALL_SCOPES, CALLER_OF_ROLE, HOLDS, Caller, Viewer
from models.people.team import Category, Membership, Team
from models.people.user import ApiClient, Organization, Role, User
from models.sla.update import Promises

OWN_DOMAIN = "support.example"
AGENTS = 10
CUSTOMERS = 3
MONITORING = "Monitoring"
SHARED = 0.4
"""The share of organizations whose members see one another's tickets."""


@dataclass(frozen=True, slots=True)
class Company:
    """An organization with those of its members who write to support; never none."""

    organization: Organization
    members: Sequence[User]


@dataclass(frozen=True, slots=True)
class People:
    """Everybody whom tickets can be about or with. Agents are found by their team's id."""

    companies: Sequence[Company]
    agents: Mapping[UUID, Sequence[User]]
    teams: Sequence[Team]
    categories: Mapping[str, Category]
    monitoring: ApiClient
    promises: Promises


def viewer(user: User) -> Viewer:
    """The person as a caller who is signed in."""
    caller = CALLER_OF_ROLE[user.role]
    return Viewer(caller, HOLDS[caller], user=user)


def machine(client: ApiClient) -> Viewer:
    return Viewer(Caller.API_CLIENT, ALL_SCOPES, client=client)


async def taken() -> set[str]:
    """The e-mail addresses that are in use."""
    return {user.email for user in await User.all().only("id", "email")}


async def staffed(random: Random, since: datetime, least: int = AGENTS) -> dict[UUID, list[User]]:
    """The agents of each team; where a team has too few, more are hired."""
    addresses = await taken()
    hired: dict[UUID, list[User]] = {}
    for team in await Team.all().order_by("slug"):
        members = [each.user for each in await Membership.filter(team_id=team.id).select_related("user").order_by("id")]
        agents = [user for user in members if user.is_staff]
        new = [agent(random, since, addresses) for _ in range(least - len(agents))]
        await User.bulk_create(new)
        await Membership.bulk_create(Membership(team_id=team.id, user_id=user.id) for user in new)
        hired[team.id] = agents + new
    return hired


def agent(random: Random, since: datetime, addresses: set[str]) -> User:
    name = names.person(random)
    return User(
        email=names.email(name, OWN_DOMAIN, addresses),
        display_name=name,
        role=Role.AGENT,
        created_at=since - timedelta(days=random.randint(30, 900)),
    )


async def founded(random: Random, count: int, since: datetime) -> list[Company]:
    """So many new organizations, each with its customers."""
    addresses = await taken()
    companies = [company(random, since, addresses) for _ in range(count)]
    await Organization.bulk_create(each.organization for each in companies)
    await User.bulk_create(member for each in companies for member in each.members)
    return companies


def company(random: Random, since: datetime, addresses: set[str]) -> Company:
    """An organization of three customers who were there before `since`."""
    organization = Organization(name=names.organization(random), shared=random.random() < SHARED)
    members = [customer(random, organization, names.person(random), since, addresses) for _ in range(CUSTOMERS)]
    return Company(organization, members)


def customer(random: Random, organization: Organization, name: str, since: datetime, addresses: set[str]) -> User:
    return User(
        email=names.email(name, names.domain(organization.name), addresses),
        display_name=name,
        organization_id=organization.id,
        created_at=since - timedelta(days=random.randint(1, 900), seconds=random.randrange(86_400)),
    )


async def everybody(companies: Sequence[Company], agents: Mapping[UUID, Sequence[User]], since: datetime) -> People:
    """These people, with the teams and categories that there are and the client of the monitoring."""
    monitoring, _ = await ApiClient.get_or_create(display_name=MONITORING, defaults={"created_at": since})
    categories = {category.slug: category for category in await Category.all()}
    teams = await Team.all().order_by("slug")
    return People(companies, agents, teams, categories, monitoring, await Promises.read())
