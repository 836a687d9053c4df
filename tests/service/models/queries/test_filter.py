"""TicketFilter: every filter finds on the database what it means in plain Python, and its negation
finds the rest."""

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
from models.core.pagination import PageRequest
from models.database import Dialect
from models.queries import tickets
from models.queries.filter import FilterData, compile_filter
from models.queries.filter_limits import MAX_CONDITIONS, MAX_LEVELS, MAX_VALUES, MAX_WORDS
from models.queries.stats import Group, read_stats
from models.tickets.ticket import Ticket

STRANGE = "01a207c7-61c7-7748-8a66-cce542632835"
GARBAGE = [
    "",
    "x",
    "tkt_",
    "tkt_1",
    f"usr_{STRANGE}",
    f"tkt_{STRANGE}",
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
async def test_a_filter_finds_what_it_means_and_its_negation_the_rest(
    pile: RandomTickets, data: st.DataObject
) -> None:
    filter = data.draw(filters(pile))
    expected = {fact.ticket.id for fact in pile.facts if matches_filter(fact, filter)}
    assert await matches(filter, pile.desk.ada) == expected
    assert (
        await matches({"not": filter}, pile.desk.ada)
        == {fact.ticket.id for fact in pile.facts} - expected
    )


async def test_what_restricts_nothing_finds_everything(pile: RandomTickets) -> None:
    assert len(await matches(None, pile.desk.ada)) == len(pile.facts)
    for filter in (
        {},
        {"and": []},
        {"and": [{}]},
        {"or": [{}]},
        {"subject": None},
        {"subject": {}},
        {"subject": {"eq": None}},
    ):
        assert len(await matches(filter, pile.desk.ada)) == len(pile.facts), filter
        assert await matches({"not": filter}, pile.desk.ada) == set(), filter


async def test_what_nothing_can_fit_finds_nothing(pile: RandomTickets) -> None:
    for filter in (
        {"or": []},
        {"status": {"in": []}},
        {"tags": {"some": []}},
        {"watcherId": {"in": []}},
        {"id": {"eq": "x"}},
    ):
        assert await matches(filter, pile.desk.ada) == set(), filter
        assert len(await matches({"not": filter}, pile.desk.ada)) == len(pile.facts), filter


async def test_garbage_ids_match_nothing(pile: RandomTickets) -> None:
    for field in ("id", "organizationId", "assigneeId", "requesterId", "watcherId"):
        for garbage in GARBAGE:
            assert await matches({field: {"eq": garbage}}, pile.desk.ada) == set(), (field, garbage)
            assert await matches({field: {"in": [garbage]}}, pile.desk.ada) == set(), (
                field,
                garbage,
            )
            assert len(await matches({field: {"nin": [garbage]}}, pile.desk.ada)) == len(
                pile.facts
            ), (field, garbage)


async def test_a_garbage_id_among_good_ones_is_passed_over(pile: RandomTickets) -> None:
    good = pile.facts[0].ticket.id
    assert await matches(
        {"id": {"in": ["garbage", ids.encode(ids.TICKET, good)]}}, pile.desk.ada
    ) == {good}


TEXTS: list[dict[str, Any]] = [
    *(
        {name: {operator: "a\x00b"}}
        for name in ("subject", "externalId", "team", "id")
        for operator in ("eq",)
    ),
    *({"subject": {operator: "\ud800"}} for operator in ("eq", "neq", "contains", "startsWith")),
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


@pytest.mark.parametrize("filter", TEXTS, ids=ascii)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_texts_that_no_database_holds_are_bad_requests(
    filter: FilterData, dialect: Dialect
) -> None:
    with pytest.raises(BadRequest):
        compile_filter(filter, viewer(), NOON, dialect)


async def test_searches_are_bounded_over_the_whole_filter(pile: RandomTickets) -> None:
    half = " ".join(["vpn"] * (MAX_WORDS // 2))
    several: list[FilterData] = [{"search": half}, {"not": {"search": half}}]
    assert await matches({"and": several}, pile.desk.ada) == set()
    for more in ({"search": "x"}, {"not": {"or": [{"search": "x"}]}}):
        with pytest.raises(BadRequest):
            await matches({"and": [*several, more]}, pile.desk.ada)


async def test_more_tags_than_a_ticket_can_have_are_on_none(pile: RandomTickets) -> None:
    assert (
        await matches({"tags": {"every": [f"t{place}" for place in range(500)]}}, pile.desk.ada)
        == set()
    )
    tagged = {fact.ticket.id for fact in pile.facts if "vpn" in fact.tags}
    assert tagged
    assert await matches({"tags": {"every": ["vpn"] * 50}}, pile.desk.ada) == tagged


def nested(depth: int) -> FilterData:
    filter: FilterData = {"number": {"gt": 0}}
    for _ in range(depth):
        filter = {"not": filter}
    return filter


async def test_a_filter_holds_a_hundred_conditions_and_no_more(pile: RandomTickets) -> None:
    most = (MAX_CONDITIONS - 1) // 2
    assert (
        len(
            await matches(
                {"or": [{"number": {"eq": 1001 + place}} for place in range(most)]}, pile.desk.ada
            )
        )
        == most
    )
    for filter in (
        {"or": [{"number": {"eq": place}} for place in range(most + 1)]},
        {"and": [{"or": []}] * MAX_CONDITIONS},
        nested(MAX_CONDITIONS),
    ):
        with pytest.raises(BadRequest):
            await matches(filter, pile.desk.ada)


async def test_a_filter_is_nested_ten_levels_deep_and_no_more(pile: RandomTickets) -> None:
    assert len(await matches(nested(MAX_LEVELS - 2), pile.desk.ada)) == len(pile.facts)
    assert await matches(nested(MAX_LEVELS - 1), pile.desk.ada) == set()
    for filter in (nested(MAX_LEVELS), {"and": [{"or": [nested(MAX_LEVELS - 2)]}]}):
        with pytest.raises(BadRequest):
            await matches(filter, pile.desk.ada)


async def test_the_deepest_filters_are_read_wherever_they_are_asked(pile: RandomTickets) -> None:
    """SQLite's parser gives up on what is nested too deep, and an order and a cursor go deeper
    still."""
    order = tickets.build_ticket_order(
        [("priority", True), ("number", False), ("created_at", True), ("updated_at", False)]
    )
    leaf: FilterData = {"subject": {"neq": "x", "nin": ["y"]}, "number": {"gt": 0}}
    cursor = order.cursor_of(pile.facts[0].ticket)
    for names in (("or", "not"), ("not",), ("and", "or")):
        deep, expected = leaf, True
        for level in range(MAX_LEVELS - 2):
            name = names[level % len(names)]
            deep = {
                "number": {"gt": 0},
                name: deep
                if name == "not"
                else [{"number": {"lt": 0} if name == "or" else {"gt": 0}}, deep],
            }
            expected = expected != (name == "not")
        page = await tickets.list_tickets(
            pile.desk.cora, deep, order, PageRequest(100, False, cursor, cursor), NOON
        )
        assert await page.count_total() == (
            sum(can_see_ticket(pile.desk.cora, fact.ticket) for fact in pile.facts)
            if expected
            else 0
        )
        assert (
            await read_stats(pile.desk.cora, deep, Group.TEAM, NOON)
        ).total == await page.count_total()


async def test_a_filter_holds_a_thousand_values_and_no_more(pile: RandomTickets) -> None:
    numbers = list(range(MAX_VALUES))
    assert await matches({"number": {"in": numbers}}, pile.desk.ada) == set()
    spread: FilterData = {
        "and": [{"number": {"in": numbers[:600]}}, {"not": {"tags": {"some": ["x"] * 401}}}]
    }
    for filter in (
        {"number": {"in": [*numbers, 0]}},
        {"tags": {"none": ["x"] * (MAX_VALUES + 1)}},
        spread,
    ):
        with pytest.raises(BadRequest):
            await matches(filter, pile.desk.ada)


@pytest.mark.parametrize("duration", [timedelta.max, timedelta.min])
@pytest.mark.parametrize("operator", ["within", "olderThan"])
def test_a_duration_beyond_the_calendar_is_a_bad_request(
    operator: str, duration: timedelta
) -> None:
    with pytest.raises(BadRequest):
        compile_filter({"createdAt": {operator: duration}}, viewer(), NOON, "sqlite")


async def test_bounds_tell_the_same_instant_from_a_microsecond_beside_it(
    pile: RandomTickets,
) -> None:
    ticket, other = pile.facts[0].ticket, pile.facts[1].ticket
    for at, moment in (
        (NOON, NOON - timedelta(hours=9)),
        (NOON, NOON - timedelta(hours=9, microseconds=1)),
    ):
        await Ticket.filter(id=ticket.id).update(created_at=moment)
        tick = timedelta(microseconds=1)
        for operator, bound, inside in (
            *(
                ("gt", moment, False),
                ("gt", moment - tick, True),
                ("gte", moment, True),
                ("gte", moment + tick, False),
            ),
            *(
                ("lt", moment, False),
                ("lt", moment + tick, True),
                ("lte", moment, True),
                ("lte", moment - tick, False),
            ),
            *(("within", at - moment, True), ("within", at - moment - tick, False)),
            *(("olderThan", at - moment, False), ("olderThan", at - moment - tick, True)),
        ):
            found = await matches({"createdAt": {operator: bound}}, pile.desk.ada)
            assert (ticket.id in found) == inside, (operator, bound, moment)
            assert (other.id in found) == (operator in ("gt", "gte", "within")), (operator, bound)


async def test_the_greatest_and_smallest_numbers_are_compared(pile: RandomTickets) -> None:
    for field in ("number", "escalationLevel"):
        assert await matches({field: {"gte": 2**31 - 1}}, pile.desk.ada) == set()
        assert len(await matches({field: {"gte": -(2**31)}}, pile.desk.ada)) == len(pile.facts)


async def test_a_filter_for_notes_finds_them_only_for_those_who_read_them(
    pile: RandomTickets,
) -> None:
    for reader in (pile.desk.ada, pile.desk.cora):
        expected = {
            fact.ticket.id
            for fact in pile.facts
            if matches_filter(fact, {"search": "fails"}, notes=reader.can_see_notes)
        }
        assert await matches({"search": "fails"}, reader) == expected
