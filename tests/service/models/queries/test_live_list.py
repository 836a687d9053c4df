"""Live lists and running stats: updates from changed tickets agree with a full query.

The reported changes lead from one set of members to the next.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import IS_SQLITE
from support.random_tickets import RandomTickets, filters
from support.ticket_factory import NOON, STEPS, Desk, limit_examples, run_random_step

import models.queries.statistics.running_stats
from models import database
from models.access.viewer import ANONYMOUS, Viewer
from models.changes import commands
from models.core import ids
from models.core.errors import TooExpensive
from models.database import fetch_dicts
from models.log.event import Event, EventType, read_head
from models.queries import live_list
from models.queries.filters.filter import is_time_dependent, serialize_filter
from models.queries.live_list import ChangeKind, ListMembership, LiveListChange
from models.queries.statistics.running_stats import RunningStats
from models.queries.statistics.stats import read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.queries.statistics.ticket_facts import build_fact_columns
from models.sla.clock import ClockStatus

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

MAX_MEMBERS = 10_000


def apply_changes(changes: list[LiveListChange], members_held: set[UUID]) -> set[UUID]:
    """The members that a client has after the changes."""
    members_held = set(members_held)
    for each in changes:
        if each.kind is ChangeKind.REMOVED:
            members_held.discard(each.ticket_id)  # type: ignore[arg-type]
        elif each.ticket_id is not None:
            members_held.add(each.ticket_id)
    return members_held


async def ticket_ids() -> list[UUID]:
    return [
        database.as_uuid(row["id"])
        for row in await fetch_dicts("SELECT id FROM tickets ORDER BY number")
    ]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each statement reads two events."""
    monkeypatch.setattr(live_list, "EVENTS_PER_STATEMENT", 2)


@pytest.mark.usefixtures("small_batches")
@limit_examples(25 if IS_SQLITE else 8)
@given(data=st.data())
async def test_updates_from_changed_tickets_agree_with_a_full_query(
    sample: RandomTickets, data: st.DataObject
) -> None:
    desk = sample.desk
    if not IS_SQLITE:  # the sample was stored without the sequence of numbers
        await fetch_dicts("SELECT setval('ticket_numbers', (SELECT MAX(number) FROM tickets))")
    viewer: Viewer = data.draw(st.sampled_from([*desk.customers, *desk.staff]))
    filter = data.draw(st.none() | filters(sample))
    group = data.draw(st.none() | st.sampled_from(GroupBy))
    random = Random(data.draw(st.integers(0, 10**6)))
    position, members = await live_list.read_members(viewer, filter, NOON, MAX_MEMBERS)
    running = RunningStats(viewer, filter, group)
    assert await running.read(NOON, MAX_MEMBERS)
    late_members = set(members)
    for number in range(4):
        for _ in range(random.randrange(1, 4)):
            await run_random_step(desk, random.choice(list(STEPS)), random, await ticket_ids())
        if number == 1:
            _, late_members = await live_list.read_members(viewer, filter, NOON, MAX_MEMBERS)
            joined = await read_head()
        end, memberships = await live_list.read_memberships_since(viewer, filter, NOON, position)
        events = await Event.filter(position__gt=position).order_by("position")
        assert set(memberships) == {event.ticket_id for event in events}
        changes = live_list.diff_events(events, members, memberships, viewer)
        assert [each.position for each in changes] == sorted({each.position for each in changes})
        assert all(
            memberships[each.ticket_id] is not ListMembership.NOT_VISIBLE
            or each.ticket_id in members
            for each in changes
        )
        position, members = end, apply_changes(changes, members)
        assert (end, members) == await live_list.read_members(viewer, filter, NOON, MAX_MEMBERS)
        if number >= 1:  # a later subscriber continues with the same changes
            late_members = apply_changes(
                [each for each in changes if each.position > joined], late_members
            )
            assert late_members == members
        await running.advance(NOON)
        assert await running.build_stats() == await read_stats(viewer, filter, group, NOON)


