"""Fills a database: a small demo for the first start, and any number of tickets for benchmarks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo.custom_fields import create_custom_fields, log_values, store_values
from demo.dataset import DatasetGenerator, choose_creation_times
from demo.history import History, collect_events
from demo.macros import create_macros
from demo.people import Company, build_customer, create_companies, ensure_agents, load_people
from demo.showcase import add_showcase
from demo.ticket_generator import Probabilities, TicketSpec
from models import database
from models.changes.storage import allocate_numbers
from models.files.store import FileStore
from models.log import event
from models.people.password import HASHER, hash_password
from models.people.team import Membership, Team
from models.people.user import Organization, Role, User
from models.sla.clock_records import record_from_clock
from models.sla.records import SlaClock
from models.tickets.lifecycle import Priority, Status
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher

PASSWORD = "demo"  # noqa: S105 - it is meant to be known
CUSTOMER_EMAIL = "customer@example.com"
AGENT_EMAIL = "agent@example.com"
ADMIN_EMAIL = "admin@example.com"
DEMO_RANDOM_SEED = 7
DEMO_TICKETS = 60
DEMO_COMPANIES = 7
DEMO_AGENTS_PER_TEAM = 3
DEMO_PERIOD = timedelta(days=45)
DEMO_PROBABILITIES = Probabilities(follow_up=0.06, duplicate=0.05, link=0.08)
"""More relations than usual, so that some of the few tickets have them."""
AT_RISK_INDEX = 58
AT_RISK_AGE = timedelta(hours=3, minutes=10)
"""Without a reply, a ticket of HIGH priority is at risk after 3 hours and breaches after 4. So one
ticket is at risk in the first 50 minutes of the demo."""

BENCHMARK_PERIOD = timedelta(days=180)
TICKETS_PER_TRANSACTION = 500
"""Enough to write fast, and few enough that other transactions don't wait long."""
TICKETS_PER_COMPANY = 200
MIN_COMPANIES = 5


@dataclass(frozen=True, slots=True)
class Accounts:
    """The demo's accounts that have a password, and the customer's company."""

    company: Company
    customer: User
    agent: User
    admin: User


async def seed_demo(now: datetime, store: FileStore | None = None) -> bool:
    """Fill a database that has no users. Returns False, without a change, if it has some.

    Without a store, no ticket has files, and there is no export.
    """
    if await User.exists():
        return False
    password_hash = await asyncio.to_thread(hash_password, PASSWORD)
    async with database.transaction():
        # If several processes start at once, the others wait for the first.
        await event.lock_head()
        if await User.exists():
            return False
        random, since = Random(DEMO_RANDOM_SEED), now - DEMO_PERIOD
        accounts = await create_accounts(random, password_hash, since)
        companies = [accounts.company, *await create_companies(random, DEMO_COMPANIES, since)]
        agents = await ensure_agents(random, since, DEMO_AGENTS_PER_TEAM)
        people = await load_people(companies, agents, since)
        await create_macros(since)
        fields = await create_custom_fields(since)
        creation_times = choose_creation_times(DEMO_TICKETS, DEMO_PERIOD, now, random)
        creation_times[AT_RISK_INDEX] = now - AT_RISK_AGE
        generator = DatasetGenerator(random, people, now, DEMO_PROBABILITIES)
        numbers, specs = await allocate_numbers(DEMO_TICKETS), build_specs(accounts)
        histories = generator.generate_histories(numbers, creation_times, specs)
        log_values(histories, fields)
        await store_histories(histories)
        await store_values(histories, fields)
    await add_showcase((CUSTOMER_EMAIL, AGENT_EMAIL, ADMIN_EMAIL), store, now)
    return True


async def has_demo_accounts() -> bool:
    """Return whether a demo account can sign in with the demo's password."""
    emails = (CUSTOMER_EMAIL, AGENT_EMAIL, ADMIN_EMAIL)
    for account in await User.filter(email__in=emails, active=True, password_hash__isnull=False):
        if await asyncio.to_thread(HASHER.verify, PASSWORD, account.password_hash or ""):
            return True
    return False


