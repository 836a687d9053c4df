"""Live sets, moved on by what was touched alone, are what a whole reading finds; the steps told
lead from one to the next."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_tickets import RandomTickets, filters
from support.ticket_factory import IS_SQLITE, NOON, STEPS, Desk, limit_examples, run_random_step

import models.queries.running_stats
from models import database
from models.access.viewer import ANONYMOUS, Viewer
from models.changes import commands
from models.core import ids
from models.core.errors import TooExpensive
from models.database import fetch_dicts
from models.log.event import Event, EventType, read_head
from models.queries import live_list
from models.queries.filter import is_time_dependent, serialize_filter
from models.queries.live_list import ChangeKind, ListMembership, LiveListChange
from models.queries.running_stats import RunningStats, build_fact_columns
from models.queries.stats import Group, read_stats
from models.sla.clock import ClockStatus

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

MOST = 10_000


def applied(steps: list[LiveListChange], held: set[UUID]) -> set[UUID]:
    """What a client holds after the steps."""
    held = set(held)
    for each in steps:
        if each.kind is ChangeKind.REMOVED:
            held.discard(each.ticket_id)  # type: ignore[arg-type]
        elif each.ticket_id is not None:
            held.add(each.ticket_id)
    return held


async def keys() -> list[UUID]:
    return [
        database.as_uuid(row["id"])
        for row in await fetch_dicts("SELECT id FROM tickets ORDER BY number")
    ]


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement looks at two entries."""
    assert "LIMIT 100" in live_list.CHANGED_TICKETS_SQL
    monkeypatch.setattr(
        live_list,
        "CHANGED_TICKETS_SQL",
        live_list.CHANGED_TICKETS_SQL.replace("LIMIT 100", "LIMIT 2"),
    )


@pytest.mark.usefixtures("in_small_pieces")
@limit_examples(25 if IS_SQLITE else 8)
@given(data=st.data())
async def test_what_was_touched_is_all_that_moves_a_set_or_a_tally(
    pile: RandomTickets, data: st.DataObject
) -> None:
    desk = pile.desk
    if not IS_SQLITE:  # the pile was stored without drawing its numbers
        await fetch_dicts("SELECT setval('ticket_numbers', (SELECT MAX(number) FROM tickets))")
    viewer: Viewer = data.draw(st.sampled_from([*desk.customers, *desk.staff]))
    filter = data.draw(st.none() | filters(pile))
    group = data.draw(st.none() | st.sampled_from(Group))
    dice = Random(data.draw(st.integers(0, 10**6)))
    position, inside = await live_list.read_members(viewer, filter, NOON, MOST)
    tally = RunningStats(viewer, filter, group)
    assert await tally.read(NOON, MOST)
    middle = set(inside)
    for place in range(4):
        for _ in range(dice.randrange(1, 4)):
            await run_random_step(desk, dice.choice(list(STEPS)), dice, await keys())
        if place == 1:
            _, middle = await live_list.read_members(viewer, filter, NOON, MOST)
            joined = await read_head()
        end, standing = await live_list.read_memberships_since(viewer, filter, NOON, position)
        entries = await Event.filter(position__gt=position).order_by("position")
        assert set(standing) == {entry.ticket_id for entry in entries}
        steps = live_list.diff_events(entries, inside, standing, viewer)
        assert [each.position for each in steps] == sorted({each.position for each in steps})
        assert all(
            standing[each.ticket_id] is not ListMembership.NOT_VISIBLE or each.ticket_id in inside
            for each in steps
        )
        position, inside = end, applied(steps, inside)
        assert (end, inside) == await live_list.read_members(viewer, filter, NOON, MOST)
        if place >= 1:  # somebody who has the set of another position goes on with the same steps
            middle = applied([each for each in steps if each.position > joined], middle)
            assert middle == inside
        await tally.advance(NOON)
        assert await tally.build_stats() == await read_stats(viewer, filter, group, NOON)


