"""Searches for frequent words: the same results as a plain reference, by bounded work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import IS_SQLITE
from support.loop_limits import count_pages
from support.random_tickets import RandomTickets, filters, matches_filter
from support.statements import statements
from support.ticket_factory import NOON, Desk, limit_examples
from support.work import count_plan_rows, explain_analyze, measure_work

from models import database
from models.access.viewer import Viewer
from models.access.visibility import can_see_ticket
from models.changes import commands
from models.changes.storage import allocate_numbers
from models.core.paging.ordering import Order
from models.core.paging.pagination import PageRequest
from models.core.query_cost import CHARGE
from models.queries import live_list, search_plan, ticket_search, tickets
from models.queries.filters.filter import FilterData
from models.queries.logs import event_log
from models.queries.logs.event_log import EventFilter
from models.queries.statistics import stats
from models.queries.statistics.running_stats import RunningStats
from models.queries.ticket_search import find_tickets
from models.queries.tickets import build_ticket_order, list_tickets
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies

FIRST = PageRequest(10, False, None, None)
NEWEST = build_ticket_order([])
SEARCHES = ["v", "e", "e d", "vpn", "vpn mail", "down v", "zebra", "zebra e", "TKT-1003 e", "??"]
searches = st.sampled_from(SEARCHES).map(lambda text: {"search": text})
limits = st.tuples(*[st.sampled_from(sizes) for sizes in ((1, 5, 1000), (0, 5, 1000), (1, 20))])
"""Of frequent rows, few tickets and scanned tickets: below and above the numbers in the sample."""


@contextmanager
def limits_set(frequent_rows: int, few_tickets: int, scanned_tickets: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_plan, "FREQUENT_ROWS", frequent_rows)
        patch.setattr(search_plan, "FEW_TICKETS", few_tickets)
        patch.setattr(ticket_search, "SCANNED_TICKETS", scanned_tickets)
        yield


@st.composite
def filters_with_searches(draw: st.DrawFn, sample: RandomTickets) -> FilterData:
    """One or two searches, alone or with other conditions, at any place of the filter."""
    one, other = draw(searches), draw(searches | filters(sample, 1))
    forms: list[FilterData] = [
        one,
        {**other, **one},
        {"and": [one, other]},
        {"or": [one, other]},
        {"not": one},
        {**one, "not": other},
        {"not": {"or": [{"not": one}, other]}},
    ]
    return draw(st.sampled_from(forms))


def expect_tickets(sample: RandomTickets, viewer: Viewer, filter: FilterData) -> list[Ticket]:
    return [
        fact.ticket
        for fact in sample.facts_for(viewer)
        if can_see_ticket(viewer, fact.ticket)
        and matches_filter(fact, filter, notes=viewer.can_see_notes)
    ]


async def read_pages(
    viewer: Viewer, filter: FilterData, order: Order, size: int, *, backward: bool
) -> list[int]:
    """The numbers of all tickets, read page by page from the beginning or from the end."""
    numbers: list[int] = []
    cursor: str | None = None
    for count in count_pages():
        bounds = (None, cursor) if backward else (cursor, None)
        request = PageRequest(size, backward, *bounds)
        page = await (await find_tickets(viewer, filter, order, request, NOON))
        read = [ticket.number for ticket in page.rows]
        numbers = [*read, *numbers] if backward else [*numbers, *read]
        is_first = cursor is None
        assert await (page.has_next() if backward else page.has_previous()) is not is_first, count
        if not await (page.has_previous() if backward else page.has_next()):
            assert await page.count_total() == len(numbers)
            break
        cursor = page.cursors[0 if backward else -1]
    return numbers


@pytest.mark.never_retried
@limit_examples(80)
@given(size=st.integers(1, 20), backward=st.booleans(), limits=limits, data=st.data())
async def test_pages_of_searches_join_to_the_whole_list(
    sample: RandomTickets,
    size: int,
    backward: bool,
    limits: tuple[int, int, int],
    data: st.DataObject,
) -> None:
    viewer = data.draw(st.sampled_from([sample.desk.ada, sample.desk.cora, sample.desk.olga]))
    filter = data.draw(filters_with_searches(sample))
    attribute = data.draw(st.sampled_from(["number", "updated_at", "priority"]))
    descending = data.draw(st.booleans())
    order = build_ticket_order([(attribute, descending)])
    expected = sorted(
        expect_tickets(sample, viewer, filter),
        key=lambda ticket: (getattr(ticket, attribute), ticket.id),
        reverse=descending,
    )
    with limits_set(*limits):
        read = await read_pages(viewer, filter, order, size, backward=backward)
    assert read == [ticket.number for ticket in expected]


@pytest.mark.never_retried
@limit_examples(40)
@given(limits=limits, data=st.data())
async def test_all_reads_of_a_search_find_the_same_tickets(
    sample: RandomTickets, limits: tuple[int, int, int], data: st.DataObject
) -> None:
    viewer = data.draw(st.sampled_from([sample.desk.ada, sample.desk.cora, sample.desk.olga]))
    filter = data.draw(filters_with_searches(sample))
    expected = {ticket.id for ticket in expect_tickets(sample, viewer, filter)}
    with limits_set(*limits):
        _, members = await live_list.read_members(viewer, filter, NOON, 100)
        counted = await stats.read_stats(viewer, filter, stats.GroupBy.STATUS, NOON)
        running = RunningStats(viewer, filter, None)
        assert await running.read(NOON, 100)
    ids = [ticket.id for ticket in await Ticket.all()]
    assert await tickets.filter_visible(viewer, ids, filter, NOON) == expected
    assert members == expected
    assert set(running.facts_by_ticket) == expected
    assert counted.total == len(expected)


@pytest.mark.never_retried
@limit_examples(40)
@given(text=st.sampled_from(SEARCHES), size=st.integers(1, 20), limits=limits)
async def test_relevance_is_the_same_with_each_plan(
    sample: RandomTickets, text: str, size: int, limits: tuple[int, int, int]
) -> None:
    order, filter = build_ticket_order([("relevance", True)]), {"search": text}
    every = PageRequest(100, False, None, None)
    page = await list_tickets(sample.desk.ada, filter, order, every, NOON)
    with limits_set(*limits):
        read = await read_pages(sample.desk.ada, filter, order, size, backward=False)
    assert read == [ticket.number for ticket in page.rows]


async def test_a_page_is_full_although_tickets_changed_after_it_was_planned(desk: Desk) -> None:
    old = [await desk.raise_ticket(subject="Mail vx") for _ in range(3)]
    new = [await desk.raise_ticket(subject="Mail vx") for _ in range(3)]
    order, request = build_ticket_order([("number", True)]), PageRequest(2, False, None, None)
    with limits_set(1, 0, 3):
        query = await find_tickets(desk.ada, {"search": "vx"}, order, request, NOON)
    for ticket in new:
        await desk.act(
            ticket, lambda change: commands.update(change, current_tags=[], subject="Other")
        )
    page = await query
    assert [ticket.number for ticket in page.rows] == [old[2].number, old[1].number]
    assert await page.has_next()


# Work


async def store_tickets(desk: Desk, count: int) -> None:
    """Tickets that all have the word `vpn`, without events and messages."""
    numbers = await allocate_numbers(count)
    async with database.transaction():
        await Ticket.bulk_create([desk.unsaved_ticket(number) for number in numbers])


async def measure_page(desk: Desk, path: str, *, planned: bool) -> int:
    """The work for the first page of a search for a word that all tickets have."""
    filter: FilterData = {"search": "vpn"}
    with statements() as sent:
        if planned:
            page = await (await find_tickets(desk.ada, filter, NEWEST, FIRST, NOON))
        else:
            page = await list_tickets(desk.ada, filter, NEWEST, FIRST, NOON)
    assert len(page.rows) == 10
    return await measure_work(sent.sent, path)


async def test_a_page_of_a_frequent_word_takes_the_same_work_among_more_tickets(
    desk: Desk, url: str
) -> None:
    path = url.removeprefix("sqlite:///")
    with limits_set(50, 50, 50):
        await store_tickets(desk, 100)
        by_index, planned = [
            [await measure_page(desk, path, planned=each)] for each in (False, True)
        ]
        await store_tickets(desk, 300)
        by_index.append(await measure_page(desk, path, planned=False))
        planned.append(await measure_page(desk, path, planned=True))
    assert by_index[1] > 2 * by_index[0], "the measure shows the work of collecting all tickets"
    assert planned[1] < 1.2 * planned[0]


@pytest.mark.skipif(IS_SQLITE, reason="SQLite always uses the index of the team")
async def test_a_team_without_tickets_is_not_searched_for_in_all_tickets(desk: Desk) -> None:
    await store_tickets(desk, 3000)
    await database.connection().execute_query("ANALYZE")
    with statements() as sent:
        filter: FilterData = {"team": {"eq": "nobody"}}
        await (await find_tickets(desk.ada, filter, NEWEST, FIRST, NOON))
    (statement,) = sent.sent
    assert count_plan_rows(await explain_analyze(*statement, "seqscan"), "t") == 0


@pytest.mark.skipif(IS_SQLITE, reason="SQLite finds the tickets with the rare word first anyway")
async def test_the_tickets_of_a_rare_word_are_found_before_those_of_a_frequent_one(
    desk: Desk,
) -> None:
    """Not all tickets with the frequent word are read until one has the rare word."""
    filter: FilterData = {"search": "vpn xylophone"}
    await store_tickets(desk, 3000)
    await database.connection().execute_query("ANALYZE")
    with statements() as sent:
        page = await (await find_tickets(desk.ada, filter, NEWEST, FIRST, NOON))
    assert page.rows == []
    _, (text, values) = sent.sent  # the first one counts the words
    assert count_plan_rows(await explain_analyze(text, values, "seqscan"), "t") == 0


async def test_customers_search_only_their_own_tickets(desk: Desk) -> None:
    own = await desk.raise_ticket(by=desk.olga)
    with limits_set(1, 10, 10), statements() as sent:
        await store_tickets(desk, 20)
        before = len(sent)
        page = await (await find_tickets(desk.olga, {"search": "vpn"}, NEWEST, FIRST, NOON))
        assert [ticket.number for ticket in page.rows] == [own.number]
        assert await page.count_total() == 1
    # One counts the customer's tickets; two read the page and the total.
    assert len(sent) - before == 3
    assert all("UNION" not in text for text in sent.texts)


async def test_a_search_for_a_rare_word_takes_one_more_statement(desk: Desk) -> None:
    await store_tickets(desk, 3)
    with statements() as sent:
        page = await (await find_tickets(desk.ada, {"search": "vpn a"}, NEWEST, FIRST, NOON))
        assert page.rows == []
    assert len(sent) == 2


async def test_an_event_is_matched_without_collecting_all_tickets_with_the_word(
    desk: Desk,
) -> None:
    ticket = await desk.raise_ticket()
    with statements() as sent:
        found = await tickets.filter_visible(desk.ada, [ticket.id], {"search": "vpn"}, NOON)
    assert found == {ticket.id}
    assert all("UNION" not in text for text in sent.texts)


# Cost


@pytest.fixture
def charged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What the current operation is charged for its work; a row of the index costs 1 point."""
    monkeypatch.setattr(search_plan, "ROWS_PER_POINT", 1)
    charges = list[int]()
    token = CHARGE.set(charges.append)
    yield charges
    CHARGE.reset(token)


