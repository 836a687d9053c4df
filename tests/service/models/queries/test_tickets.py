"""Lists: pages put together are the whole list, in its order, while tickets come and go between
them."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import cmp_to_key
from random import Random
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loop_limits import count_pages
from support.random_tickets import RandomTickets, filters, matches_filter, random_ticket
from support.ticket_factory import NOON, Desk, limit_examples

from models.access.scopes import Caller, Scope
from models.access.viewer import ANONYMOUS, Viewer
from models.access.visibility import can_see_ticket
from models.core.errors import BadRequest, CursorInvalid
from models.core.ids import new_id
from models.core.ordering import Order
from models.core.pagination import Page, PageRequest
from models.core.time import format_instant
from models.people.user import ApiClient, Role, User
from models.queries.filter import FilterData
from models.queries.tickets import build_ticket_order, find_by_external_id, list_tickets
from models.queries.users import list_users
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies

FIELDS = ["created_at", "updated_at", "number", "priority", "sla_breaches_at", "is_untouched"]
sorts = st.lists(st.tuples(st.sampled_from(FIELDS), st.booleans()), max_size=4)
Sorts = Sequence[tuple[str, bool]]


def sorted_by(tickets: Sequence[Ticket], sorts: Sorts) -> list[Ticket]:
    """The tickets in an order, compared field by field, the id in the direction of the last."""
    fields = [*(sorts or [("updated_at", True)])]
    fields.append(
        ("id", dict(reversed(fields))[list(dict.fromkeys(name for name, _ in fields))[-1]])
    )

    def compared(one: Ticket, other: Ticket) -> int:
        for name, descending in fields:
            left, right = getattr(one, name), getattr(other, name)
            if left is None or right is None:  # null is last, whichever way
                if left is not right:
                    return 1 if left is None else -1
            elif left != right:
                return (1 if left > right else -1) * (-1 if descending else 1)
        return 0

    return sorted(tickets, key=cmp_to_key(compared))


async def nothing(_: Page[Ticket]) -> None:
    """What happens between pages where nothing does."""


async def walk(
    viewer: Viewer,
    filter: FilterData | None,
    order: Order,
    size: int,
    *,
    backward: bool,
    between: Callable[[Page[Ticket]], Awaitable[None]] = nothing,
) -> list[Ticket]:
    """Read a list page by page, from its beginning or from its end."""
    read: list[Ticket] = []
    edge: str | None = None
    for _ in count_pages():
        window = (
            PageRequest(size, backward, None, edge)
            if backward
            else PageRequest(size, False, edge, None)
        )
        page = await list_tickets(viewer, filter, order, window, NOON)
        read = [*page.rows, *read] if backward else [*read, *page.rows]
        if not await (page.has_previous() if backward else page.has_next()):
            break
        assert len(page.rows) == size
        edge = page.cursors[0 if backward else -1]
        await between(page)
    return read


@pytest.mark.never_retried
@limit_examples(60)
@given(sorts=sorts, size=st.integers(1, 70), backward=st.booleans(), data=st.data())
async def test_pages_put_together_are_the_sorted_list(
    pile: RandomTickets, sorts: Sorts, size: int, backward: bool, data: st.DataObject
) -> None:
    viewer = data.draw(st.sampled_from([pile.desk.ada, pile.desk.cora, pile.desk.olga]))
    filter = data.draw(st.none() | filters(pile, 1))
    there = [
        fact.ticket
        for fact in pile.facts
        if can_see_ticket(viewer, fact.ticket)
        and matches_filter(fact, filter or {}, notes=viewer.can_see_notes)
    ]
    read = await walk(viewer, filter, build_ticket_order(sorts), size, backward=backward)
    assert [ticket.number for ticket in read] == [
        ticket.number for ticket in sorted_by(there, sorts)
    ]


@limit_examples(60)
@given(sorts=sorts, size=st.integers(1, 20), backward=st.booleans(), data=st.data())
async def test_a_page_knows_exactly_what_lies_before_and_after_it(
    pile: RandomTickets, sorts: Sorts, size: int, backward: bool, data: st.DataObject
) -> None:
    order, expected = (
        build_ticket_order(sorts),
        sorted_by([fact.ticket for fact in pile.facts], sorts),
    )
    last = len(expected) - 1
    place = data.draw(st.sampled_from([None, 0, 1, last - 1, last]) | st.integers(0, last))
    edge = None if place is None else order.cursor_of(expected[place])
    window = (
        PageRequest(size, backward, None, edge)
        if backward
        else PageRequest(size, False, edge, None)
    )
    page = await list_tickets(pile.desk.ada, None, order, window, NOON)
    if backward:
        end = len(expected) if place is None else place
        start = max(0, end - size)
    else:
        start = 0 if place is None else place + 1
        end = min(len(expected), start + size)
    assert [ticket.number for ticket in page.rows] == [
        ticket.number for ticket in expected[start:end]
    ]
    assert list(page.cursors) == [order.cursor_of(ticket) for ticket in expected[start:end]]
    assert (await page.has_previous(), await page.has_next()) == (start > 0, end < len(expected))
    assert await page.count_total() == len(expected)


@limit_examples(30)
@given(sorts=sorts, data=st.data())
async def test_between_two_cursors_lies_what_lies_between_their_records(
    pile: RandomTickets, sorts: Sorts, data: st.DataObject
) -> None:
    order, expected = (
        build_ticket_order(sorts),
        sorted_by([fact.ticket for fact in pile.facts], sorts),
    )
    after, before = (data.draw(st.integers(0, len(expected) - 1)) for _ in range(2))
    for backward in (False, True):
        window = PageRequest(
            100, backward, order.cursor_of(expected[after]), order.cursor_of(expected[before])
        )
        page = await list_tickets(pile.desk.ada, None, order, window, NOON)
        assert [ticket.number for ticket in page.rows] == [
            ticket.number for ticket in expected[after + 1 : before]
        ]


@pytest.mark.stress
async def test_no_ticket_that_stayed_is_lost_or_doubled_while_others_come_and_change(
    pile: RandomTickets, random: Random
) -> None:
    number = 5000
    for round in range(8):
        sorts = [(random.choice(FIELDS), random.random() < 0.5) for _ in range(round % 4)]
        stayed = set(await Ticket.all().values_list("id", flat=True))

        async def between(page: Page[Ticket], stayed: set[UUID] = stayed) -> None:
            nonlocal number
            number += 1
            await random_ticket(pile.desk, random, number).save(force_create=True)
            every = await Ticket.all().order_by("number").values_list("id", flat=True)
            moved = random.choice([*(ticket.id for ticket in page.rows), *every])
            at = NOON + timedelta(hours=random.randint(-8, 4))
            await Ticket.filter(id=moved).update(
                updated_at=at, priority=random.choice(list(Priority))
            )
            stayed.discard(moved)

        backward = random.random() < 0.5
        read = await walk(
            pile.desk.ada,
            None,
            build_ticket_order(sorts),
            random.choice([7, 13]),
            backward=backward,
            between=between,
        )
        seen = [ticket for ticket in read if ticket.id in stayed]
        assert len(stayed) > 40
        assert {ticket.id for ticket in seen} == stayed
        assert seen == sorted_by(seen, sorts)


async def test_a_page_goes_on_from_a_ticket_that_is_no_longer_in_the_list(
    pile: RandomTickets,
) -> None:
    order = build_ticket_order([("number", False)])
    filter: FilterData = {"number": {"neq": 1003}}
    gone = order.cursor_of(pile.facts[2].ticket)
    page = await list_tickets(pile.desk.ada, filter, order, PageRequest(2, False, gone, None), NOON)
    assert [ticket.number for ticket in page.rows] == [1004, 1005]
    assert await page.has_previous()
    nothing_before: FilterData = {"number": {"gt": 1003}}
    page = await list_tickets(
        pile.desk.ada, nothing_before, order, PageRequest(2, False, gone, None), NOON
    )
    assert not await page.has_previous()


async def test_an_empty_list_has_nothing_before_or_after(desk: Desk) -> None:
    await desk.raise_ticket()
    for viewer in (desk.olga, ANONYMOUS):
        for backward in (False, True):
            page = await list_tickets(
                viewer, None, build_ticket_order(()), PageRequest(10, backward, None, None), NOON
            )
            assert (list(page.rows), list(page.cursors), await page.count_total()) == ([], [], 0)
            assert (await page.has_next(), await page.has_previous()) == (False, False)


async def test_hostile_cursors_are_refused_before_any_statement(pile: RandomTickets) -> None:
    """Whatever passes as a cursor must also pass the database's own types."""
    orders = {field: build_ticket_order([(field, True)]) for field in FIELDS}
    whens = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", format_instant(NOON)]
    values: dict[str, list[object]] = {
        **{
            field: [*whens, "x", "\x00", 7, None]
            for field in ("created_at", "updated_at", "sla_breaches_at")
        },
        "is_untouched": [0, 1, 2, -1, True, None],
        "number": [0, -1, 2**31 - 1, -(2**31) + 1, 2**31, 2**63 - 1, "1", None, True],
        "priority": [0, 1, 4, 5, 2**15 - 1, 2**15, -(2**15), -(2**15) - 1, 2**31 - 1, 2**31],
    }
    for field, order in orders.items():
        for value in values[field]:
            for key in (str(new_id()), "x", "\x00", None):
                cursor = (
                    base64.urlsafe_b64encode(orjson.dumps([order.signature, value, key]))
                    .decode()
                    .rstrip("=")
                )
                for window in (
                    PageRequest(5, False, cursor, None),
                    PageRequest(5, True, None, cursor),
                ):
                    try:
                        page = await list_tickets(pile.desk.ada, None, order, window, NOON)
                        await page.has_next()
                        await page.has_previous()
                    except CursorInvalid:
                        pass