async def create_accounts(random: Random, password_hash: str, since: datetime) -> Accounts:
    """Store the demo's three accounts with a password, and two colleagues of the customer."""
    organization = await Organization.create(name="Fjord Analytics", shared=True)
    customer = User(email=CUSTOMER_EMAIL, display_name="Clara Meyer")
    agent = User(email=AGENT_EMAIL, display_name="Alex Kim", role=Role.AGENT)
    admin = User(email=ADMIN_EMAIL, display_name="Robin Walsh", role=Role.ADMIN)
    for account in (customer, agent, admin):
        account.password_hash = password_hash
        account.created_at = since - timedelta(days=30)
    customer.organization_id = organization.id
    used_emails = {account.email for account in (customer, agent, admin)}
    colleagues = [build_customer(random, organization, since, used_emails) for _ in range(2)]
    await User.bulk_create([customer, agent, admin, *colleagues])
    await Membership.create(team_id=(await Team.get(slug="support")).id, user_id=agent.id)
    return Accounts(Company(organization, [customer, *colleagues]), customer, agent, admin)


def build_specs(accounts: Accounts) -> Mapping[int, TicketSpec]:
    """Return specs of tickets for the accounts, by index.

    The tickets with the highest indexes are hours old, those with the lowest ones weeks.
    """
    company, customer, agent = accounts.company, accounts.customer, accounts.agent
    return {
        59: TicketSpec(company, customer, category="technical", status=Status.NEW),
        AT_RISK_INDEX: TicketSpec(status=Status.NEW, priority=Priority.HIGH),
        57: TicketSpec(company, customer, agent, "technical", status=Status.OPEN),
        56: TicketSpec(status=Status.NEW),
        55: TicketSpec(agent=agent, category="technical", status=Status.OPEN),
        53: TicketSpec(company, customer, category="billing", status=Status.WAITING_ON_CUSTOMER),
        51: TicketSpec(company, customer, agent, "technical", status=Status.WAITING_ON_CUSTOMER),
        48: TicketSpec(agent=agent, category="technical", status=Status.RESOLVED),
        46: TicketSpec(company, customer, agent, "technical", status=Status.ON_HOLD),
        44: TicketSpec(company, customer, category="sales", status=Status.RESOLVED),
        41: TicketSpec(agent=agent, category="technical", status=Status.ON_HOLD),
        36: TicketSpec(agent=agent, category="technical", status=Status.WAITING_ON_CUSTOMER),
        31: TicketSpec(company, customer, agent, "technical", status=Status.CLOSED),
        22: TicketSpec(company, customer, category="billing", status=Status.CLOSED),
        12: TicketSpec(agent=agent, category="technical", status=Status.CLOSED),
    }


async def seed_tickets(
    count: int,
    now: datetime,
    report_progress: Callable[[int], None],
    random_seed: int = 1,
) -> int:
    """Add tickets and the people whom they need. Returns the number of tickets, `count`.

    Calls `report_progress` with the number of tickets of each transaction. On equal databases,
    equal `random_seed` and `now` add equal tickets. A second call adds other tickets.
    """
    # The number of tickets is part of the seed, so that another call adds other tickets.
    random, since = Random(f"{random_seed} {await Ticket.all().count()}"), now - BENCHMARK_PERIOD
    company_count = max(MIN_COMPANIES, count // TICKETS_PER_COMPANY)
    async with database.transaction():
        companies = await create_companies(random, company_count, since)
        people = await load_people(companies, await ensure_agents(random, since), since)
    generator = DatasetGenerator(random, people, now)
    creation_times = choose_creation_times(count, BENCHMARK_PERIOD, now, random)
    for start in range(0, count, TICKETS_PER_TRANSACTION):
        times = creation_times[start : start + TICKETS_PER_TRANSACTION]
        async with database.transaction():
            numbers = await allocate_numbers(len(times))
            await store_histories(generator.generate_histories(numbers, times))
        report_progress(len(times))
    return count


async def store_histories(histories: Sequence[History]) -> None:
    """Store the rows of the histories within the caller's transaction.

    The log comes last, as in `models.changes.storage.write`.
    """
    messages: list[Message] = []
    tags: list[TicketTag] = []
    resources: list[TicketResource] = []
    watchers: list[TicketWatcher] = []
    links: list[TicketLink] = []
    clocks: list[SlaClock] = []
    for history in histories:
        ticket_id = history.ticket.id
        tags += [TicketTag(ticket_id=ticket_id, name=name) for name in history.tags]
        watchers += [TicketWatcher(ticket_id=ticket_id, user_id=id) for id in history.watchers]
        if history.clocks is not None:
            clocks += [record_from_clock(ticket_id, clock) for clock in history.clocks.all]
        messages += history.messages
        resources += history.resources
        links += history.links
    await Ticket.bulk_create([history.ticket for history in histories])
    await Message.bulk_create(messages)
    await TicketTag.bulk_create(tags)
    await TicketResource.bulk_create(resources)
    await TicketWatcher.bulk_create(watchers)
    await TicketLink.bulk_create(links)
    await SlaClock.bulk_create(clocks)
    await event.append(collect_events(histories))
