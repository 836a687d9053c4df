"""The people of tickets: customers in companies, agents in teams, and a customer's monitoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from demo.texts.names import build_domain, choose_company_name, choose_person_name, reserve_email
from models.access.scopes import ALL_SCOPES, CALLER_KIND_BY_ROLE, MAX_SCOPES, CallerKind
from models.access.viewer import Viewer
from models.people.team import Category, Membership, Team
from models.people.user import ApiClient, Organization, Role, User
from models.sla.policy_set import PolicySet

AGENT_DOMAIN = "support.example"
AGENTS_PER_TEAM = 10
CUSTOMERS_PER_COMPANY = 3
MONITORING_CLIENT_NAME = "Monitoring"
SHARED_COMPANY_RATE = 0.4
"""The share of companies whose members see one another's tickets."""


@dataclass(frozen=True, slots=True)
class Company:
    """An organization with its members who write to support; there is at least one."""

    organization: Organization
    members: Sequence[User]


@dataclass(frozen=True, slots=True)
class People:
    """The people, teams and categories of the tickets. `agents` maps a team's id to its agents."""

    companies: Sequence[Company]
    agents: Mapping[UUID, Sequence[User]]
    teams: Sequence[Team]
    categories: Mapping[str, Category]
    monitoring: ApiClient
    sla_policies: PolicySet


@dataclass(frozen=True, slots=True)
class Participants:
    """The people of one ticket: members of one company, and agents of one team.

    `fellow_requester` can see the ticket, too. It is the requester if no other member can.
    `contact` is a member whom texts mention. `dispatcher` is an agent who sorts tickets, and
    `agent` is the assignee.
    """

    company: Company
    requester: User
    fellow_requester: User
    contact: User
    agent: User
    dispatcher: User


def build_viewer(user: User) -> Viewer:
    """Return the user as a caller who is signed in."""
    caller_kind = CALLER_KIND_BY_ROLE[user.role]
    return Viewer(caller_kind, MAX_SCOPES[caller_kind], user=user)


def build_client_viewer(client: ApiClient) -> Viewer:
    return Viewer(CallerKind.API_CLIENT, ALL_SCOPES, client=client)


async def read_emails() -> set[str]:
    """Read the email addresses of all users."""
    return {user.email for user in await User.all().only("id", "email")}


async def ensure_agents(
    random: Random,
    since: datetime,
    agents_per_team: int = AGENTS_PER_TEAM,
) -> dict[UUID, list[User]]:
    """Return the agents of each team by its id, after creating those that a team lacks."""
    used_emails = await read_emails()
    agents_of_team: dict[UUID, list[User]] = {}
    for team in await Team.all().order_by("slug"):
        memberships = await Membership.filter(team_id=team.id).select_related("user").order_by("id")
        agents = [membership.user for membership in memberships if membership.user.is_staff]
        missing_count = agents_per_team - len(agents)
        new_agents = [build_agent(random, since, used_emails) for _ in range(missing_count)]
        await User.bulk_create(new_agents)
        new_memberships = [Membership(team_id=team.id, user_id=user.id) for user in new_agents]
        await Membership.bulk_create(new_memberships)
        agents_of_team[team.id] = agents + new_agents
    return agents_of_team


def build_agent(random: Random, since: datetime, used_emails: set[str]) -> User:
    name = choose_person_name(random)
    return User(
        email=reserve_email(name, AGENT_DOMAIN, used_emails),
        display_name=name,
        role=Role.AGENT,
        created_at=since - timedelta(days=random.randint(30, 900)),
    )


async def create_companies(random: Random, count: int, since: datetime) -> list[Company]:
    """Store new organizations, each with its customers."""
    used_emails = await read_emails()
    companies = [build_company(random, since, used_emails) for _ in range(count)]
    await Organization.bulk_create(company.organization for company in companies)
    await User.bulk_create(member for company in companies for member in company.members)
    return companies


def build_company(random: Random, since: datetime, used_emails: set[str]) -> Company:
    """Build an organization and its customers, who exist since before `since`."""
    name = choose_company_name(random)
    organization = Organization(name=name, shared=random.random() < SHARED_COMPANY_RATE)
    count = CUSTOMERS_PER_COMPANY
    members = [build_customer(random, organization, since, used_emails) for _ in range(count)]
    return Company(organization, members)


def build_customer(
    random: Random,
    organization: Organization,
    since: datetime,
    used_emails: set[str],
) -> User:
    name = choose_person_name(random)
    age = timedelta(days=random.randint(1, 900), seconds=random.randrange(86_400))
    return User(
        email=reserve_email(name, build_domain(organization.name), used_emails),
        display_name=name,
        organization_id=organization.id,
        created_at=since - age,
    )


async def load_people(
    companies: Sequence[Company],
    agents: Mapping[UUID, Sequence[User]],
    since: datetime,
) -> People:
    """Return the people with the stored teams, categories and SLA policies, and the monitoring."""
    monitoring, _ = await ApiClient.get_or_create(
        display_name=MONITORING_CLIENT_NAME,
        defaults={"created_at": since},
    )
    categories = {category.slug: category for category in await Category.all()}
    teams = await Team.all().order_by("slug")
    return People(companies, agents, teams, categories, monitoring, await PolicySet.read())
