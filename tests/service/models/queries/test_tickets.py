"""Lists of tickets and users: concatenated pages are the sorted list, even if tickets change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loop_limits import count_pages
from support.random_tickets import RandomTickets, filters, matches_filter, random_ticket
from support.ticket_factory import NOON, Desk, limit_examples

from models.access.scopes import CallerKind, Scope
from models.access.viewer import ANONYMOUS, Viewer
from models.access.visibility import can_see_ticket
from models.core.errors import BadRequest, CursorInvalid
from models.core.ids import new_id
from models.core.paging.cursor_values import pack_instant
from models.core.paging.ordering import Order, encode_bytes
from models.core.paging.pagination import Page, PageRequest
from models.people.user import ApiClient, Role, User
from models.queries.directory.users import list_users
from models.queries.external_ids import find_by_external_id
from models.queries.filters.filter import FilterData
from models.queries.tickets import build_ticket_order, list_tickets
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies

FIELDS = [
    "created_at",
    "updated_at",
    "number",
    "priority",
    "sla_breaches_at",
    "last_reply_at",
    "is_untouched",
]
sorts = st.lists(st.tuples(st.sampled_from(FIELDS), st.booleans()), max_size=4)
Sorts = Sequence[tuple[str, bool]]


def sort_tickets(tickets: Sequence[Ticket], sorts: Sorts) -> list[Ticket]:
    """Sort tickets field by field, and by id in the direction of the last field."""
    fields = [*(sorts or [("updated_at", True)])]
    fields.append(
        ("id", dict(reversed(fields))[list(dict.fromkeys(name for name, _ in fields))[-1]])
    )

    def compare(one: Ticket, other: Ticket) -> int:
        for name, descending in fields:
            left, right = getattr(one, name), getattr(other, name)
            if left is None or right is None:  # null is last in both directions
                if left is not right:
                    return 1 if left is None else -1
            elif left != right:
                return (1 if left > right else -1) * (-1 if descending else 1)
        return 0

    return sorted(tickets, key=cmp_to_key(compare))


async def do_nothing(_: Page[Ticket]) -> None:
    """The default action between two pages."""


async def read_pages(
    viewer: Viewer,
    filter: FilterData | None,
    order: Order,
    size: int,
    *,
    backward: bool,
    between_pages: Callable[[Page[Ticket]], Awaitable[None]] = do_nothing,
) -> list[Ticket]:
    """Read a list page by page, from its beginning or from its end."""
    read: list[Ticket] = []
    cursor: str | None = None
    for _ in count_pages():
        page_request = (
            PageRequest(size, backward, None, cursor)
            if backward
            else PageRequest(size, False, cursor, None)
        )
        page = await list_tickets(viewer, filter, order, page_request, NOON)
        read = [*page.rows, *read] if backward else [*read, *page.rows]
        if not await (page.has_previous() if backward else page.has_next()):
            break
        assert len(page.rows) == size
        cursor = page.cursors[0 if backward else -1]
        await between_pages(page)
    return read


@pytest.mark.never_retried
@limit_examples(60)
@given(sorts=sorts, size=st.integers(1, 70), backward=st.booleans(), data=st.data())
async def test_concatenated_pages_are_the_sorted_list(
    sample: RandomTickets, sorts: Sorts, size: int, backward: bool, data: st.DataObject
) -> None:
    viewer = data.draw(st.sampled_from([sample.desk.ada, sample.desk.cora, sample.desk.olga]))
    filter = data.draw(st.none() | filters(sample, 1))
    expected = [
        fact.ticket
        for fact in sample.facts_for(viewer)
        if can_see_ticket(viewer, fact.ticket)
        and matches_filter(fact, filter or {}, notes=viewer.can_see_notes)
    ]
    read = await read_pages(viewer, filter, build_ticket_order(sorts), size, backward=backward)
    assert [ticket.number for ticket in read] == [
        ticket.number for ticket in sort_tickets(expected, sorts)
    ]


@limit_examples(60)
@given(sorts=sorts, size=st.integers(1, 20), backward=st.booleans(), data=st.data())
async def test_a_page_knows_if_there_are_tickets_before_and_after(
    sample: RandomTickets, sorts: Sorts, size: int, backward: bool, data: st.DataObject
) -> None:
    order, expected = (
        build_ticket_order(sorts),
        sort_tickets([fact.ticket for fact in sample.facts], sorts),
    )
    last = len(expected) - 1
    index = data.draw(st.sampled_from([None, 0, 1, last - 1, last]) | st.integers(0, last))
    cursor = None if index is None else order.cursor_of(expected[index])
    page_request = (
        PageRequest(size, backward, None, cursor)
        if backward
        else PageRequest(size, False, cursor, None)
    )
    page = await list_tickets(sample.desk.ada, None, order, page_request, NOON)
    if backward:
        end = len(expected) if index is None else index
        start = max(0, end - size)
    else:
        start = 0 if index is None else index + 1
        end = min(len(expected), start + size)
    assert [ticket.number for ticket in page.rows] == [
        ticket.number for ticket in expected[start:end]
    ]
    assert list(page.cursors) == [order.cursor_of(ticket) for ticket in expected[start:end]]
    assert (await page.has_previous(), await page.has_next()) == (start > 0, end < len(expected))
    assert await page.count_total() == len(expected)


@limit_examples(30)
@given(sorts=sorts, data=st.data())
async def test_a_page_between_two_cursors_has_the_tickets_between(
    sample: RandomTickets, sorts: Sorts, data: st.DataObject
) -> None:
    order, expected = (
        build_ticket_order(sorts),
        sort_tickets([fact.ticket for fact in sample.facts], sorts),
    )
    after, before = (data.draw(st.integers(0, len(expected) - 1)) for _ in range(2))
    for backward in (False, True):
        page_request = PageRequest(
            100, backward, order.cursor_of(expected[after]), order.cursor_of(expected[before])
        )
        page = await list_tickets(sample.desk.ada, None, order, page_request, NOON)
        assert [ticket.number for ticket in page.rows] == [
            ticket.number for ticket in expected[after + 1 : before]
        ]


@pytest.mark.stress
async def test_unchanged_tickets_are_listed_once_while_others_change(
    sample: RandomTickets, random: Random
) -> None:
    number = 5000
    for round in range(8):
        sorts = [(random.choice(FIELDS), random.random() < 0.5) for _ in range(round % 4)]
        unchanged = set(await Ticket.all().values_list("id", flat=True))

        async def between_pages(page: Page[Ticket], unchanged: set[UUID] = unchanged) -> None:
            nonlocal number
            number += 1
            await random_ticket(sample.desk, random, number).save(force_create=True)
            all_ids = await Ticket.all().order_by("number").values_list("id", flat=True)
            changed = random.choice([*(ticket.id for ticket in page.rows), *all_ids])
            at = NOON + timedelta(hours=random.randint(-8, 4))
            await Ticket.filter(id=changed).update(
                updated_at=at, priority=random.choice(list(Priority))
            )
            unchanged.discard(changed)

        backward = random.random() < 0.5
        read = await read_pages(
            sample.desk.ada,
            None,
            build_ticket_order(sorts),
            random.choice([7, 13]),
            backward=backward,
            between_pages=between_pages,
        )
        seen = [ticket for ticket in read if ticket.id in unchanged]
        assert len(unchanged) > 40
        assert {ticket.id for ticket in seen} == unchanged
        assert seen == sort_tickets(seen, sorts)


async def test_a_cursor_works_after_its_ticket_left_the_list(
    sample: RandomTickets,
) -> None:
    order = build_ticket_order([("number", False)])
    filter: FilterData = {"number": {"neq": 1003}}
    removed = order.cursor_of(sample.facts[2].ticket)
    page = await list_tickets(
        sample.desk.ada, filter, order, PageRequest(2, False, removed, None), NOON
    )
    assert [ticket.number for ticket in page.rows] == [1004, 1005]
    assert await page.has_previous()
    nothing_before: FilterData = {"number": {"gt": 1003}}
    page = await list_tickets(
        sample.desk.ada, nothing_before, order, PageRequest(2, False, removed, None), NOON
    )
    assert not await page.has_previous()


async def test_an_empty_list_has_no_next_or_previous_page(desk: Desk) -> None:
    await desk.raise_ticket()
    for viewer in (desk.olga, ANONYMOUS):
        for backward in (False, True):
            page = await list_tickets(
                viewer, None, build_ticket_order(()), PageRequest(10, backward, None, None), NOON
            )
            assert (list(page.rows), list(page.cursors), await page.count_total()) == ([], [], 0)
            assert (await page.has_next(), await page.has_previous()) == (False, False)


async def test_hostile_cursors_cause_no_database_error(sample: RandomTickets) -> None:
    """Every value that a cursor accepts must also be valid for the database's types."""
    orders = {field: build_ticket_order([(field, True)]) for field in FIELDS}
    edges = [bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\xfe", b"\x7f" + b"\xff" * 7]
    instants = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), NOON, None]
    numbers = [0, 1, 2**31 - 1, 2**31, 2**32 - 1]
    values: dict[str, list[bytes]] = {
        **{
            field: [*edges, *map(pack_instant, instants)]
            for field in ("created_at", "updated_at", "sla_breaches_at", "last_reply_at")
        },
        "is_untouched": [b"\x00", b"\x01", b"\x02", b"\xff"],
        "number": [number.to_bytes(4) for number in numbers],
        "priority": [b"\x00", b"\x01", b"\x04", b"\x05", b"\xff"],
    }
    for field, order in orders.items():
        for value in values[field]:
            for key in (new_id().bytes, bytes(16), b"\xff" * 16, b""):
                cursor = encode_bytes(order.signature + value + key)
                for page_request in (
                    PageRequest(5, False, cursor, None),
                    PageRequest(5, True, None, cursor),
                ):
                    try:
                        page = await list_tickets(sample.desk.ada, None, order, page_request, NOON)
                        await page.has_next()
                        await page.has_previous()
                    except CursorInvalid:
                        pass


