"""The demo of the first start, and seeding: what is stored is whole, and nobody is created twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from demo import fill
from demo.fill import PASSWORD, fill_demo, seed
from models import database as db
from models.access.permissions import SYSTEM
from models.changes import sla_audit
from models.changes.change import next_number, next_numbers, replay, stored
from models.log import event
from models.log.event import QUIET, Event
from models.people.password import Passwords
from models.people.team import Membership
from models.people.user import ApiClient, Organization, Role, User
from models.queries import stats
from models.tickets.lifecycle import Status
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketTag, TicketWatcher

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def expect_whole() -> None:
    """Every ticket is what its entries tell, and the log has no gaps."""
    for ticket in await Ticket.all():
        assert await replay(ticket) == stored(ticket)
    entries = await Event.all().order_by("position")
    assert [entry.position for entry in entries] == list(range(1, await event.head() + 1))
    newest = {entry.ticket_id: entry for entry in entries if entry.type not in QUIET}
    for ticket in await Ticket.all():
        assert (newest[ticket.id].version, newest[ticket.id].occurred_at) == (ticket.version, ticket.updated_at)
    assert {entry.message_id for entry in entries if entry.message_id} == {message.id for message in await Message.all()}
    await expect_attachments(entries)
    assert (await sla_audit.verify())[1] == [], "the clocks are what the log says"


async def expect_attachments(entries: list[Event]) -> None:
    """Tags and watchers are those that the newest entry about them tells."""
    told: dict[str, dict[object, object]] = {"tags": {}, "watchers": {}}
    for entry in entries:
        for name, values in told.items():
            if name in entry.changes:
                values[entry.ticket_id] = sorted(entry.changes[name][1])
    for ticket in await Ticket.all():
        tags = sorted(tag.name for tag in await TicketTag.filter(ticket_id=ticket.id))
        watchers = sorted(str(each.user_id) for each in await TicketWatcher.filter(ticket_id=ticket.id))
        assert told["tags"].get(ticket.id, []) == tags
        assert told["watchers"].get(ticket.id, []) == watchers


async def test_the_demo_is_whole(database: str) -> None:
    assert await fill_demo(NOW)
    assert await Ticket.all().count() == fill.DEMO_TICKETS
    await expect_whole()


async def test_the_demo_shows_every_status(database: str) -> None:
    await fill_demo(NOW)
    counted = await stats.stats(SYSTEM, None, stats.Group.STATUS, NOW)
    assert all(bucket.count >= 2 for bucket in counted.groups), counted.groups
    assert await Ticket.filter(merged_into_id__isnull=False).exists()
    assert await TicketLink.exists()
    assert await Ticket.filter(updated_at__gt=NOW).count() == 0


async def test_the_three_accounts_can_sign_in(database: str) -> None:
    await fill_demo(NOW)
    found = {user.email: user for user in await User.filter(password_hash__isnull=False).select_related("organization")}
    roles = {email: user.role for email, user in found.items()}
    assert roles == {"customer@example.com": Role.CUSTOMER, "agent@example.com": Role.AGENT, "admin@example.com": Role.ADMIN}
    assert await Passwords().matches(PASSWORD, found["agent@example.com"].password_hash)
    assert len({user.password_hash for user in found.values()}) == 1, "hashed once"
    organization = found["customer@example.com"].organization
    assert organization is not None
    assert organization.shared


async def test_the_accounts_find_something_to_do(database: str) -> None:
    await fill_demo(NOW)
    customer, agent = await User.get(email="customer@example.com"), await User.get(email="agent@example.com")
    own = Counter(ticket.status for ticket in await Ticket.filter(requester_id=customer.id))
    assert set(own) == set(Status)
    assert own.total() >= 8
    assert await Ticket.filter(assignee_id=agent.id, status__not=Status.CLOSED).count() >= 4
    teams = await Membership.filter(user_id=agent.id).values_list("team__slug", flat=True)
    assert list(teams) == ["support"]


async def test_each_team_has_agents(database: str) -> None:
    await fill_demo(NOW)
    counted = Counter(await Membership.filter(user__role=Role.AGENT).values_list("team__slug", flat=True))
    assert counted == dict.fromkeys(("support", "sales", "billing"), fill.DEMO_AGENTS)


async def test_a_database_with_a_user_is_left_alone(database: str) -> None:
    await User.create(email="somebody@example.com", display_name="Somebody")
    assert not await fill_demo(NOW)
    assert await User.all().count() == 1
    assert await Ticket.all().count() == await event.head() == 0


async def test_filling_twice_fills_once(database: str) -> None:
    assert await fill_demo(NOW)
    assert not await fill_demo(NOW)
    assert await Ticket.all().count() == fill.DEMO_TICKETS


async def test_of_two_that_fill_at_once_one_does(database: str) -> None:
    assert sorted(await asyncio.gather(fill_demo(NOW), fill_demo(NOW))) == [False, True]
    assert await Ticket.all().count() == fill.DEMO_TICKETS


async def test_seeding_adds_the_number_asked_for(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "CHUNK", 40)
    chunks: list[int] = []
    assert await seed(100, NOW, chunks.append) == 100
    assert chunks == [40, 40, 20]
    assert await Ticket.all().count() == 100
    await expect_whole()


async def test_seeding_none_adds_people_alone(database: str) -> None:
    assert await seed(0, NOW, lambda _: None) == 0
    assert await Ticket.all().count() == 0


async def test_seeding_again_adds_others_and_hires_nobody(database: str) -> None:
    await fill_demo(NOW)
    await seed(60, NOW, lambda _: None)
    agents = await User.filter(role=Role.AGENT).count()
    assert agents == 3 * 10
    await seed(60, NOW + timedelta(hours=1), lambda _: None)
    assert await User.filter(role=Role.AGENT).count() == agents
    assert await Organization.all().count() == 1 + fill.DEMO_COMPANIES + 2 * fill.FEWEST_COMPANIES
    assert await Ticket.all().count() == fill.DEMO_TICKETS + 120
    assert await ApiClient.all().count() == 1
    await expect_whole()


async def test_numbers_are_reserved_in_order_and_once(database: str) -> None:
    async with db.transaction():
        first = await next_numbers(3)
    assert first == list(range(first[0], first[0] + 3))
    await seed(10, NOW, lambda _: None)
    taken = [ticket.number for ticket in await Ticket.all()]
    found = await next_number()
    assert found > max(taken)
    assert await next_numbers(0) == []
