"""Fills a database: a small demo for the first start, and as many tickets as a benchmark wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo import names
from demo.history import History, in_order
from demo.people import Company, customer, everybody, founded, staffed
from demo.writer import Odds, Wish, Writer, moments
from models import database
from models.changes.change import next_numbers
from models.log import event
from models.people.password import HASH, hashed
from models.people.team import Membership, Team
from models.people.user import Organization, Role, User
from models.sla.records import SlaClock
from models.sla.update import record_of
from models.tickets.lifecycle import Status
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher

PASSWORD = "demo"  # noqa: S105 - it is meant to be known
ADDRESSES = ("customer@example.com", "agent@example.com", "admin@example.com")
DEMO_TICKETS = 60
DEMO_COMPANIES = 7
DEMO_AGENTS = 3
DEMO_SPAN = timedelta(days=45)
DEMO_ODDS = Odds(follow_up=0.06, doubled=0.05, linked=0.08)
"""More ties than usual, so that so few tickets show some."""

SPAN = timedelta(days=180)
CHUNK = 500
"""Tickets of one transaction: enough to write fast, few enough that others need not wait long."""
TICKETS_PER_COMPANY = 200
FEWEST_COMPANIES = 5


@dataclass(frozen=True, slots=True)
class Accounts:
    """Those who can sign in to the demo."""

    company: Company
    customer: User
    agent: User
    admin: User


async def fill_demo(now: datetime) -> bool:
    """Fill a database without any user. Returns False, with nothing changed, where there is one."""
    if await User.exists():
        return False
    password = await asyncio.to_thread(hashed, PASSWORD)
    async with database.transaction():
        # Of several processes that start at once only the first finds nobody.
        await database.rows("UPDATE log_head SET position = position RETURNING position")
        if await User.exists():
            return False
        random, since = Random(7), now - DEMO_SPAN
        accounts = await opened(random, password, since)
        companies = [accounts.company, *await founded(random, DEMO_COMPANIES, since)]
        people = await everybody(companies, await staffed(random, since, DEMO_AGENTS), since)
        raised = moments(DEMO_TICKETS, DEMO_SPAN, now, random)
        writer = Writer(random, people, now, DEMO_ODDS)
        await store(writer.chapter(await next_numbers(DEMO_TICKETS), raised, wishes(accounts)))
    return True


async def has_demo_accounts() -> bool:
    """Whether somebody could sign in here with the demo's password."""
    for account in await User.filter(email__in=ADDRESSES, active=True, password_hash__isnull=False):
        if await asyncio.to_thread(HASH.verify, PASSWORD, account.password_hash or ""):
            return True
    return False


async def opened(random: Random, password: str, since: datetime) -> Accounts:
    """The three accounts that are told on the first start, and the customer's two colleagues."""
    organization = await Organization.create(name="Fjord Analytics", shared=True)
    customers, agents, admins = ADDRESSES
    clara = User(email=customers, display_name="Clara Meyer", organization_id=organization.id, password_hash=password)
    agent = User(email=agents, display_name="Alex Kim", role=Role.AGENT, password_hash=password)
    admin = User(email=admins, display_name="Robin Walsh", role=Role.ADMIN, password_hash=password)
    for account in (clara, agent, admin):
        account.created_at = since - timedelta(days=30)
    addresses = {account.email for account in (clara, agent, admin)}
    colleagues = [customer(random, organization, names.person(random), since, addresses) for _ in range(2)]
    await User.bulk_create([clara, agent, admin, *colleagues])
    await Membership.create(team_id=(await Team.get(slug="support")).id, user_id=agent.id)
    return Accounts(Company(organization, [clara, *colleagues]), clara, agent, admin)


def wishes(accounts: Accounts) -> Mapping[int, Wish]:
    """What the accounts shall find, by the place among the tickets; the last ones are some hours old, the first ones weeks."""
    company, clara, alex = accounts.company, accounts.customer, accounts.agent
    return {
        59: Wish(company, clara, category="technical", status=Status.NEW),
        58: Wish(status=Status.NEW),
        57: Wish(company, clara, alex, "technical", status=Status.OPEN),
        56: Wish(status=Status.NEW),
        55: Wish(agent=alex, category="technical", status=Status.OPEN),
        53: Wish(company, clara, category="billing", status=Status.WAITING_ON_CUSTOMER),
        51: Wish(company, clara, alex, "technical", status=Status.WAITING_ON_CUSTOMER),
        48: Wish(agent=alex, category="technical", status=Status.RESOLVED),
        46: Wish(company, clara, alex, "technical", status=Status.ON_HOLD),
        44: Wish(company, clara, category="sales", status=Status.RESOLVED),
        41: Wish(agent=alex, category="technical", status=Status.ON_HOLD),
        36: Wish(agent=alex, category="technical", status=Status.WAITING_ON_CUSTOMER),
        31: Wish(company, clara, alex, "technical", status=Status.CLOSED),
        22: Wish(company, clara, category="billing", status=Status.CLOSED),
        12: Wish(agent=alex, category="technical", status=Status.CLOSED),
    }


async def seed(tickets: int, now: datetime, progress: Callable[[int], None], random_seed: int = 1) -> int:
    """Add so many tickets, and the people they need; returns how many were added.

    `progress` is told of each chunk that is stored. Run again it adds others; on an equal database an equal seed adds the same.
    """
    random, since = Random(f"{random_seed} {await Ticket.all().count()}"), now - SPAN
    async with database.transaction():
        companies = await founded(random, max(FEWEST_COMPANIES, tickets // TICKETS_PER_COMPANY), since)
        writer = Writer(random, await everybody(companies, await staffed(random, since), since), now)
    raised = moments(tickets, SPAN, now, random)
    for first in range(0, tickets, CHUNK):
        part = raised[first : first + CHUNK]
        async with database.transaction():
            await store(writer.chapter(await next_numbers(len(part)), part))
        progress(len(part))
    return tickets


async def store(histories: Sequence[History]) -> None:
    """Write what the histories hold, in one transaction of the caller's; the log last, as in models.changes.change.write."""
    await Ticket.bulk_create([history.ticket for history in histories])
    await Message.bulk_create([message for history in histories for message in history.messages])
    await TicketTag.bulk_create([TicketTag(ticket_id=each.ticket.id, name=name) for each in histories for name in each.tags])
    await TicketResource.bulk_create([resource for history in histories for resource in history.resources])
    await TicketWatcher.bulk_create(
        [TicketWatcher(ticket_id=each.ticket.id, user_id=user_id) for each in histories for user_id in each.watchers]
    )
    await TicketLink.bulk_create([link for history in histories for link in history.links])
    await SlaClock.bulk_create(
        [record_of(each.ticket.id, clock) for each in histories if each.clocks is not None for clock in each.clocks.all]
    )
    await event.append(in_order(histories))