@pytest.mark.parametrize("side", ["after", "before"])
async def test_a_bad_cursor_is_refused_even_where_nothing_is_visible(desk: Desk, side: str) -> None:
    window = (
        PageRequest(5, False, "x", None) if side == "after" else PageRequest(5, False, None, "x")
    )
    for viewer in (desk.ada, ANONYMOUS):
        with pytest.raises(CursorInvalid):
            await list_tickets(viewer, None, build_ticket_order(()), window, NOON)


@pytest.mark.never_retried
async def test_a_ticket_is_found_by_its_key_among_those_that_the_viewer_sees(desk: Desk) -> None:
    machine = await ApiClient.create(display_name="Sync")
    first = await desk.raise_ticket(
        by=desk.olga, external_id="key", external_scope=str(desk.olga.user_id)
    )
    second = await desk.raise_ticket(by=desk.cora, external_id="key")
    own = await desk.raise_ticket(by=desk.cora, external_id="key", external_scope=str(machine.id))
    program = Viewer(Caller.API_CLIENT, frozenset(Scope), client=machine)
    for viewer, expected in (
        (desk.ada, first),
        (desk.olga, first),
        (desk.carl, second),
        (program, own),
        (ANONYMOUS, None),
    ):
        found = await find_by_external_id(viewer, "key")
        assert (found and found.number) == (expected and expected.number)
        assert await find_by_external_id(viewer, "KEY") is None
        assert await find_by_external_id(viewer, "") is None


