"""Statistics agree with a count of the same tickets in Python, at the head of the log."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_tickets import RandomTickets, TicketFacts, filters, matches_filter
from support.ticket_factory import NOON, Desk, limit_examples

from models.access.viewer import ANONYMOUS, Viewer
from models.access.visibility import can_see_ticket
from models.changes import commands
from models.core import ids
from models.core.errors import BadRequest
from models.log import event
from models.queries.statistics.stats import read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.tickets.lifecycle import STAGES, Priority, Stage, Status
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies

FIXED_GROUPS = {GroupBy.STATUS: Status, GroupBy.STAGE: Stage, GroupBy.PRIORITY: Priority}
Keys = list[tuple[str, str]]


def buckets_of(desk: Desk, fact: TicketFacts, group: GroupBy) -> Keys:
    """Key and label of each bucket that a ticket belongs in."""
    ticket = fact.ticket
    if group is GroupBy.TAG:
        return [(tag, tag) for tag in fact.tags]
    if group is GroupBy.CATEGORY:
        return [(fact.category, desk.categories[fact.category].name)]
    if group is GroupBy.TEAM:
        return [(fact.team, desk.teams[fact.team].name)]
    if group is GroupBy.ASSIGNEE:
        names = {each.user_id: each.user.display_name for each in desk.staff if each.user}
        if ticket.assignee_id is None:
            return [("unassigned", "Unassigned")]
        return [(ids.encode(ids.USER, ticket.assignee_id), names[ticket.assignee_id])]
    if group is GroupBy.ORGANIZATION:
        if ticket.organization_id is None:
            return [("none", "No organization")]
        users = [each.user for each in desk.customers if each.user]
        [name] = {
            user.organization.name
            for user in users
            if user.organization_id == ticket.organization_id and user.organization
        }
        return [(ids.encode(ids.ORGANIZATION, ticket.organization_id), name)]
    value = {
        GroupBy.STATUS: ticket.status,
        GroupBy.STAGE: STAGES[ticket.status],
        GroupBy.PRIORITY: ticket.priority,
    }[group]
    return [(value.name, value.name.replace("_", " ").capitalize())]


@pytest.mark.never_retried
@limit_examples(80)
@given(data=st.data())
async def test_statistics_agree_with_a_count_in_python(
    sample: RandomTickets, data: st.DataObject
) -> None:
    desk = sample.desk
    viewer: Viewer = data.draw(st.sampled_from([*desk.customers, *desk.staff]))
    filter = data.draw(st.none() | filters(sample))
    group = data.draw(st.none() | st.sampled_from([each for each in GroupBy if not is_time(each)]))
    statistics = await read_stats(viewer, filter, group, NOON)
    facts = [
        fact
        for fact in sample.facts_for(viewer)
        if can_see_ticket(viewer, fact.ticket)
        and matches_filter(fact, filter or {}, notes=viewer.can_see_notes)
    ]
    still_open = [fact.ticket for fact in facts if STAGES[fact.ticket.status] is not Stage.CLOSURE]
    assert statistics.total == len(facts)
    assert statistics.open == len(still_open)
    assert statistics.unassigned == sum(ticket.assignee_id is None for ticket in still_open)
    assert statistics.oldest_open_at == min(
        (ticket.created_at for ticket in still_open), default=None
    )
    assert statistics.remainder is None
    if group is None:
        assert statistics.buckets == ()
        return
    created: Counter[tuple[str, str]] = Counter()
    resolved: Counter[tuple[str, str]] = Counter()
    closed: Counter[tuple[str, str]] = Counter()
    for fact in facts:
        for bucket in buckets_of(desk, fact, group):
            created[bucket] += 1
            resolved[bucket] += fact.ticket.resolved_at is not None
            closed[bucket] += fact.ticket.closed_at is not None
    names = [(bucket.key, bucket.label) for bucket in statistics.buckets]
    if group in FIXED_GROUPS:
        assert [key for key, _ in names] == [each.name for each in FIXED_GROUPS[group]]
    else:
        assert names == sorted(created, key=lambda name: (-created[name], name[1], name[0]))
    assert [
        (bucket.count, bucket.created, bucket.resolved, bucket.closed)
        for bucket in statistics.buckets
    ] == [(created[name], created[name], resolved[name], closed[name]) for name in names]


def is_time(group: GroupBy) -> bool:
    return group in (GroupBy.DAY, GroupBy.HOUR)


async def test_an_empty_database_has_statistics_of_0_at_position_0(desk: Desk) -> None:
    statistics = await read_stats(desk.ada, None, GroupBy.STATUS, NOON)
    assert (
        statistics.position,
        statistics.total,
        statistics.open,
        statistics.unassigned,
        statistics.oldest_open_at,
    ) == (
        0,
        0,
        0,
        0,
        None,
    )
    assert [(bucket.key, bucket.count) for bucket in statistics.buckets] == [
        (status.name, 0) for status in Status
    ]
    assert list((await read_stats(desk.ada, None, GroupBy.ASSIGNEE, NOON)).buckets) == []


async def test_statistics_have_the_position_of_the_head(desk: Desk) -> None:
    first = await desk.raise_ticket()
    await desk.act(first, commands.start)
    for viewer, total in ((desk.ada, 1), (desk.olga, 0), (ANONYMOUS, 0)):
        for group in (None, *GroupBy):
            statistics = await read_stats(viewer, None, group, NOON)
            assert statistics.position == await event.read_head() == 2
            assert statistics.total == total


async def test_statistics_and_their_position_are_of_one_instant(desk: Desk) -> None:
    """While tickets are created, each with one event, the total equals the position."""

    async def create_many() -> None:
        for _ in range(10):
            await desk.raise_ticket()

    writers = asyncio.gather(*(create_many() for _ in range(3)))
    totals: list[int] = []
    while not writers.done():
        statistics = await read_stats(desk.ada, None, GroupBy.TEAM, NOON)
        assert statistics.total == statistics.position
        totals.append(statistics.total)
    await writers
    assert totals == sorted(totals)
    assert await Ticket.all().count() == await event.read_head() == 30


async def test_an_invalid_filter_is_refused(desk: Desk) -> None:
    with pytest.raises(BadRequest):
        await read_stats(desk.ada, {"subject": {"eq": "\x00"}}, None, NOON)