@pytest.mark.parametrize("side", ["after", "before"])
async def test_an_invalid_cursor_is_refused_even_if_nothing_is_visible(
    desk: Desk, side: str
) -> None:
    page_request = (
        PageRequest(5, False, "x", None) if side == "after" else PageRequest(5, False, None, "x")
    )
    for viewer in (desk.ada, ANONYMOUS):
        with pytest.raises(CursorInvalid):
            await list_tickets(viewer, None, build_ticket_order(()), page_request, NOON)


@pytest.mark.never_retried
async def test_a_ticket_is_found_by_external_id_among_visible_tickets(desk: Desk) -> None:
    machine = await ApiClient.create(display_name="Sync")
    first = await desk.raise_ticket(
        by=desk.olga, external_id="key", external_scope=str(desk.olga.user_id)
    )
    second = await desk.raise_ticket(by=desk.cora, external_id="key")
    of_client = await desk.raise_ticket(
        by=desk.cora, external_id="key", external_scope=str(machine.id)
    )
    program = Viewer(CallerKind.API_CLIENT, frozenset(Scope), client=machine)
    for viewer, expected in (
        (desk.ada, second),
        (desk.olga, first),
        (program, of_client),
        (ANONYMOUS, None),
    ):
        found = await find_by_external_id(viewer, "key", None)
        assert found == (expected and expected.id)
        assert await find_by_external_id(viewer, "KEY", None) is None
        assert await find_by_external_id(viewer, "", None) is None
    with pytest.raises(BadRequest):
        await find_by_external_id(desk.carl, "key", None)