# --- people ---


async def names(search: str | None, role: Role | None = None) -> list[str]:
    return [
        user.display_name
        for user in (await list_users(search, role, PageRequest(100, False, None, None))).rows
    ]


async def test_people_are_listed_by_name_and_found_by_part_of_it_or_the_beginning_of_their_address(
    desk: Desk,
) -> None:
    await User.create(email="zoe%1@example.com", display_name="Émile_Zola 100%")
    everybody = ["Ada", "Bill", "Carl", "Cora", "Olga", "Root", "Émile_Zola 100%"]
    assert sorted(await names(None)) == sorted(everybody)
    assert await names(None) == sorted(everybody)
    for search, expected in {
        "": everybody,
        "  ": everybody,
        "OR": ["Cora"],
        "o": ["Cora", "Olga", "Root", "Émile_Zola 100%"],
        "cora@": ["Cora"],
        "example.com": [],
        "%": ["Émile_Zola 100%"],
        "_": ["Émile_Zola 100%"],
        "zoe%": ["Émile_Zola 100%"],
        "Émile": ["Émile_Zola 100%"],
        "ÉMILE_z": ["Émile_Zola 100%"],
        "émile": ["Émile_Zola 100%"],
        "'": [],
    }.items():
        assert sorted(await names(search)) == sorted(expected), search
    assert await names(None, Role.AGENT) == ["Ada", "Bill"]
    assert await names("bi", Role.CUSTOMER) == []


async def test_pages_of_people_put_together_are_the_list(desk: Desk) -> None:
    await User.bulk_create(
        User(email=f"x{place}@example.com", display_name="Same") for place in range(5)
    )
    whole = [
        user.id for user in (await list_users(None, None, PageRequest(100, False, None, None))).rows
    ]
    assert len(whole) == 11
    for size in (1, 3, 11):
        read: list[UUID] = []
        edge: str | None = None
        for _ in count_pages():
            page = await list_users(None, None, PageRequest(size, False, edge, None))
            read += [user.id for user in page.rows]
            if not await page.has_next():
                break
            edge = page.cursors[-1]
        assert read == whole


@pytest.mark.parametrize("search", ["a\x00", "\ud800"])
async def test_people_are_not_searched_by_what_no_database_holds(desk: Desk, search: str) -> None:
    with pytest.raises(BadRequest):
        await names(search)
