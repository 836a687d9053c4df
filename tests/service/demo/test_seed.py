"""Seeding: the stored tickets agree with the log, and no person is created twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from support.audit import check_events_rebuild

from demo import seed
from demo.seed import PASSWORD, seed_demo, seed_tickets
from models import database as db
from models.access.viewer import SYSTEM
from models.audit.directory_event import DirectoryEvent
from models.changes import sla_audit
from models.changes.storage import allocate_numbers
from models.log import event as log
from models.log.event import UNVERSIONED_EVENTS, Event
from models.people.password import PasswordChecker
from models.people.team import Membership
from models.people.user import ApiClient, Organization, Role, User
from models.queries.statistics import stats
from models.tickets.lifecycle import Status
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketTag, TicketWatcher

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def expect_consistency() -> None:
    """Check that replaying the log gives each stored ticket, and that the log has no gaps."""
    for ticket in await Ticket.all():
        await check_events_rebuild(ticket)
    events = await Event.all().order_by("position")
    positions = [each.position for each in (*events, *await DirectoryEvent.all())]
    assert sorted(positions) == list(range(1, await log.read_head() + 1))
    newest = {event.ticket_id: event for event in events if event.type not in UNVERSIONED_EVENTS}
    for ticket in await Ticket.all():
        event = newest[ticket.id]
        assert (event.version, event.occurred_at) == (ticket.version, ticket.updated_at)
    message_ids = {event.message_id for event in events if event.message_id}
    assert message_ids == {message.id for message in await Message.all()}
    await expect_tags_and_watchers(events)
    assert (await sla_audit.verify_all_tickets())[1] == [], "SLA clocks agree with the log"


async def expect_tags_and_watchers(events: list[Event]) -> None:
    """Check that tags and watchers are those of the newest event that changes them."""
    logged: dict[str, dict[object, object]] = {"tags": {}, "watchers": {}}
    for event in events:
        for name, values in logged.items():
            if name in event.changes:
                values[event.ticket_id] = sorted(event.changes[name][1])
    for ticket in await Ticket.all():
        tags = sorted(tag.name for tag in await TicketTag.filter(ticket_id=ticket.id))
        watchers = sorted(
            str(watcher.user_id) for watcher in await TicketWatcher.filter(ticket_id=ticket.id)
        )
        assert logged["tags"].get(ticket.id, []) == tags
        assert logged["watchers"].get(ticket.id, []) == watchers


async def test_the_demo_agrees_with_its_log(database: str) -> None:
    assert await seed_demo(NOW)
    assert await Ticket.all().count() == seed.DEMO_TICKETS
    await expect_consistency()


async def test_the_demo_shows_every_status(database: str) -> None:
    await seed_demo(NOW)
    counted = await stats.read_stats(SYSTEM, None, stats.GroupBy.STATUS, NOW)
    assert all(bucket.count >= 2 for bucket in counted.buckets), counted.buckets
    assert await Ticket.filter(merged_into_id__isnull=False).exists()
    assert await TicketLink.exists()
    assert await Ticket.filter(updated_at__gt=NOW).count() == 0


async def test_the_three_accounts_can_sign_in(database: str) -> None:
    await seed_demo(NOW)
    found = {
        user.email: user
        for user in await User.filter(password_hash__isnull=False).select_related("organization")
    }
    roles = {email: user.role for email, user in found.items()}
    assert roles == {
        "customer@example.com": Role.CUSTOMER,
        "agent@example.com": Role.AGENT,
        "admin@example.com": Role.ADMIN,
    }
    agent = found["agent@example.com"]
    assert await PasswordChecker().matches(PASSWORD, agent.password_hash, is_known=True)
    assert len({user.password_hash for user in found.values()}) == 1, "the password is hashed once"
    organization = found["customer@example.com"].organization
    assert organization is not None
    assert organization.shared


async def test_the_customer_and_the_agent_have_tickets(database: str) -> None:
    await seed_demo(NOW)
    customer, agent = (
        await User.get(email="customer@example.com"),
        await User.get(email="agent@example.com"),
    )
    own = Counter(ticket.status for ticket in await Ticket.filter(requester_id=customer.id))
    assert set(own) == set(Status)
    assert own.total() >= 8
    assert await Ticket.filter(assignee_id=agent.id, status__not=Status.CLOSED).count() >= 4
    teams = await Membership.filter(user_id=agent.id).values_list("team__slug", flat=True)
    assert list(teams) == ["support"]


async def test_each_team_has_agents(database: str) -> None:
    await seed_demo(NOW)
    counted = Counter(
        await Membership.filter(user__role=Role.AGENT).values_list("team__slug", flat=True)
    )
    assert counted == dict.fromkeys(("support", "sales", "billing"), seed.DEMO_AGENTS_PER_TEAM)


async def test_a_database_with_a_user_is_not_changed(database: str) -> None:
    await User.create(email="somebody@example.com", display_name="Somebody")
    assert not await seed_demo(NOW)
    assert await User.all().count() == 1
    assert await Ticket.all().count() == await log.read_head() == 0


async def test_a_second_call_adds_nothing(database: str) -> None:
    assert await seed_demo(NOW)
    assert not await seed_demo(NOW)
    assert await Ticket.all().count() == seed.DEMO_TICKETS


async def test_one_of_two_concurrent_calls_fills_the_database(database: str) -> None:
    assert sorted(await asyncio.gather(seed_demo(NOW), seed_demo(NOW))) == [False, True]
    assert await Ticket.all().count() == seed.DEMO_TICKETS


async def test_seeding_adds_the_requested_number_of_tickets(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed, "TICKETS_PER_TRANSACTION", 40)
    progress: list[int] = []
    assert await seed_tickets(100, NOW, progress.append) == 100
    assert progress == [40, 40, 20]
    assert await Ticket.all().count() == 100
    await expect_consistency()


async def test_seeding_no_tickets_adds_only_people(database: str) -> None:
    assert await seed_tickets(0, NOW, lambda _: None) == 0
    assert await Ticket.all().count() == 0


async def test_seeding_again_adds_tickets_but_no_agents(database: str) -> None:
    await seed_demo(NOW)
    await seed_tickets(60, NOW, lambda _: None)
    agents = await User.filter(role=Role.AGENT).count()
    assert agents == 3 * 10
    await seed_tickets(60, NOW + timedelta(hours=1), lambda _: None)
    assert await User.filter(role=Role.AGENT).count() == agents
    assert await Organization.all().count() == 1 + seed.DEMO_COMPANIES + 2 * seed.MIN_COMPANIES
    assert await Ticket.all().count() == seed.DEMO_TICKETS + 120
    assert await ApiClient.all().count() == 1
    await expect_consistency()


async def test_ticket_numbers_are_reserved_once_and_in_order(database: str) -> None:
    async with db.transaction():
        first = await allocate_numbers(3)
    assert first == list(range(first[0], first[0] + 3))
    await seed_tickets(10, NOW, lambda _: None)
    used = [ticket.number for ticket in await Ticket.all()]
    assert (await allocate_numbers(1))[0] > max(used)
    assert await allocate_numbers(0) == []