async def test_a_late_subscriber_continues_from_its_own_position(desk: Desk) -> None:
    """The late subscriber has a ticket that is in neither of the two sets."""
    ticket = await desk.raise_ticket()
    filter = {"escalationLevel": {"eq": 1}}
    position, members = await live_list.read_members(desk.ada, filter, NOON, MAX_MEMBERS)
    await desk.act(ticket, lambda change: commands.escalate(change, "1"))
    joined, members_held = await live_list.read_members(desk.ada, filter, NOON, MAX_MEMBERS)
    assert members_held == {ticket.id}
    await desk.act(ticket, lambda change: commands.escalate(change, "2"))
    _, memberships = await live_list.read_memberships_since(desk.ada, filter, NOON, position)
    events = await Event.filter(position__gt=position).order_by("position")
    changes = live_list.diff_events(events, members, memberships, desk.ada)
    assert (
        apply_changes([each for each in changes if each.position > joined], members_held) == set()
    )


async def test_tickets_that_stay_outside_are_not_reported(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    position, members = await live_list.read_members(
        desk.ada, {"priority": {"eq": 4}}, NOON, MAX_MEMBERS
    )
    await desk.act(ticket, lambda change: commands.assign(change, desk.ada.user))
    events = await Event.filter(position__gt=position).order_by("position")
    assert len(events) == 2
    _, memberships = await live_list.read_memberships_since(
        desk.ada, {"priority": {"eq": 4}}, NOON, position
    )
    assert live_list.diff_events(events, members, memberships, desk.ada) == []


async def test_invisible_tickets_are_not_reported(desk: Desk) -> None:
    """Neither one event nor several events of a ticket are reported."""
    position, members = await live_list.read_members(desk.olga, None, NOON, MAX_MEMBERS)
    ticket = await desk.raise_ticket(desk.cora)
    for level in ("1", "2"):
        await desk.act(ticket, lambda change, level=level: commands.escalate(change, level))
    events = await Event.filter(position__gt=position).order_by("position")
    for viewer in (desk.olga, ANONYMOUS):
        _, memberships = await live_list.read_memberships_since(viewer, None, NOON, position)
        assert memberships == {ticket.id: ListMembership.NOT_VISIBLE}
        assert live_list.diff_events(events, members, memberships, viewer) == []


async def test_a_change_by_an_invisible_event_is_reported_without_it(desk: Desk) -> None:
    ticket = await desk.raise_ticket(desk.cora)
    position, members = await live_list.read_members(desk.cora, None, NOON, MAX_MEMBERS)
    await desk.act(ticket, lambda change: commands.add_note(change, "for us"))
    await desk.act(ticket, lambda change: change.log(EventType.ESCALATION_STEP, internal=True))
    events = await Event.filter(position__gt=position).order_by("position")
    for viewer, expected in ((desk.ada, [False, False]), (desk.cora, [True])):
        _, memberships = await live_list.read_memberships_since(viewer, None, NOON, position)
        assert [
            each.hidden for each in live_list.diff_events(events, members, memberships, viewer)
        ] == expected


async def test_a_search_is_evaluated_for_each_changed_ticket(desk: Desk) -> None:
    first, second, third = [await desk.raise_ticket(desk.cora) for _ in range(3)]
    await desk.act(first, lambda change: commands.reply(change, "a zebra", is_from_customer=False))
    await desk.act(second, lambda change: commands.add_note(change, "a zebra"))
    await desk.act(third, lambda change: commands.reply(change, "a horse", is_from_customer=False))
    for viewer, members in ((desk.ada, {first.id, second.id}), (desk.cora, {first.id})):
        for filter, expected in (
            ({"search": "zeb"}, members),
            ({"not": {"search": "zeb"}}, {first.id, second.id, third.id} - members),
        ):
            _, memberships = await live_list.read_memberships_since(viewer, filter, NOON, 0)
            assert {
                key for key, each in memberships.items() if each is ListMembership.INSIDE
            } == expected
            assert (await live_list.read_members(viewer, filter, NOON, MAX_MEMBERS))[1] == expected


async def test_running_stats_know_the_oldest_open_ticket_after_a_reopening(
    desk: Desk,
) -> None:
    older = await desk.raise_ticket(at=NOON - timedelta(days=1))
    newer = await desk.raise_ticket()
    running = RunningStats(desk.ada, None, GroupBy.TEAM)
    assert await running.read(NOON, MAX_MEMBERS)
    for command, oldest in (
        (None, older),
        (lambda change: commands.resolve(change, "done"), newer),
        (lambda change: commands.reopen(change, "again"), older),
        (lambda change: commands.escalate(change, "slow"), older),
    ):
        if command:
            await desk.act(older, command)
            await running.advance(NOON)
        assert (await running.build_stats()).oldest_open_at == oldest.created_at
        assert await running.build_stats() == await read_stats(desk.ada, None, GroupBy.TEAM, NOON)


async def test_the_heap_of_open_tickets_does_not_grow_with_changes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.queries.statistics.running_stats, "MIN_STALE_HEAP_ENTRIES", 3)
    ticket = await desk.raise_ticket()
    running = RunningStats(desk.ada, None, None)
    assert await running.read(NOON, MAX_MEMBERS)
    for _ in range(12):
        for command in (
            lambda change: commands.resolve(change, "done"),
            lambda change: commands.reopen(change, "again"),
        ):
            await desk.act(ticket, command)
            await running.advance(NOON)
    assert len(running.open_heap) <= 2 + 3
    assert await running.build_stats() == await read_stats(desk.ada, None, None, NOON)