async def test_only_the_collection_of_frequent_words_is_charged(
    desk: Desk, charged: list[int]
) -> None:
    await store_tickets(desk, 30)
    frequent, rare = {"search": "vpn"}, {"search": "vpn xylophone"}
    by_relevance = build_ticket_order([("relevance", True)])
    with limits_set(20, 20, 20):
        page = await (await find_tickets(desk.ada, frequent, NEWEST, FIRST, NOON))
        await (await find_tickets(desk.ada, rare, by_relevance, FIRST, NOON))
        await stats.read_stats(desk.ada, rare, None, NOON)
        await stats.read_stats(desk.olga, frequent, None, NOON)
        assert charged == []
        assert await page.count_total() == 30
        assert charged == [30]
        await (await find_tickets(desk.ada, frequent, by_relevance, FIRST, NOON))
        await (await find_tickets(desk.ada, {"not": frequent}, NEWEST, FIRST, NOON))
        await stats.read_stats(desk.ada, frequent, None, NOON)
        await live_list.read_members(desk.ada, frequent, NOON, 100)
        await RunningStats(desk.ada, frequent, None).read(NOON, 100)
        await event_log.list_events(desk.ada, EventFilter(), frequent, FIRST, NOON)
    assert charged == [30] * 7


@pytest.mark.never_retried
async def test_the_charge_of_a_customer_depends_on_no_other_tickets(
    desk: Desk, charged: list[int]
) -> None:
    for _ in range(3):
        await desk.raise_ticket(by=desk.olga)
    await store_tickets(desk, 30)
    with limits_set(20, 2, 2):
        for text in ("vpn", "xylophone", "v", "noon vpn"):
            page = await (await find_tickets(desk.olga, {"search": text}, NEWEST, FIRST, NOON))
            assert await page.count_total() == len(page.rows)
    assert charged == [3, 3, 3, 6]
    with limits_set(20, 3, 2):
        await find_tickets(desk.olga, {"search": "vpn"}, NEWEST, FIRST, NOON)
    assert len(charged) == 4


async def test_the_charge_for_a_word_has_a_maximum(
    desk: Desk, charged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_plan, "MAX_CHARGED_ROWS", 25)
    await store_tickets(desk, 30)
    with limits_set(20, 20, 20):
        await stats.read_stats(desk.ada, {"search": "vpn down"}, None, NOON)
    assert charged == [50]