async def test_who_joins_between_two_sets_goes_on_from_their_own_position(desk: Desk) -> None:
    """Whatever came and went between: the joiner holds a ticket that is in neither of the two."""
    ticket = await desk.raise_ticket()
    filter = {"escalationLevel": {"eq": 1}}
    position, inside = await live_list.read_members(desk.ada, filter, NOON, MOST)
    await desk.act(ticket, lambda change: commands.escalate(change, "1"))
    joined, held = await live_list.read_members(desk.ada, filter, NOON, MOST)
    assert held == {ticket.id}
    await desk.act(ticket, lambda change: commands.escalate(change, "2"))
    _, standing = await live_list.read_memberships_since(desk.ada, filter, NOON, position)
    entries = await Event.filter(position__gt=position).order_by("position")
    steps = live_list.diff_events(entries, inside, standing, desk.ada)
    assert applied([each for each in steps if each.position > joined], held) == set()


async def test_nothing_is_told_of_tickets_that_were_and_stay_outside(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    position, inside = await live_list.read_members(desk.ada, {"priority": {"eq": 4}}, NOON, MOST)
    await desk.act(ticket, lambda change: commands.assign(change, desk.ada.user))
    entries = await Event.filter(position__gt=position).order_by("position")
    assert len(entries) == 2
    _, standing = await live_list.read_memberships_since(
        desk.ada, {"priority": {"eq": 4}}, NOON, position
    )
    assert live_list.diff_events(entries, inside, standing, desk.ada) == []


async def test_a_strangers_tickets_are_told_to_nobody(desk: Desk) -> None:
    """Neither by an entry nor by several that may have brought it in and out."""
    position, inside = await live_list.read_members(desk.olga, None, NOON, MOST)
    ticket = await desk.raise_ticket(desk.cora)
    for level in ("1", "2"):
        await desk.act(ticket, lambda change, level=level: commands.escalate(change, level))
    entries = await Event.filter(position__gt=position).order_by("position")
    for viewer in (desk.olga, ANONYMOUS):
        _, standing = await live_list.read_memberships_since(viewer, None, NOON, position)
        assert standing == {ticket.id: ListMembership.NOT_VISIBLE}
        assert live_list.diff_events(entries, inside, standing, viewer) == []


async def test_an_entry_that_a_viewer_may_not_see_is_told_without_it(desk: Desk) -> None:
    ticket = await desk.raise_ticket(desk.cora)
    position, inside = await live_list.read_members(desk.cora, None, NOON, MOST)
    await desk.act(ticket, lambda change: commands.add_note(change, "for us"))
    await desk.act(ticket, lambda change: change.log(EventType.ESCALATION_STEP, internal=True))
    entries = await Event.filter(position__gt=position).order_by("position")
    for viewer, expected in ((desk.ada, [False, False]), (desk.cora, [True])):
        _, standing = await live_list.read_memberships_since(viewer, None, NOON, position)
        assert [
            each.hidden for each in live_list.diff_events(entries, inside, standing, viewer)
        ] == expected


async def test_a_search_looks_into_each_ticket_that_was_touched(desk: Desk) -> None:
    first, second, third = [await desk.raise_ticket(desk.cora) for _ in range(3)]
    await desk.act(first, lambda change: commands.reply(change, "a zebra", is_from_customer=False))
    await desk.act(second, lambda change: commands.add_note(change, "a zebra"))
    await desk.act(third, lambda change: commands.reply(change, "a horse", is_from_customer=False))
    for viewer, inside in ((desk.ada, {first.id, second.id}), (desk.cora, {first.id})):
        for filter, expected in (
            ({"search": "zeb"}, inside),
            ({"not": {"search": "zeb"}}, {first.id, second.id, third.id} - inside),
        ):
            _, standing = await live_list.read_memberships_since(viewer, filter, NOON, 0)
            assert {
                key for key, each in standing.items() if each is ListMembership.INSIDE
            } == expected
            assert (await live_list.read_members(viewer, filter, NOON, MOST))[1] == expected


async def test_the_oldest_open_ticket_is_found_after_it_ended_and_was_taken_up_again(
    desk: Desk,
) -> None:
    old = await desk.raise_ticket(at=NOON - timedelta(days=1))
    young = await desk.raise_ticket()
    tally = RunningStats(desk.ada, None, Group.TEAM)
    assert await tally.read(NOON, MOST)
    for verb, oldest in (
        (None, old),
        (lambda change: commands.resolve(change, "done"), young),
        (lambda change: commands.reopen(change, "again"), old),
        (lambda change: commands.escalate(change, "slow"), old),
    ):
        if verb:
            await desk.act(old, verb)
            await tally.advance(NOON)
        assert (await tally.build_stats()).oldest_open_at == oldest.created_at
        assert await tally.build_stats() == await read_stats(desk.ada, None, Group.TEAM, NOON)


async def test_the_heap_of_a_tally_does_not_grow_with_what_comes_and_goes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.queries.running_stats, "MIN_STALE_HEAP_ENTRIES", 3)
    ticket = await desk.raise_ticket()
    tally = RunningStats(desk.ada, None, None)
    assert await tally.read(NOON, MOST)
    for _ in range(12):
        for verb in (
            lambda change: commands.resolve(change, "done"),
            lambda change: commands.reopen(change, "again"),
        ):
            await desk.act(ticket, verb)
            await tally.advance(NOON)
    assert len(tally.open_heap) <= 2 + 3
    assert await tally.build_stats() == await read_stats(desk.ada, None, None, NOON)


