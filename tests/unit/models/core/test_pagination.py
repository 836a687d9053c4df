"""Cursors, orders and page arguments: valid cursors are decoded, and all others are refused."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.ticket_factory import NOON, limit_examples, ticket

from models.core import pagination
from models.core.errors import BadRequest, CursorInvalid
from models.core.ordering import Order
from models.core.pagination import PageRequest
from models.core.time import format_instant
from models.people.user import User
from models.queries.tickets import build_ticket_order
from models.queries.users import USER_ORDER
from models.tickets.lifecycle import Priority

FIELDS = ["created_at", "updated_at", "number", "priority"]
sorts = st.lists(st.tuples(st.sampled_from(FIELDS), st.booleans()), max_size=4)
ORDER = build_ticket_order([("priority", True), ("updated_at", False)])
VALID = ORDER.cursor_of(ticket(priority=Priority.HIGH))


def encode(*values: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def decode(order: Order, cursor: str) -> list[object] | None:
    """The cursor's values, or None if it is refused; other exceptions fail the test."""
    try:
        return order.decode_cursor(cursor)
    except CursorInvalid:
        return None


@limit_examples(100)
@given(
    sorts,
    st.integers(1001, 2**31 - 1),
    st.sampled_from(Priority),
    st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)),
)
def test_a_cursor_has_the_sort_values_of_its_record(
    sorts: list[tuple[str, bool]], number: int, priority: Priority, at: datetime
) -> None:
    order = build_ticket_order(sorts)
    at = at.replace(tzinfo=NOON.tzinfo)
    record = ticket(
        number=number, priority=priority, created_at=at, updated_at=at + timedelta(microseconds=1)
    )
    values = order.decode_cursor(order.cursor_of(record))
    assert values == [
        str(record.id) if sort.attribute == "id" else getattr(record, sort.attribute)
        for sort in order.sorts
    ]


@limit_examples(150)
@given(st.text(st.characters(), max_size=60), sorts)
@example("", [])
@example("\ud800", [])
@example("=", [])
@example(encode(), [])
@example(base64.urlsafe_b64encode(b"[" * 500).decode(), [])
@example(base64.urlsafe_b64encode(b'{"a":1}').decode(), [])
@example(base64.urlsafe_b64encode(b"7").decode(), [])
@example(base64.urlsafe_b64encode(b"\xff\xfe").decode(), [])
@example(VALID, [])
def test_random_text_is_no_cursor(cursor: str, sorts: list[tuple[str, bool]]) -> None:
    assert decode(build_ticket_order(sorts), cursor) is None


@limit_examples(150)
@given(st.integers(0, len(VALID) - 1), st.text(st.characters(codec="ascii"), max_size=2))
def test_a_modified_cursor_is_refused_or_has_valid_values(index: int, new: str) -> None:
    values = decode(ORDER, VALID[:index] + new + VALID[index + 1 :])
    if values is not None:
        priority, updated_at, key = values
        assert isinstance(priority, int)
        assert isinstance(updated_at, datetime)
        assert updated_at.tzinfo is not None
        assert isinstance(key, str)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
)
INSTANT = format_instant(NOON)
KEY = "01a20814-a94f-7687-8acc-31bd7be6ffd3"


@limit_examples(100)
@given(
    st.lists(
        VALUES
        | st.lists(VALUES, max_size=2)
        | st.dictionaries(st.text(max_size=3), VALUES, max_size=2),
        max_size=4,
    )
)
def test_random_values_are_refused(values: list[object]) -> None:
    assert decode(ORDER, encode(ORDER.signature, *values)) is None


