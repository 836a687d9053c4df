"""Figures: what a plain Python count of the same tickets gives, at the head of the log."""

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
from models.queries.stats import Group, read_stats
from models.tickets.lifecycle import STAGES, Priority, Stage, Status
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies

FIXED = {Group.STATUS: Status, Group.STAGE: Stage, Group.PRIORITY: Priority}


def key(desk: Desk, fact: TicketFacts, group: Group) -> tuple[str, str]:
    """Key and label of the bucket that a ticket belongs in."""
    ticket = fact.ticket
    if group is Group.CATEGORY:
        return fact.category, desk.categories[fact.category].name
    if group is Group.TEAM:
        return fact.team, desk.teams[fact.team].name
    if group is Group.ASSIGNEE:
        names = {each.user_id: each.user.display_name for each in desk.staff if each.user}
        if ticket.assignee_id is None:
            return "unassigned", "Unassigned"
        return ids.encode(ids.USER, ticket.assignee_id), names[ticket.assignee_id]
    value = {
        Group.STATUS: ticket.status,
        Group.STAGE: STAGES[ticket.status],
        Group.PRIORITY: ticket.priority,
    }[group]
    return value.name, value.name.replace("_", " ").capitalize()


@pytest.mark.never_retried
@limit_examples(80)
@given(data=st.data())
async def test_figures_are_those_of_a_plain_count(pile: RandomTickets, data: st.DataObject) -> None:
    desk = pile.desk
    viewer: Viewer = data.draw(st.sampled_from([*desk.customers, *desk.staff]))
    filter = data.draw(st.none() | filters(pile))
    group = data.draw(st.none() | st.sampled_from(Group))
    found = await read_stats(viewer, filter, group, NOON)
    facts = [
        fact
        for fact in pile.facts
        if can_see_ticket(viewer, fact.ticket)
        and matches_filter(fact, filter or {}, notes=viewer.can_see_notes)
    ]
    still_open = [fact.ticket for fact in facts if STAGES[fact.ticket.status] is not Stage.CLOSURE]
    assert found.total == len(facts)
    assert found.open == len(still_open)
    assert found.unassigned == sum(ticket.assignee_id is None for ticket in still_open)
    assert found.oldest_open_at == min((ticket.created_at for ticket in still_open), default=None)
    if group is None:
        assert list(found.groups) == []
        return
    counts = Counter(key(desk, fact, group) for fact in facts)
    if group in FIXED:
        assert [bucket.key for bucket in found.groups] == [each.name for each in FIXED[group]]
        assert {
            (bucket.key, bucket.label): bucket.count for bucket in found.groups if bucket.count
        } == counts
    else:
        expected = sorted(
            ((*names, count) for names, count in counts.items()),
            key=lambda each: (-each[2], each[1], each[0]),
        )
        assert [(bucket.key, bucket.label, bucket.count) for bucket in found.groups] == expected


async def test_an_empty_house_has_figures_of_0_at_the_head(desk: Desk) -> None:
    found = await read_stats(desk.ada, None, Group.STATUS, NOON)
    assert (found.position, found.total, found.open, found.unassigned, found.oldest_open_at) == (
        0,
        0,
        0,
        0,
        None,
    )
    assert [(bucket.key, bucket.count) for bucket in found.groups] == [
        (status.name, 0) for status in Status
    ]
    assert list((await read_stats(desk.ada, None, Group.ASSIGNEE, NOON)).groups) == []


async def test_figures_are_of_the_head_of_the_log(desk: Desk) -> None:
    first = await desk.raise_ticket()
    await desk.act(first, commands.start)
    for viewer, total in ((desk.ada, 1), (desk.olga, 0), (ANONYMOUS, 0)):
        for group in (None, *Group):
            found = await read_stats(viewer, None, group, NOON)
            assert found.position == await event.read_head() == 2
            assert found.total == total


async def test_figures_and_their_position_are_of_one_instant(desk: Desk) -> None:
    """While tickets are raised, each an entry of its own, the total is always the position's."""

    async def raise_many() -> None:
        for _ in range(10):
            await desk.raise_ticket()

    writers = asyncio.gather(*(raise_many() for _ in range(3)))
    seen: list[int] = []
    while not writers.done():
        found = await read_stats(desk.ada, None, Group.TEAM, NOON)
        assert found.total == found.position
        seen.append(found.total)
    await writers
    assert seen == sorted(seen)
    assert await Ticket.all().count() == await event.read_head() == 30


async def test_a_bad_filter_is_refused_here_as_well(desk: Desk) -> None:
    with pytest.raises(BadRequest):
        await read_stats(desk.ada, {"subject": {"eq": "\x00"}}, None, NOON)
