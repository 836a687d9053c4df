"""Tags that few tickets have: the index of tags finds the tickets, with the same result."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import IS_SQLITE
from support.random_tickets import TAGS, RandomTickets, filters, matches_filter
from support.statements import statements
from support.ticket_factory import NOON, Desk, limit_examples

from models.access.viewer import Viewer
from models.access.visibility import can_see_ticket
from models.core.errors import BadRequest
from models.core.paging.pagination import PageRequest
from models.queries import search_plan
from models.queries.filters.limits import MAX_VALUES
from models.queries.ticket_search import find_tickets
from models.queries.tickets import build_ticket_order

pytestmark = pytest.mark.without_default_policies

NEWEST = build_ticket_order([])
PAGE = PageRequest(100, False, None, None)
FOUND_BY_TAG = "t.id IN (SELECT g.ticket_id FROM ticket_tags"


def some(*tags: str) -> Mapping[str, object]:
    return {"tags": {"some": list(tags)}}


async def find_numbers(viewer: Viewer, filter: Mapping[str, object]) -> list[int]:
    page = await (await find_tickets(viewer, filter, NEWEST, PAGE, NOON))
    assert await page.count_total() == len(page.rows)
    return sorted(ticket.number for ticket in page.rows)


@pytest.mark.never_retried
@limit_examples(60)
@given(tags=st.lists(st.sampled_from([*TAGS, "none"]), min_size=1, max_size=3), data=st.data())
async def test_rare_and_common_tags_find_the_same_tickets(
    sample: RandomTickets, tags: list[str], data: st.DataObject
) -> None:
    viewer = data.draw(st.sampled_from([*sample.desk.customers, *sample.desk.staff]))
    rest = data.draw(filters(sample, 1))
    comparisons = {**some(*tags)["tags"], "none": data.draw(st.lists(st.sampled_from(TAGS)))}  # type: ignore[dict-item]
    filter = {**rest, "tags": comparisons, "or": [some(tags[0]), rest]}
    expected = sorted(
        fact.ticket.number
        for fact in sample.facts_for(viewer)
        if can_see_ticket(viewer, fact.ticket)
        and matches_filter(fact, filter, notes=viewer.can_see_notes)
    )
    for rare in (0, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search_plan, "RARE_TICKETS", rare)
            assert await find_numbers(viewer, filter) == expected


@pytest.mark.skipif(not IS_SQLITE, reason="Postgres knows from its statistics which tags are rare")
async def test_the_index_of_tags_finds_the_tickets_of_a_rare_tag(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tags in (["vpn"], ["vpn", "mail"], ["vpn"]):
        await desk.raise_ticket(tags=tags)
    monkeypatch.setattr(search_plan, "RARE_TICKETS", 3)
    for filter, by_tag, count in (
        (some("vpn"), False, 3),
        (some("mail"), True, 1),
        (some("MAIL"), True, 1),
        (some("nothing"), True, 0),
        (some("mail", "nothing"), True, 1),
        (some("vpn", "nothing"), False, 3),
    ):
        with statements() as sent:
            assert len(await find_numbers(desk.ada, filter)) == count
        assert any(FOUND_BY_TAG in text for text in sent.texts) is by_tag, filter


async def test_a_customers_statements_do_not_depend_on_the_tags_of_others(desk: Desk) -> None:
    await desk.raise_ticket(by=desk.olga, tags=["vpn"])
    for viewer, count in ((desk.cora, 0), (desk.olga, 1)):
        with statements() as sent:
            assert len(await find_numbers(viewer, some("vpn"))) == count
        assert not any(FOUND_BY_TAG in text for text in sent.texts)


async def test_invalid_tags_are_refused(desk: Desk) -> None:
    for tags in (["\ud800"], ["\x00"], [f"tag-{n}" for n in range(MAX_VALUES + 1)]):
        with pytest.raises(BadRequest):
            await find_numbers(desk.ada, some(*tags))
    assert await find_numbers(desk.ada, some()) == []