# --- people ---


async def list_names(search: str | None, role: Role | None = None) -> list[str]:
    return [
        user.display_name
        for user in (
            await list_users(search, role, None, None, PageRequest(100, False, None, None))
        ).rows
    ]


async def test_users_are_found_by_starts_of_words_or_of_the_address(
    desk: Desk,
) -> None:
    await User.create(email="zoe%1@example.com", display_name="Émile_Zola 100%")
    all_names = ["Ada", "Bill", "Carl", "Cora", "Olga", "Root", "Émile_Zola 100%"]
    assert sorted(await list_names(None)) == sorted(all_names)
    assert await list_names(None) == sorted(all_names)
    for search, expected in {
        "": all_names,
        "  ": all_names,
        "OR": [],
        "CO": ["Cora"],
        "o": ["Olga"],
        "cora@": ["Cora"],
        "example.com": [],
        "%": [],
        "_": [],
        "zoe%": ["Émile_Zola 100%"],
        "Émile": ["Émile_Zola 100%"],
        "ÉMILE_z": ["Émile_Zola 100%"],
        "émile": ["Émile_Zola 100%"],
        "'": [],
    }.items():
        assert sorted(await list_names(search)) == sorted(expected), search
    assert await list_names(None, Role.AGENT) == ["Ada", "Bill"]
    assert await list_names("bi", Role.CUSTOMER) == []


async def test_concatenated_pages_of_users_are_the_list(desk: Desk) -> None:
    await User.bulk_create(
        User(email=f"x{index}@example.com", display_name="Same") for index in range(5)
    )
    expected = [
        user.id
        for user in (
            await list_users(None, None, None, None, PageRequest(100, False, None, None))
        ).rows
    ]
    assert len(expected) == 11
    for size in (1, 3, 11):
        read: list[UUID] = []
        cursor: str | None = None
        for _ in count_pages():
            page = await list_users(None, None, None, None, PageRequest(size, False, cursor, None))
            read += [user.id for user in page.rows]
            if not await page.has_next():
                break
            cursor = page.cursors[-1]
        assert read == expected


@pytest.mark.parametrize("search", ["a\x00", "\ud800"])
async def test_a_user_search_with_invalid_text_is_refused(desk: Desk, search: str) -> None:
    with pytest.raises(BadRequest):
        await list_names(search)
