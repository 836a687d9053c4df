"""A help desk for tests of models: people, tickets in memory or stored, and random mutations."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings

from models import database
from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES
from models.access.viewer import Viewer
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.changes.merges import link_commands, merging
from models.changes.merges.merge_records import read_participants
from models.changes.participants import sharing
from models.changes.storage import allocate_numbers, lock_tickets, write
from models.core.errors import Refusal
from models.core.ids import new_id
from models.log.event import EventType
from models.people.team import Category, Membership, Team
from models.people.user import Organization, Role, User
from models.tickets import links
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.link_kind import LinkKind
from models.tickets.ticket import Ticket, TicketResource, TicketTag, TicketWatcher
from support.seed import SEED

T = TypeVar("T")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = timedelta(days=14)
"""The time after closing in which a ticket can be reopened."""
OWN_SEED = "OWN_SEED"
"""An argument that `run_processes` replaces by a separate seed for each process."""
DEADLINE_SECONDS = 60
PROCESSES_SECONDS = 240


def limit_examples(examples: int) -> Callable[[T], T]:
    """Limit the examples of a property test on one database, and mark the test `stress`."""
    ignored = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    limited = settings(max_examples=examples, suppress_health_check=ignored)
    return lambda test: pytest.mark.stress(limited(test))


async def allocate_number() -> int:
    """The number of the next ticket."""
    (number,) = await allocate_numbers(1)
    return number


def viewer(role: Role = Role.CUSTOMER, user: User | None = None) -> Viewer:
    """A viewer with all scopes of its role; without a user, of a person who is not stored."""
    person = user or User(email=f"{new_id()}@example.com", display_name="Somebody", role=role)
    caller_kind = CALLER_KIND_BY_ROLE[person.role]
    return Viewer(caller_kind, MAX_SCOPES[caller_kind], user=person)


def ticket(status: Status = Status.NEW, **values: object) -> Ticket:
    """A ticket that is not stored."""
    defaults: dict[str, object] = {
        "number": 1001,
        "subject": "VPN is down",
        "description": "since noon",
        "category_id": new_id(),
        "team_id": new_id(),
        "requester_id": new_id(),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Ticket(status=status, **{**defaults, **values})


def change_of(
    ticket: Ticket, by: Viewer | None = None, at: datetime = NOON, window: timedelta = WINDOW
) -> TicketChange:
    return TicketChange(ticket, by or viewer(Role.AGENT), at, window)


def event_types(change: TicketChange) -> list[EventType]:
    return [event.type for event in change.events]


@dataclass
class Desk:
    """`cora` and `carl` share an account, `olga` has none; `ada` works in support, `bill` in
    billing, `root` is an admin."""

    cora: Viewer
    carl: Viewer
    olga: Viewer
    ada: Viewer
    bill: Viewer
    root: Viewer
    teams: Mapping[str, Team]
    categories: Mapping[str, Category]

    @classmethod
    async def make(cls) -> Desk:
        acme = await Organization.create(name="Acme", shared=True)
        support, billing = await Team.get(slug="support"), await Team.get(slug="billing")
        cora, carl = await create_customer("cora", acme), await create_customer("carl", acme)
        return cls(
            cora=replace(viewer(user=cora), shared_organization_id=acme.id),
            carl=replace(viewer(user=carl), shared_organization_id=acme.id),
            olga=viewer(user=await create_customer("olga", None)),
            ada=viewer(user=await create_staff_member("ada", Role.AGENT, support)),
            bill=viewer(user=await create_staff_member("bill", Role.AGENT, billing)),
            root=viewer(user=await create_staff_member("root", Role.ADMIN, None)),
            teams={team.slug: team for team in await Team.all()},
            categories={category.slug: category for category in await Category.all()},
        )

    @property
    def customers(self) -> list[Viewer]:
        return [self.cora, self.carl, self.olga]

    @property
    def staff(self) -> list[Viewer]:
        return [self.ada, self.bill, self.root]

    def unsaved_ticket(
        self, number: int, by: Viewer | None = None, at: datetime = NOON, **values: object
    ) -> Ticket:
        """A ticket with the values that `createTicket` would set, not stored yet."""
        by, category = by or self.cora, self.categories["technical"]
        assert by.user is not None
        defaults: dict[str, object] = {
            "number": number,
            "subject": "VPN is down",
            "description": "since noon",
            "category_id": category.id,
            "team_id": category.team_id,
            "requester_id": by.user.id,
            "organization_id": by.user.organization_id,
            "created_at": at,
            "updated_at": at,
            "public_updated_at": at,
        }
        return Ticket(**{**defaults, **values})

    async def raise_ticket(
        self,
        by: Viewer | None = None,
        at: datetime = NOON,
        tags: Sequence[str] = (),
        **values: object,
    ) -> Ticket:
        async with database.transaction():
            ticket = self.unsaved_ticket(await allocate_number(), by, at, **values)
            change = TicketChange(ticket, by or self.cora, at, WINDOW)
            commands.create(change, tags, ())
            await write(change)
        return ticket

    async def act(
        self,
        ticket: Ticket,
        verb: Callable[[TicketChange], object],
        by: Viewer | None = None,
        at: datetime = NOON,
    ) -> TicketChange:
        """Apply one command to a stored ticket in its own transaction."""
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([ticket.id]))[ticket.id], by or self.ada, at, WINDOW
            )
            verb(change)
            await write(change)
        return change


async def create_customer(name: str, organization: Organization | None) -> User:
    return await User.create(
        email=f"{name}@example.com", display_name=name.title(), organization=organization
    )


async def create_staff_member(name: str, role: Role, team: Team | None) -> User:
    user = await User.create(email=f"{name}@example.com", display_name=name.title(), role=role)
    if team:
        await Membership.create(team=team, user=user)
    return user


@dataclass
class RandomMutation:
    """A random mutation inside its transaction: its choices and its changes."""

    desk: Desk
    random: Random
    tickets: Sequence[UUID]
    by: Viewer
    at: datetime
    changes: list[TicketChange] = field(default_factory=list[TicketChange])

    async def lock_random_tickets(self, count: int = 1) -> list[TicketChange]:
        """Lock different random tickets."""
        chosen = self.random.sample(list(self.tickets), count)
        locked = await lock_tickets(chosen)
        return [self.change(locked[key]) for key in chosen]

    def change(self, ticket: Ticket) -> TicketChange:
        self.changes.append(TicketChange(ticket, self.by, self.at, WINDOW))
        return self.changes[-1]


async def create(mutation: RandomMutation) -> None:
    requester = mutation.random.choice(mutation.desk.customers)
    change = mutation.change(
        mutation.desk.unsaved_ticket(await allocate_number(), requester, mutation.at)
    )
    tags = mutation.random.sample(TAGS, 2)
    commands.create(
        change,
        tags,
        [TicketResource(ticket_id=change.ticket.id, kind="server", external_id="s-1", name=None)],
    )


async def update(mutation: RandomMutation) -> None:
    (change,) = await mutation.lock_random_tickets()
    random = mutation.random
    category = random.choice([None, *mutation.desk.categories.values()])
    commands.update(
        change,
        current_tags=[
            tag.name for tag in await TicketTag.filter(ticket_id=change.ticket.id).order_by("name")
        ],
        subject=random.choice([None, "VPN is down", "Mail is down"]),
        priority=random.choice([None, *Priority]),
        category=category,
        member_ids=[each.user_id for each in await Membership.filter(team_id=category.team_id)]
        if category
        else (),
        add_tags=random.sample(TAGS, random.randrange(3)),
        remove_tags=random.sample(TAGS, random.randrange(3)),
        external=random.choice([None, ("", None), ("", f"key-{change.ticket.number}")]),
    )


async def assign(mutation: RandomMutation) -> None:
    (change,) = await mutation.lock_random_tickets()
    commands.assign(
        change,
        mutation.random.choice(
            [None, *(each.user for each in (*mutation.desk.staff, mutation.desk.olga))]
        ),
    )


async def transfer(mutation: RandomMutation) -> None:
    (change,) = await mutation.lock_random_tickets()
    team = mutation.random.choice(list(mutation.desk.teams.values()))
    commands.transfer(
        change, team, [each.user_id for each in await Membership.filter(team_id=team.id)]
    )


async def watch(mutation: RandomMutation) -> None:
    (change,) = await mutation.lock_random_tickets()
    verb = mutation.random.choice([sharing.watch, sharing.unwatch])
    watchers = [each.user_id for each in await TicketWatcher.filter(ticket_id=change.ticket.id)]
    assert mutation.by.user_id is not None
    verb(change, mutation.by.user_id, watchers)


async def link(mutation: RandomMutation) -> None:
    await links.lock_links()
    change, other = await mutation.lock_random_tickets(2)
    kind = mutation.random.choice(list(LinkKind))
    ticket_id, other_id = change.ticket.id, other.ticket.id
    existing = await links.read_kinds(ticket_id, other_id)
    if mutation.random.random() < 0.3:
        link_commands.unlink(change, other, existing)
        return
    link_commands.link(
        change,
        other,
        kind,
        existing=existing,
        closes_cycle=await links.closes_cycle(ticket_id, other_id, kind),
    )


async def lock_family(mutation: RandomMutation, *roots: UUID) -> dict[UUID, list[TicketChange]]:
    """Begin changes of tickets, and of those that are merged into each of them."""
    members = await Ticket.filter(merged_into_id__in=roots).values_list("id", flat=True)
    locked = await lock_tickets([*roots, *cast("list[UUID]", members)])
    changes = {root: [mutation.change(locked[root])] for root in roots}
    for root in roots:
        late = await Ticket.filter(merged_into_id=root).order_by("id").select_for_update()
        known = {change.ticket.id for family in changes.values() for change in family}
        changes[root] += [mutation.change(each) for each in late if each.id not in known]
    return changes


async def merge(mutation: RandomMutation) -> None:
    chosen = mutation.random.sample(list(mutation.tickets), 2)
    families = await lock_family(mutation, *chosen)
    (change, *merged_into_this), (into, *merged_into_other) = (families[key] for key in chosen)
    everybody = [change, into, *merged_into_this, *merged_into_other]
    merging.merge(
        change,
        into,
        merged_into_this,
        merged_into_other,
        await read_participants(everybody),
        across_requesters=mutation.random.random() < 0.8,
    )


def single_ticket_step(
    verb: Callable[[TicketChange, Random], object],
) -> Callable[[RandomMutation], Awaitable[None]]:
    async def step(mutation: RandomMutation) -> None:
        (change,) = await mutation.lock_random_tickets()
        verb(change, mutation.random)

    return step


TAGS = ["vpn", "mail", "urgent", "new", "100%"]

STEPS: Mapping[str, Callable[[RandomMutation], Awaitable[None]]] = {
    "create": create,
    "update": update,
    "assign": assign,
    "transfer": transfer,
    "watch": watch,
    "link": link,
    "merge": merge,
    "start": single_ticket_step(lambda change, random: commands.start(change)),
    "await_customer": single_ticket_step(lambda change, random: commands.await_customer(change)),
    "hold": single_ticket_step(
        lambda change, random: commands.hold(
            change, random.choice([None, change.at + timedelta(hours=1)])
        )
    ),
    "resume": single_ticket_step(lambda change, random: commands.resume(change)),
    "resolve": single_ticket_step(
        lambda change, random: commands.resolve(change, "Switched it on.")
    ),
    "close": single_ticket_step(
        lambda change, random: commands.close(change, random.choice([None, *CloseReason]))
    ),
    "reopen": single_ticket_step(
        lambda change, random: commands.reopen(change, "It is off again.")
    ),
    "escalate": single_ticket_step(lambda change, random: commands.escalate(change, "too slow")),
    "rate": single_ticket_step(
        lambda change, random: rating.rate(
            change, random.randrange(1, 6), random.choice([None, "fine"])
        )
    ),
    "reply": single_ticket_step(
        lambda change, random: commands.reply(
            change, "Hello", is_from_customer=change.actor.is_customer
        )
    ),
    "add_note": single_ticket_step(
        lambda change, random: commands.add_note(change, "not for customers")
    ),
}


async def run_random_step(
    desk: Desk, name: str, random: Random, tickets: Sequence[UUID], at: datetime = NOON
) -> list[TicketChange] | None:
    """Run a random mutation in its own transaction; return its stored changes, or None if
    refused."""
    by = random.choice([desk.cora, desk.ada, desk.bill, desk.root])
    mutation = RandomMutation(desk, random, tickets, by, at)
    try:
        async with database.transaction():
            await STEPS[name](mutation)
            await write(*mutation.changes)
    except Refusal:
        return None
    return [change for change in mutation.changes if change.events]


async def run_processes(url: str, count: int, *arguments: str) -> list[object]:
    """Run `second_process.py` in several processes at once; return the JSON that each printed.

    OWN_SEED among the arguments becomes a separate seed for each process. Fails if one process
    fails.
    """
    script = str(Path(__file__).parent / "second_process.py")
    pipes = {
        "stdin": asyncio.subprocess.PIPE,
        "stdout": asyncio.subprocess.PIPE,
        "stderr": asyncio.subprocess.PIPE,
    }
    running: list[asyncio.subprocess.Process] = []
    try:
        async with asyncio.timeout(PROCESSES_SECONDS):
            for number in range(count):
                own = [
                    f"{SEED}:{number}" if argument == OWN_SEED else argument
                    for argument in arguments
                ]
                running.append(
                    await asyncio.create_subprocess_exec(sys.executable, script, url, *own, **pipes)
                )
            assert [await process.stdout.readline() for process in running] == [b"here\n"] * count
            ended = await asyncio.gather(*(process.communicate(b"go\n") for process in running))
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert [process.returncode for process in running] == [0] * count, "\n".join(
        errors.decode() for _, errors in ended
    )
    return [json.loads(output) for output, _ in ended]
