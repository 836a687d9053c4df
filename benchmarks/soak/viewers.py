"""The callers of the soak: agents, an administrator, customers and an API client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.accounts import create_api_client, create_token, create_user, find_busiest_customers
from demo.seed import seed_tickets
from models import database, migrate
from models.people.user import Role, User

AGENTS = 6
CUSTOMERS_PER_KIND = 3


@dataclass(frozen=True)
class Viewer:
    """A caller, and a token with all scopes that the caller may have."""

    name: str
    token: str
    is_staff: bool
    has_inbox: bool


@dataclass(frozen=True)
class Viewers:
    admin: Viewer
    agents: Sequence[Viewer]
    customers: Sequence[Viewer]
    """Those with the most tickets: some see only their own, some those of their organization."""
    client: Viewer

    @property
    def all(self) -> Sequence[Viewer]:
        return (self.admin, *self.agents, *self.customers, self.client)

    @property
    def staff(self) -> Sequence[Viewer]:
        return [each for each in self.all if each.is_staff]


async def fill_database(url: str, tickets: int) -> Viewers:
    """Create the tables, so many tickets, and the viewers, in an empty database."""
    await database.connect(url)
    try:
        await migrate.migrate()
        await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
        return await create_viewers()
    finally:
        await database.disconnect()


async def add_tickets(url: str, tickets: int) -> None:
    """Add tickets with their history while the server runs."""
    await database.connect(url)
    try:
        await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
    finally:
        await database.disconnect()


async def create_viewers() -> Viewers:
    agents = await User.filter(role=Role.AGENT, active=True).order_by("email").limit(AGENTS)
    customers = [
        *await find_busiest_customers(CUSTOMERS_PER_KIND, shared=False),
        *await find_busiest_customers(CUSTOMERS_PER_KIND, shared=True),
    ]
    admin = await create_user("Soak Administrator", Role.ADMIN)
    token = await create_api_client("Soak Client")
    return Viewers(
        admin=await create_viewer(admin),
        agents=[await create_viewer(user) for user in agents],
        customers=[await create_viewer(user) for user in customers],
        client=Viewer("API client", token, is_staff=True, has_inbox=False),
    )


async def create_viewer(user: User) -> Viewer:
    is_staff = user.role is not Role.CUSTOMER
    return Viewer(user.email, await create_token(user), is_staff, has_inbox=True)