@pytest.mark.parametrize(
    "values",
    [
        (3, INSTANT),
        (3, INSTANT, KEY, KEY),
        (True, INSTANT, KEY),
        (3.0, INSTANT, KEY),
        ("3", INSTANT, KEY),
        (None, INSTANT, KEY),
        (2**31, INSTANT, KEY),
        (-(2**31), INSTANT, KEY),
        (10**30, INSTANT, KEY),
        (3, 3, KEY),
        (3, "2026-03-02", KEY),
        (3, "2026-03-02T12:00:00", KEY),
        (3, "2026-03-02T12:00:00+00:00", KEY),
        (3, "2026-03-02T12:00:00+01:00", KEY),
        (3, "2026-03-02 12:00:00Z", KEY),
        (3, "0001-01-01T00:00:00+14:00", KEY),
        (3, "9999-12-31T23:59:59-14:00", KEY),
        (3, "9999-99-99T00:00:00Z", KEY),
        (3, INSTANT, KEY.upper()),
        (3, INSTANT, "{" + KEY + "}"),
        (3, INSTANT, "garbage"),
        (3, INSTANT, 7),
    ],
    ids=str,
)
def test_values_of_the_wrong_type_or_range_are_refused(values: tuple[object, ...]) -> None:
    assert decode(ORDER, encode(ORDER.signature, 3, INSTANT, KEY)) is not None
    if any(isinstance(value, int) and value > 2**64 for value in values):
        raw = f'["{ORDER.signature}",{values[0]},"{values[1]}","{values[2]}"]'.encode()
        assert decode(ORDER, base64.urlsafe_b64encode(raw).decode().rstrip("=")) is None
    else:
        assert decode(ORDER, encode(ORDER.signature, *values)) is None


@limit_examples(100)
@given(sorts, sorts)
def test_a_cursor_is_valid_only_for_its_own_order(
    one: list[tuple[str, bool]], other: list[tuple[str, bool]]
) -> None:
    first, second = build_ticket_order(one), build_ticket_order(other)
    assert (decode(second, first.cursor_of(ticket())) is not None) == (
        first.signature == second.signature
    )


def test_a_cursor_of_users_is_invalid_for_tickets() -> None:
    user_cursor = USER_ORDER.cursor_of(User(email="x@example.com", display_name="X"))
    assert decode(USER_ORDER, user_cursor) is not None
    assert decode(build_ticket_order([]), user_cursor) is None
    assert decode(USER_ORDER, build_ticket_order([]).cursor_of(ticket())) is None


@pytest.mark.parametrize("name", [7, None, "a\x00b"])
def test_an_invalid_name_in_a_cursor_is_refused(name: object) -> None:
    assert decode(USER_ORDER, encode(USER_ORDER.signature, name, KEY)) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("priority", 2**15), ("priority", -(2**15) - 1), ("priority", 0), ("priority", 5)],
)
def test_a_number_out_of_range_in_a_cursor_is_refused(field: str, value: int) -> None:
    order = build_ticket_order([(field, True)])
    assert decode(order, encode(order.signature, value, KEY)) is None


# --- orders ---


def test_tickets_are_ordered_by_their_newest_change_by_default() -> None:
    assert build_ticket_order(()).order_by() == "t.updated_at DESC, t.id DESC"
    assert build_ticket_order(()).order_by(reverse=True) == "t.updated_at ASC, t.id ASC"


def test_ties_are_ordered_by_id_in_the_direction_of_the_last_field() -> None:
    assert (
        build_ticket_order([("priority", True), ("number", False)]).order_by()
        == "t.priority DESC, t.number ASC, t.id ASC"
    )


def test_only_the_first_of_two_equal_fields_counts() -> None:
    assert (
        build_ticket_order([("number", True), ("number", False)]).order_by()
        == "t.number DESC, t.id DESC"
    )


def test_an_order_has_at_most_four_fields() -> None:
    four = [(field, True) for field in FIELDS]
    assert len(build_ticket_order(four).sorts) == 5
    with pytest.raises(BadRequest):
        build_ticket_order([*four, ("number", False)])


# --- page arguments ---


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, (25, False)),
        (1, None, (1, False)),
        (100, None, (100, False)),
        (None, 1, (1, True)),
        (None, 100, (100, True)),
    ],
)
def test_a_page_has_1_to_100_items_and_25_by_default(
    first: int | None, last: int | None, expected: tuple[int, bool]
) -> None:
    request = pagination.parse_page_arguments(first, "a", last, "b")
    assert request == PageRequest(*expected, "a", "b")


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, None), (-1, None), (101, None), (None, 0), (None, 101), (1, 1), (2**31, None)],
)
def test_other_page_sizes_are_bad_requests(first: int | None, last: int | None) -> None:
    with pytest.raises(BadRequest):
        pagination.parse_page_arguments(first, None, last, None)
