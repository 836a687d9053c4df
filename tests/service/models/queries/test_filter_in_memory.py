"""A filter gives the same result in memory as in SQL, for all fields and operators."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import random_tickets
from support.random_tickets import RandomTickets, filters, lists
from support.ticket_factory import NOON, limit_examples

from models import database
from models.access.viewer import Viewer
from models.core.ids import USER, encode
from models.queries.filters.facts import FilterFacts, load_facts
from models.queries.filters.filter import FIELD_COMPILERS, FilterData, compile_both
from models.queries.filters.limits import FilterHints
from models.sla.clock import ClockStatus, Metric
from models.sla.records import SlaClock

CASES = ["ǅ", "İ", "ΣΑΣ", "ß", "ẞ", "ﬁ", "Ա", "ქ", "Ⅷ", "🦊", "e\u0301"]
"""Texts whose lower case is unusual."""


@pytest.fixture
async def with_clocks(sample: RandomTickets, random: Random) -> RandomTickets:
    """Random tickets, of which some have SLA clocks; filters may compare their status."""
    clocks = [
        SlaClock(
            ticket_id=fact.ticket.id,
            metric=metric,
            status=random.choice(list(ClockStatus)),
            terms="t",
            started_at=NOON,
        )
        for fact in sample.facts
        for metric in random.sample(list(Metric), random.randrange(3))
    ]
    await SlaClock.bulk_create(clocks)
    statuses = st.sampled_from(ClockStatus)
    comparisons = random_tickets.tests(eq=statuses, **{"in": lists(statuses)})
    sample.fields = {**sample.fields, "sla": comparisons}
    sample.names = sorted(sample.fields)
    return sample


async def find_in_sql(filter: FilterData, viewer: Viewer, *, few_tickets: bool) -> set[UUID]:
    condition = compile_both(
        filter, viewer, NOON, database.dialect(), FilterHints(few_tickets=few_tickets)
    ).sql
    rows = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE {condition.text}", condition.params
    )
    return {database.as_uuid(row["id"]) for row in rows}


def find_in_memory(
    filter: FilterData, viewer: Viewer, facts: Sequence[FilterFacts]
) -> tuple[set[UUID], set[UUID]]:
    """The tickets that match, and those that only a search in the database can decide."""
    matches = compile_both(filter, viewer, NOON, database.dialect()).matches
    outcomes = {each.id: matches(each) for each in facts}
    assert set(outcomes.values()) <= {True, False, None}
    matched = {key for key, outcome in outcomes.items() if outcome is True}
    return matched, {key for key, outcome in outcomes.items() if outcome is None}


def has_search(filter: object) -> bool:
    if isinstance(filter, dict):
        fields = cast("dict[str, object]", filter)
        text = fields.get("search")
        is_search = isinstance(text, str) and bool(text.strip())
        return is_search or any(has_search(each) for each in fields.values())
    return isinstance(filter, list) and any(map(has_search, cast("list[object]", filter)))


def test_random_filters_use_every_field(with_clocks: RandomTickets) -> None:
    assert set(FIELD_COMPILERS) | {"search"} == set(with_clocks.names)


@limit_examples(400)
@given(data=st.data())
async def test_memory_agrees_with_sql(with_clocks: RandomTickets, data: st.DataObject) -> None:
    sample = with_clocks
    filter = data.draw(filters(sample))
    viewer = data.draw(st.sampled_from([sample.desk.ada, sample.desk.cora]))
    facts = await load_facts([fact.ticket.id for fact in sample.facts])
    matched, undecided = find_in_memory(filter, viewer, facts)
    for few_tickets in (False, True):
        expected = await find_in_sql(filter, viewer, few_tickets=few_tickets)
        assert matched == expected - undecided
    if undecided:
        assert has_search(filter)


@limit_examples(200)
@given(data=st.data())
async def test_each_field_alone_agrees_with_sql(
    with_clocks: RandomTickets, data: st.DataObject
) -> None:
    sample = with_clocks
    name = data.draw(st.sampled_from(sorted(FIELD_COMPILERS)))
    filter = {name: data.draw(sample.fields[name])}
    viewer = data.draw(st.sampled_from([sample.desk.ada, sample.desk.cora]))
    facts = await load_facts([fact.ticket.id for fact in sample.facts])
    for each in (filter, {"not": filter}):
        expected = await find_in_sql(each, viewer, few_tickets=True)
        assert find_in_memory(each, viewer, facts) == (expected, set())


@pytest.mark.parametrize("operator", ["ieq", "icontains", "contains", "eq", "startsWith"])
async def test_unusual_letters_compare_alike(sample: RandomTickets, operator: str) -> None:
    tickets = [fact.ticket for fact in sample.facts[: len(CASES)]]
    for ticket, subject in zip(tickets, CASES, strict=True):
        await type(ticket).filter(id=ticket.id).update(subject=f"x{subject}")
    facts = await load_facts([ticket.id for ticket in tickets])
    keys = {ticket.id for ticket in tickets}
    for text in CASES:
        for operand in (f"x{text}", f"X{text.lower()}", f"x{text.upper()}", text.swapcase()):
            filter = {"subject": {operator: operand}}
            found = await find_in_sql(filter, sample.desk.ada, few_tickets=True)
            assert find_in_memory(filter, sample.desk.ada, facts) == (found & keys, set()), operand


async def test_a_search_is_left_open_only_where_it_decides(sample: RandomTickets) -> None:
    number = sample.facts[0].ticket.number
    facts = await load_facts([fact.ticket.id for fact in sample.facts])
    is_first: FilterData = {"number": {"eq": number}}
    search: FilterData = {"search": "vpn"}
    first, everything = {sample.facts[0].ticket.id}, {each.id for each in facts}
    cases: list[tuple[FilterData, set[UUID], set[UUID]]] = [
        (search, set(), everything),
        ({**search, **is_first}, set(), first),
        ({"or": [search, is_first]}, first, everything - first),
        ({"not": {**search, **is_first}}, everything - first, first),
        ({"not": {"or": [search, is_first]}}, set(), everything - first),
        ({"and": [{"not": search}, {"or": []}]}, set(), set()),
        ({"search": " "}, everything, set()),
        ({"search": "%"}, set(), set()),
    ]
    for filter, matched, undecided in cases:
        found = find_in_memory(filter, sample.desk.ada, facts)
        assert found == (matched, undecided), filter


async def test_facts_of_unknown_tickets_are_absent(sample: RandomTickets) -> None:
    unknown = UUID("01a207c7-61c7-7748-8a66-cce542632835")
    assert await load_facts([]) == []
    assert await load_facts([unknown]) == []
    known = sample.facts[0].ticket.id
    (facts,) = await load_facts([unknown, known])
    assert facts.id == known
    watchers = {encode(USER, key) for key in facts.watchers}
    assert watchers == {encode(USER, key) for key in sample.facts[0].watchers}
