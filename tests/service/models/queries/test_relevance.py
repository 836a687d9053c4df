"""Tickets by relevance: the classes, their order, and keyset pages of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.ticket_factory import NOON, Desk

from models.access.viewer import Viewer
from models.changes import commands
from models.core.errors import BadRequest, CursorInvalid
from models.core.paging.pagination import PageRequest
from models.queries import tickets
from models.queries.filters.filter import FilterData
from models.queries.tickets import build_ticket_order

BEST_FIRST = [("relevance", True)]


async def read_page(
    viewer: Viewer,
    filter: FilterData | None,
    sorts: list[tuple[str, bool]],
    page_request: PageRequest | None = None,
) -> tuple[list[int], list[str]]:
    """The numbers and cursors of a page."""
    request = page_request or PageRequest(100, False, None, None)
    page = await tickets.list_tickets(viewer, filter, build_ticket_order(sorts), request, NOON)
    return [ticket.number for ticket in page.rows], list(page.cursors)


async def raise_tickets(desk: Desk) -> list[int]:
    """Tickets that match `vpn 1008`, from the most to the least relevant, and one that doesn't."""
    later = NOON + timedelta(hours=1)
    by_note = await desk.raise_ticket(subject="Mail", at=NOON)
    await desk.act(
        by_note, lambda change: commands.add_note(change, "vpn 1008"), at=later + timedelta(hours=3)
    )
    by_tags_and_text = await desk.raise_ticket(
        subject="Mail", description="error 1008", tags=["VPN"], at=NOON
    )
    by_text = await desk.raise_ticket(subject="Mail", description="VPN error 1008", at=later)
    by_tags = await desk.raise_ticket(subject="Error 1008", tags=["big VPN"], at=NOON)
    by_subject = await desk.raise_ticket(subject="VPN error 1008", at=NOON)
    by_subject_later = await desk.raise_ticket(subject="1008: VPNs", at=later)
    await desk.raise_ticket(subject="VPN")
    by_number = await desk.raise_ticket(subject="Mail", description="vpn", at=NOON)
    assert by_number.number == 1008
    ordered = [by_number, by_subject_later, by_subject, by_tags, by_note, by_text, by_tags_and_text]
    return [ticket.number for ticket in ordered]


async def test_number_then_subject_then_tags_then_text_then_the_last_change(desk: Desk) -> None:
    expected = await raise_tickets(desk)
    for query in ("vpn 1008", "1008 VPN", "ＶＰＮ TKT-1008"):
        numbers, _ = await read_page(desk.ada, {"search": query}, BEST_FIRST)
        assert numbers == expected, query
    numbers, _ = await read_page(desk.ada, {"search": "vpn 1008"}, [("relevance", False)])
    assert numbers == expected[::-1]


@pytest.mark.parametrize("descending", [True, False])
async def test_pages_by_relevance_join_to_the_whole_list(desk: Desk, descending: bool) -> None:
    expected = await raise_tickets(desk)
    sorts, search = [("relevance", descending)], {"search": "vpn 1008"}
    if not descending:
        expected.reverse()
    forward: list[int] = []
    cursor = None
    for _ in expected:
        numbers, cursors = await read_page(
            desk.ada, search, sorts, PageRequest(1, False, cursor, None)
        )
        forward += numbers
        cursor = cursors[0]
    assert forward == expected
    assert await read_page(desk.ada, search, sorts, PageRequest(1, False, cursor, None)) == ([], [])
    numbers, _ = await read_page(desk.ada, search, sorts, PageRequest(3, True, None, cursor))
    assert numbers == expected[-4:-1]


async def test_pages_by_relevance_know_their_total_and_neighbours(desk: Desk) -> None:
    expected = await raise_tickets(desk)
    order, search = build_ticket_order(BEST_FIRST), {"search": "vpn 1008"}
    _, cursors = await read_page(desk.ada, search, BEST_FIRST)
    page = await tickets.list_tickets(
        desk.ada, search, order, PageRequest(2, False, cursors[1], None), NOON
    )
    assert [ticket.number for ticket in page.rows] == expected[2:4]
    assert await page.count_total() == len(expected)
    assert (await page.has_next(), await page.has_previous()) == (True, True)


async def test_another_sort_can_follow_the_relevance(desk: Desk) -> None:
    expected = await raise_tickets(desk)
    numbers, cursors = await read_page(
        desk.ada, {"search": "vpn 1008"}, [*BEST_FIRST, ("number", False)]
    )
    assert numbers == [expected[0], *sorted(expected[1:3]), expected[3], *sorted(expected[4:])]
    with pytest.raises(CursorInvalid):
        await read_page(
            desk.ada, {"search": "vpn"}, BEST_FIRST, PageRequest(1, False, cursors[0], None)
        )


async def test_relevance_tells_customers_nothing_about_notes(desk: Desk) -> None:
    expected = await raise_tickets(desk)
    numbers, _ = await read_page(desk.cora, {"search": "vpn 1008"}, BEST_FIRST)
    assert numbers == [number for number in expected if number != 1001]


@pytest.mark.parametrize(
    "filter",
    [
        None,
        {},
        {"search": None},
        {"search": "  "},
        {"and": [{"search": "vpn"}]},
        {"not": {"search": "vpn"}},
    ],
)
async def test_relevance_needs_a_search(desk: Desk, filter: FilterData | None) -> None:
    with pytest.raises(BadRequest, match="RELEVANCE"):
        await read_page(desk.ada, filter, BEST_FIRST)


@pytest.mark.parametrize("query", ["??", "'", '"', "\\", "vpn' OR x", "a' OR 1=1", "$1 ? %"])
async def test_relevance_of_hostile_searches_is_no_error(desk: Desk, query: str) -> None:
    await desk.raise_ticket()
    numbers, _ = await read_page(desk.ada, {"search": query}, BEST_FIRST)
    assert numbers == []
