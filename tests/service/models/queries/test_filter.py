"""TicketFilter: filters in SQL agree with filters in Python, and a negation finds the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_tickets import RandomTickets, filters, matches_filter
from support.ticket_factory import NOON, limit_examples, viewer

from models import database
from models.access.viewer import Viewer
from models.access.visibility import can_see_ticket
from models.core import ids
from models.core.errors import BadRequest
from models.core.paging.pagination import PageRequest
from models.database import Dialect
from models.queries import tickets
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.filters.limits import MAX_CONDITIONS, MAX_LEVELS, MAX_VALUES, MAX_WORDS
from models.queries.statistics.stats import read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.tickets.ticket import Ticket

UNUSED_UUID = "01a207c7-61c7-7748-8a66-cce542632835"
INVALID_IDS = [
    "",
    "x",
    "tkt_",
    "tkt_1",
    f"usr_{UNUSED_UUID}",
    f"tkt_{UNUSED_UUID}",
    "tkt_0",
    "'; DROP TABLE tickets; --",
    "🦊",
]
DIALECTS: list[Dialect] = ["sqlite", "postgres"]


async def matches(filter: FilterData | None, viewer: Viewer) -> set[UUID]:
    condition = compile_filter(filter, viewer, NOON, database.dialect())
    found = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE {condition.text}", condition.params
    )
    assert len(found) == len({row["id"] for row in found})
    return {database.as_uuid(row["id"]) for row in found}


@limit_examples(150)
@given(data=st.data())
async def test_sql_agrees_with_python_and_a_negation_finds_the_rest(
    sample: RandomTickets, data: st.DataObject
) -> None:
    filter = data.draw(filters(sample))
    expected = {fact.ticket.id for fact in sample.facts if matches_filter(fact, filter)}
    assert await matches(filter, sample.desk.ada) == expected
    assert (
        await matches({"not": filter}, sample.desk.ada)
        == {fact.ticket.id for fact in sample.facts} - expected
    )


async def test_a_filter_without_conditions_finds_everything(sample: RandomTickets) -> None:
    assert len(await matches(None, sample.desk.ada)) == len(sample.facts)
    for filter in (
        {},
        {"and": []},
        {"and": [{}]},
        {"or": [{}]},
        {"subject": None},
        {"subject": {}},
        {"subject": {"eq": None}},
    ):
        assert len(await matches(filter, sample.desk.ada)) == len(sample.facts), filter
        assert await matches({"not": filter}, sample.desk.ada) == set(), filter


async def test_an_empty_list_of_values_finds_nothing(sample: RandomTickets) -> None:
    for filter in (
        {"or": []},
        {"status": {"in": []}},
        {"tags": {"some": []}},
        {"watcherId": {"in": []}},
        {"id": {"eq": "x"}},
    ):
        assert await matches(filter, sample.desk.ada) == set(), filter
        assert len(await matches({"not": filter}, sample.desk.ada)) == len(sample.facts), filter


async def test_invalid_ids_match_nothing(sample: RandomTickets) -> None:
    for field in ("id", "organizationId", "assigneeId", "requesterId", "watcherId"):
        for invalid in INVALID_IDS:
            assert await matches({field: {"eq": invalid}}, sample.desk.ada) == set(), (
                field,
                invalid,
            )
            assert await matches({field: {"in": [invalid]}}, sample.desk.ada) == set(), (
                field,
                invalid,
            )
            assert len(await matches({field: {"nin": [invalid]}}, sample.desk.ada)) == len(
                sample.facts
            ), (field, invalid)


async def test_an_invalid_id_in_a_list_is_ignored(sample: RandomTickets) -> None:
    good = sample.facts[0].ticket.id
    assert await matches(
        {"id": {"in": ["garbage", ids.encode(ids.TICKET, good)]}}, sample.desk.ada
    ) == {good}


FILTERS_WITH_INVALID_TEXT: list[dict[str, Any]] = [
    *(
        {field: {operator: "a\x00b"}}
        for field in ("subject", "externalId", "team", "id")
        for operator in ("eq",)
    ),
    *(
        {"subject": {operator: "\ud800"}}
        for operator in ("eq", "neq", "contains", "startsWith", "ieq", "icontains")
    ),
    {"subject": {"in": ["fine", "a\x00"]}},
    {"subject": {"nin": ["\udfff"]}},
    {"tags": {"some": ["\x00"]}},
    {"tags": {"every": ["\ud800"]}},
    {"tags": {"none": ["\x00"]}},
    {"resource": {"kind": "\x00", "externalId": "s-1"}},
    {"resource": {"kind": "server", "externalId": "\ud800"}},
    {"resource": {"kind": "server", "externalId": "s-1", "name": "\x00"}},
    {"not": {"subject": {"eq": "\x00"}}},
    *({"search": text} for text in ("a\x00b", "\ud800", "vpn \x00", "\x00")),
]


@pytest.mark.parametrize("filter", FILTERS_WITH_INVALID_TEXT, ids=ascii)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_texts_that_cannot_be_stored_are_bad_requests(filter: FilterData, dialect: Dialect) -> None:
    with pytest.raises(BadRequest):
        compile_filter(filter, viewer(), NOON, dialect)


async def test_the_limit_on_search_words_is_for_the_whole_filter(sample: RandomTickets) -> None:
    half_the_words = " ".join(["vpn"] * (MAX_WORDS // 2))
    two_searches: list[FilterData] = [
        {"search": half_the_words},
        {"not": {"search": half_the_words}},
    ]
    assert await matches({"and": two_searches}, sample.desk.ada) == set()
    for more in ({"search": "x"}, {"not": {"or": [{"search": "x"}]}}):
        with pytest.raises(BadRequest):
            await matches({"and": [*two_searches, more]}, sample.desk.ada)


async def test_no_ticket_has_more_tags_than_the_limit(sample: RandomTickets) -> None:
    assert (
        await matches({"tags": {"every": [f"t{number}" for number in range(500)]}}, sample.desk.ada)
        == set()
    )
    tagged = {fact.ticket.id for fact in sample.facts if "vpn" in fact.tags}
    assert tagged
    assert await matches({"tags": {"every": ["vpn"] * 50}}, sample.desk.ada) == tagged


def build_nested(depth: int) -> FilterData:
    filter: FilterData = {"number": {"gt": 0}}
    for _ in range(depth):
        filter = {"not": filter}
    return filter


async def test_a_filter_has_at_most_a_hundred_conditions(sample: RandomTickets) -> None:
    limit = (MAX_CONDITIONS - 1) // 2
    assert (
        len(
            await matches(
                {"or": [{"number": {"eq": 1001 + number}} for number in range(limit)]},
                sample.desk.ada,
            )
        )
        == limit
    )
    for filter in (
        {"or": [{"number": {"eq": number}} for number in range(limit + 1)]},
        {"and": [{"or": []}] * MAX_CONDITIONS},
        build_nested(MAX_CONDITIONS),
    ):
        with pytest.raises(BadRequest):
            await matches(filter, sample.desk.ada)


async def test_a_filter_has_at_most_ten_levels(sample: RandomTickets) -> None:
    assert len(await matches(build_nested(MAX_LEVELS - 2), sample.desk.ada)) == len(sample.facts)
    assert await matches(build_nested(MAX_LEVELS - 1), sample.desk.ada) == set()
    for filter in (build_nested(MAX_LEVELS), {"and": [{"or": [build_nested(MAX_LEVELS - 2)]}]}):
        with pytest.raises(BadRequest):
            await matches(filter, sample.desk.ada)


async def test_the_deepest_filters_work_in_every_query(sample: RandomTickets) -> None:
    """SQLite limits the depth of expressions; an order and a cursor add levels to a filter."""
    order = tickets.build_ticket_order(
        [("priority", True), ("number", False), ("created_at", True), ("updated_at", False)]
    )
    leaf: FilterData = {"subject": {"neq": "x", "nin": ["y"]}, "number": {"gt": 0}}
    cursor = order.cursor_of(sample.facts[0].ticket)
    for logical_operators in (("or", "not"), ("not",), ("and", "or")):
        deep, expected = leaf, True
        for level in range(MAX_LEVELS - 2):
            logical_operator = logical_operators[level % len(logical_operators)]
            deep = {
                "number": {"gt": 0},
                logical_operator: deep
                if logical_operator == "not"
                else [{"number": {"lt": 0} if logical_operator == "or" else {"gt": 0}}, deep],
            }
            expected = expected != (logical_operator == "not")
        page = await tickets.list_tickets(
            sample.desk.cora, deep, order, PageRequest(100, False, cursor, cursor), NOON
        )
        assert await page.count_total() == (
            sum(can_see_ticket(sample.desk.cora, fact.ticket) for fact in sample.facts)
            if expected
            else 0
        )
        assert (
            await read_stats(sample.desk.cora, deep, GroupBy.TEAM, NOON)
        ).total == await page.count_total()


async def test_a_filter_has_at_most_a_thousand_values(sample: RandomTickets) -> None:
    numbers = list(range(MAX_VALUES))
    assert await matches({"number": {"in": numbers}}, sample.desk.ada) == set()
    spread: FilterData = {
        "and": [{"number": {"in": numbers[:600]}}, {"not": {"tags": {"some": ["x"] * 401}}}]
    }
    for filter in (
        {"number": {"in": [*numbers, 0]}},
        {"tags": {"none": ["x"] * (MAX_VALUES + 1)}},
        spread,
    ):
        with pytest.raises(BadRequest):
            await matches(filter, sample.desk.ada)


@pytest.mark.parametrize("duration", [timedelta.max, timedelta.min])
@pytest.mark.parametrize("operator", ["within", "olderThan"])
def test_a_duration_out_of_range_is_a_bad_request(operator: str, duration: timedelta) -> None:
    with pytest.raises(BadRequest):
        compile_filter({"createdAt": {operator: duration}}, viewer(), NOON, "sqlite")


async def test_bounds_of_instants_are_exact_to_the_microsecond(
    sample: RandomTickets,
) -> None:
    ticket, other = sample.facts[0].ticket, sample.facts[1].ticket
    for at, created_at in (
        (NOON, NOON - timedelta(hours=9)),
        (NOON, NOON - timedelta(hours=9, microseconds=1)),
    ):
        await Ticket.filter(id=ticket.id).update(created_at=created_at)
        tick = timedelta(microseconds=1)
        for operator, bound, is_expected in (
            *(
                ("gt", created_at, False),
                ("gt", created_at - tick, True),
                ("gte", created_at, True),
                ("gte", created_at + tick, False),
            ),
            *(
                ("lt", created_at, False),
                ("lt", created_at + tick, True),
                ("lte", created_at, True),
                ("lte", created_at - tick, False),
            ),
            *(("within", at - created_at, True), ("within", at - created_at - tick, False)),
            *(("olderThan", at - created_at, False), ("olderThan", at - created_at - tick, True)),
        ):
            found = await matches({"createdAt": {operator: bound}}, sample.desk.ada)
            assert (ticket.id in found) == is_expected, (operator, bound, created_at)
            assert (other.id in found) == (operator in ("gt", "gte", "within")), (operator, bound)


async def test_the_largest_and_smallest_integers_can_be_compared(sample: RandomTickets) -> None:
    for field in ("number", "escalationLevel"):
        assert await matches({field: {"gte": 2**31 - 1}}, sample.desk.ada) == set()
        assert len(await matches({field: {"gte": -(2**31)}}, sample.desk.ada)) == len(sample.facts)


async def test_a_search_finds_notes_only_for_viewers_with_access(
    sample: RandomTickets,
) -> None:
    for reader in (sample.desk.ada, sample.desk.cora):
        expected = {
            fact.ticket.id
            for fact in sample.facts
            if matches_filter(fact, {"search": "fails"}, notes=reader.can_see_notes)
        }
        assert await matches({"search": "fails"}, reader) == expected