async def test_a_set_that_is_too_large_is_refused(pile: RandomTickets) -> None:
    count = len(pile.facts)
    assert len((await live_list.read_members(pile.desk.ada, None, NOON, count))[1]) == count
    with pytest.raises(TooExpensive, match="narrow"):
        await live_list.read_members(pile.desk.ada, None, NOON, count - 1)
    assert not await RunningStats(pile.desk.ada, None, None).read(NOON, count - 1)


async def test_a_filter_is_timed_where_time_alone_can_move_it() -> None:
    day = timedelta(days=1)
    for timed in (
        {"createdAt": {"within": day}},
        {"or": [{"not": {"closedAt": {"olderThan": day}}}]},
    ):
        assert is_time_dependent(timed)
    for still in (
        None,
        {},
        {"createdAt": {"within": None, "gt": NOON}},
        {"subject": {"eq": "within"}},
        {"or": [{}]},
    ):
        assert not is_time_dependent(still)


async def test_filters_that_are_given_alike_have_one_text() -> None:
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
async def test_what_was_touched_is_found_by_keys_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    every: dict[str, object] = {
        "status": {"eq": "open"},
        "tags": {"some": ["a"], "every": ["a"], "none": ["b"]},
        "watcherId": {"null": False, "nin": [ids.encode(ids.USER, desk.ada.user_id)]},  # type: ignore[arg-type]
        "resource": {"kind": "server", "externalId": "s"},
        "sla": {"eq": ClockStatus.AT_RISK},
        "not": {"or": [{"search": "vpn"}, {"sla": {"eq": ClockStatus.BREACHED}}]},
    }
    asked: list[tuple[str, tuple[object, ...]]] = []

    async def noted(sql: str, params: tuple[object, ...] = ()) -> list[database.Row]:
        asked.append((sql, params))
        return await fetch_dicts(sql, params)

    monkeypatch.setattr(database, "fetch_dicts", noted)
    for viewer in (desk.ada, desk.carl):
        await live_list.read_changed_tickets(viewer, every, NOON, 0, build_fact_columns(Group.TEAM))
    assert len(asked) == 2
    for sql, params in asked:
        plan = [
            str(row["detail"]) for row in await fetch_dicts(f"EXPLAIN QUERY PLAN {sql}", params)
        ]
        scanned = {line.split()[1] for line in plan if line.startswith("SCAN")}
        assert scanned <= {"l", "h", "x", "p", "ticket_search", "message_search", "CONSTANT"}, plan
        assert any(line.startswith("SEARCH e") and "(position>?)" in line for line in plan), plan
