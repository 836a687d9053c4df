"""Cursors, orders and page arguments: valid cursors are decoded, and all others are refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.ticket_factory import NOON, limit_examples, ticket

from models.core.errors import BadRequest, CursorInvalid
from models.core.paging import pagination
from models.core.paging.cursor_values import NULL_INSTANT, pack_instant
from models.core.paging.ordering import Order, encode_bytes
from models.core.paging.pagination import PageRequest
from models.log import event
from models.notifications.notification import NEWEST_FIRST, Notification
from models.people.user import User
from models.queries.directory.users import USER_ORDER
from models.queries.tickets import MAX_SORTS, QUEUE_ORDER, build_ticket_order
from models.tickets.lifecycle import Priority

FIELDS = ["created_at", "updated_at", "number", "priority"]
ALL_FIELDS = [*FIELDS, "sla_breaches_at", "is_untouched"]
sorts = st.lists(st.tuples(st.sampled_from(FIELDS), st.booleans()), max_size=4)
ORDER = build_ticket_order([("priority", True), ("updated_at", False)])
VALID = ORDER.cursor_of(ticket(priority=Priority.HIGH, id=UUID(int=7)))


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
@example("AAAA", [])
@example(encode_bytes(ORDER.signature), [])
@example(base64.urlsafe_b64encode(b"[" * 500).decode(), [])
@example(event.encode_cursor(1), [])
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


INSTANT = pack_instant(NOON)
KEY = UUID("01a20814-a94f-7687-8acc-31bd7be6ffd3").bytes


@limit_examples(150)
@given(st.binary(max_size=40))
def test_random_values_are_refused_or_valid(content: bytes) -> None:
    values = decode(ORDER, encode_bytes(ORDER.signature + content))
    if values is not None:
        assert ORDER.encode_cursor(values) == encode_bytes(ORDER.signature + content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x03" + INSTANT,
        b"\x03" + INSTANT + KEY[:-1],
        b"\x03" + INSTANT + KEY + b"\x00",
        b"\x00" + INSTANT + KEY,
        b"\x05" + INSTANT + KEY,
        b"\xff" + INSTANT + KEY,
        b"\x03" + NULL_INSTANT + KEY,
        b"\x03" + b"\x00" * 8 + KEY,
        b"\x03" + b"\xff" * 7 + b"\xfe" + KEY,
    ],
    ids=bytes.hex,
)
def test_values_of_the_wrong_length_or_range_are_refused(content: bytes) -> None:
    valid = b"\x03" + INSTANT + KEY
    assert decode(ORDER, encode_bytes(ORDER.signature + valid)) == [3, NOON, str(UUID(bytes=KEY))]
    assert decode(ORDER, encode_bytes(ORDER.signature + content)) is None


@pytest.mark.parametrize("spelling", [VALID + "=", VALID + "\n", " " + VALID, VALID.swapcase()])
def test_another_spelling_of_a_cursor_is_refused(spelling: str) -> None:
    assert decode(ORDER, VALID) is not None
    assert decode(ORDER, spelling) is None


def test_bits_that_base64_ignores_must_be_zero() -> None:
    cursor = QUEUE_ORDER.cursor_of(ticket())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [cursor[:-1] + last for last in alphabet]
    same_bytes = [
        each
        for each in spellings
        if base64.urlsafe_b64decode(each + "==") == base64.urlsafe_b64decode(cursor + "==")
    ]
    assert len(same_bytes) == 16
    assert [each for each in same_bytes if decode(QUEUE_ORDER, each) is not None] == [cursor]


@pytest.mark.parametrize(
    "instant", [datetime(1, 1, 1), datetime.max, datetime(1969, 7, 20, 20, 17)]
)
def test_every_instant_fits_into_a_cursor(instant: datetime) -> None:
    order, at = build_ticket_order([("created_at", True)]), instant.replace(tzinfo=UTC)
    assert order.decode_cursor(order.cursor_of(ticket(created_at=at)))[0] == at


def test_a_cursor_is_the_same_from_a_record_and_from_the_driver_of_each_database() -> None:
    order = build_ticket_order([("sla_breaches_at", False), ("updated_at", True)])
    record = ticket(sla_breaches_at=None, updated_at=NOON + timedelta(microseconds=1))
    on_sqlite = [None, str(record.updated_at), str(record.id)]
    assert order.encode_cursor(on_sqlite) == order.cursor_of(record)
    assert order.encode_cursor([None, record.updated_at, record.id]) == order.cursor_of(record)


@pytest.mark.parametrize("field", ALL_FIELDS)
def test_the_cursors_of_an_order_by_one_field_are_short_and_equally_long(field: str) -> None:
    order = build_ticket_order([(field, True)])
    late = ticket(
        number=2**31 - 1,
        priority=Priority.URGENT,
        created_at=datetime.max.replace(tzinfo=UTC),
        updated_at=datetime.max.replace(tzinfo=UTC),
        sla_breaches_at=datetime.max.replace(tzinfo=UTC),
    )
    cursors = [order.cursor_of(each) for each in (ticket(number=1, sla_breaches_at=None), late)]
    assert {len(cursor) for cursor in cursors} <= set(range(40))
    assert len({len(cursor) for cursor in cursors}) == 1


def test_the_cursors_of_other_lists_are_short() -> None:
    assert len(QUEUE_ORDER.cursor_of(ticket())) < 40
    assert len(NEWEST_FIRST.cursor_of(Notification(number=2**63 - 1))) < 40
    assert len(ORDER.cursor_of(ticket())) < 40


def test_no_cursor_of_a_list_can_be_a_cursor_of_the_log() -> None:
    """A cursor of the log has 16 characters, and no cursor of a list of fixed width has."""
    orders = [
        build_ticket_order(list(zip(fields, directions, strict=True)))
        for count in range(1, MAX_SORTS + 1)
        for fields in permutations(ALL_FIELDS, count)
        for directions in product((True, False), repeat=count)
    ]
    cursors = [order.cursor_of(ticket()) for order in (*orders, QUEUE_ORDER)]
    cursors.append(NEWEST_FIRST.cursor_of(Notification(number=1)))
    assert 16 not in {len(cursor) for cursor in cursors}
    for cursor in cursors:
        with pytest.raises(CursorInvalid):
            event.decode_cursor(cursor)


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


@pytest.mark.parametrize("name", [b"a\x00b", b"\xff", b"\xed\xa0\x80"])
def test_an_invalid_name_in_a_cursor_is_refused(name: bytes) -> None:
    def encode(length: int) -> str:
        return encode_bytes(USER_ORDER.signature + length.to_bytes(2) + name + KEY)

    assert decode(USER_ORDER, encode(len(name))) is None
    assert decode(USER_ORDER, encode(0)) is None
    assert decode(USER_ORDER, encode(65535)) is None


@pytest.mark.parametrize("name", ["", "Zoë", "x" * 200, "ダウン" * 60])
def test_a_cursor_of_users_has_the_name_and_the_id(name: str) -> None:
    user = User(email="x@example.com", display_name=name)
    assert USER_ORDER.decode_cursor(USER_ORDER.cursor_of(user)) == [name, str(user.id)]


# --- orders ---


def test_tickets_are_ordered_by_their_newest_change_by_default() -> None:
    assert build_ticket_order(()).order_by() == "t.updated_at DESC, t.id DESC"
    assert build_ticket_order(()).order_by(reverse=True) == "t.updated_at ASC, t.id ASC"


def test_ties_are_ordered_by_id_in_the_direction_of_the_last_field() -> None:
    assert (
        build_ticket_order([("priority", True), ("number", False)]).order_by()
        == "t.priority DESC, t.number ASC"
    )
    assert (
        build_ticket_order([("priority", True), ("created_at", False)]).order_by()
        == "t.priority DESC, t.created_at ASC, t.id ASC"
    )


def test_nothing_after_a_number_counts_because_numbers_are_unique() -> None:
    order = build_ticket_order([("number", True), ("priority", False)])
    assert order.order_by() == "t.number DESC"
    assert order.signature == build_ticket_order([("number", True)]).signature


def test_only_the_first_of_two_equal_fields_counts() -> None:
    assert build_ticket_order([("number", True), ("number", False)]).order_by() == "t.number DESC"


def test_an_order_has_at_most_four_fields() -> None:
    four = [(field, True) for field in ALL_FIELDS if field not in ("number", "is_untouched")]
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