async def test_a_list_with_too_many_tickets_is_refused(sample: RandomTickets) -> None:
    count = len(sample.facts)
    assert len((await live_list.read_members(sample.desk.ada, None, NOON, count))[1]) == count
    with pytest.raises(TooExpensive, match="narrow"):
        await live_list.read_members(sample.desk.ada, None, NOON, count - 1)
    assert not await RunningStats(sample.desk.ada, None, None).read(NOON, count - 1)


async def test_a_filter_with_relative_times_is_time_dependent() -> None:
    day = timedelta(days=1)
    for time_dependent in (
        {"createdAt": {"within": day}},
        {"or": [{"not": {"closedAt": {"olderThan": day}}}]},
    ):
        assert is_time_dependent(time_dependent)
    for independent in (
        None,
        {},
        {"createdAt": {"within": None, "gt": NOON}},
        {"subject": {"eq": "within"}},
        {"or": [{}]},
    ):
        assert not is_time_dependent(independent)


async def test_equal_filters_have_one_serialization() -> None:
    one = {
        "status": {"in": [ClockStatus.PAUSED]},
        "createdAt": {"gt": NOON, "within": None},
        "search": None,
    }
    assert serialize_filter(one) == serialize_filter(
        {"createdAt": {"gt": NOON}, "status": {"in": [ClockStatus.PAUSED]}}
    )
    assert serialize_filter(None) == serialize_filter({}) == serialize_filter({"search": None})
    different = [
        {"search": "a"},
        {"subject": {"eq": "a"}},
        {"not": {"search": "a"}},
        {"createdAt": {"within": timedelta(1)}},
    ]
    different += [
        {"createdAt": {"within": timedelta(2)}},
        {"or": []},
        {"and": []},
        {"number": {"eq": 1}},
        {"id": {"eq": "1"}},
    ]
    assert len({serialize_filter(each) for each in different}) == len(different)


@pytest.mark.skipif(
    not IS_SQLITE, reason="Postgres plans by the sizes of its tables, which are small in tests"
)
async def test_changed_tickets_are_read_by_index(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.ada.user_id is not None
    ada_id = ids.encode(ids.USER, desk.ada.user_id)
    every_field: dict[str, object] = {
        "status": {"eq": "open"},
        "tags": {"some": ["a"], "every": ["a"], "none": ["b"]},
        "watcherId": {"null": False, "nin": [ada_id]},
        "resource": {"kind": "server", "externalId": "s"},
        "sla": {"eq": ClockStatus.AT_RISK},
        "not": {"or": [{"search": "vpn"}, {"sla": {"eq": ClockStatus.BREACHED}}]},
    }
    statements: list[tuple[str, tuple[object, ...]]] = []

    async def record_statement(sql: str, params: tuple[object, ...] = ()) -> list[database.Row]:
        statements.append((sql, params))
        return await fetch_dicts(sql, params)

    monkeypatch.setattr(database, "fetch_dicts", record_statement)
    for viewer in (desk.ada, desk.carl):
        await live_list.read_changed_tickets(
            viewer, every_field, NOON, 0, build_fact_columns(GroupBy.TEAM)
        )
    assert len(statements) == 2
    for sql, params in statements:
        plan = [
            str(row["detail"]) for row in await fetch_dicts(f"EXPLAIN QUERY PLAN {sql}", params)
        ]
        scanned = {line.split()[1] for line in plan if line.startswith("SCAN")}
        searches = {"ticket_search", "message_search", "user_search"}
        assert scanned <= {"l", "h", "x", "p", "CONSTANT"} | searches, plan
        assert any(line.startswith("SEARCH e") and "(position>?)" in line for line in plan), plan
