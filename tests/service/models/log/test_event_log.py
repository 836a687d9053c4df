"""The ordered log: gapless positions in the order of commits, cursors, and pages by visibility."""

from __future__ import annotations

import asyncio
import base64
from itertools import product
from random import Random
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.databases import IS_SQLITE
from support.live import until
from support.loop_limits import count_pages
from support.ticket_factory import (
    DEADLINE_SECONDS,
    NOON,
    WINDOW,
    Desk,
    allocate_number,
    limit_examples,
)

from models import database
from models.access.viewer import Viewer
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.merges import merging
from models.changes.storage import lock_tickets, write
from models.core.errors import CursorExpired, CursorInvalid
from models.core.paging.pagination import Page, PageRequest
from models.database import batch
from models.log import event
from models.log.event import Event, EventType, decode_cursor, encode_cursor
from models.queries.logs import event_log, timeline
from models.queries.logs.event_log import EventFilter
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

EVERYTHING = PageRequest(100, False, None, None)
COUNT_WAITING = (
    "SELECT COUNT(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Rollback(Exception):
    """Rolls a transaction back on purpose."""


async def test_the_head_of_an_empty_log_is_0(desk: Desk) -> None:
    assert await event.read_head() == 0


async def test_appending_no_events_does_not_move_the_head(desk: Desk) -> None:
    await desk.raise_ticket()
    async with database.transaction():
        await event.append([])
    assert await event.read_head() == 1


async def test_positions_of_a_rolled_back_transaction_are_reused(desk: Desk) -> None:
    ticket = await desk.raise_ticket()

    async def roll_back() -> None:
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([ticket.id]))[ticket.id], desk.ada, NOON, WINDOW
            )
            commands.start(change)
            assert await write(change) == 2
            raise Rollback

    with pytest.raises(Rollback):
        await roll_back()
    assert await event.read_head() == 1
    change = await desk.act(ticket, commands.start)
    assert [each.position for each in change.events] == [2]


@pytest.mark.stress
async def test_positions_are_gapless_and_visible_in_the_order_of_commits(
    desk: Desk, random: Random
) -> None:
    """Many tasks write, and a third of them roll back; a reader sees all events in order."""
    tickets = [await desk.raise_ticket() for _ in range(12)]
    before = await event.read_head()
    committed: list[int] = []
    seen: list[int] = []

    async def writer(ticket: Ticket, events: int, is_rolled_back: bool) -> None:
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([ticket.id]))[ticket.id], desk.ada, NOON, WINDOW
            )
            for _ in range(events):
                commands.add_note(change, "not for customers")
            await write(change)
            if is_rolled_back:
                raise Rollback
        committed.extend(each.position for each in change.events)

    async def reader(writers: asyncio.Future[list[object]]) -> None:
        position = before
        while True:
            done = writers.done()
            for each in await event_log.read_after(position, 1000):
                assert each.position == position + 1
                position = each.position
                seen.append(position)
            if done:
                return

    jobs = [
        (random.choice(tickets), random.randrange(1, 4), number % 3 == 0) for number in range(90)
    ]
    writers = asyncio.gather(*(writer(*job) for job in jobs), return_exceptions=True)
    await reader(writers)
    outcomes = await writers
    assert [type(outcome) for outcome in outcomes] == [
        Rollback if is_rolled_back else type(None) for _, _, is_rolled_back in jobs
    ]
    total = sum(events for _, events, is_rolled_back in jobs if not is_rolled_back)
    assert sorted(committed) == seen == list(range(before + 1, before + total + 1))
    assert await event.read_head() == before + total


@pytest.mark.skipif(IS_SQLITE, reason="on SQLite there is one writer at a time from BEGIN on")
async def test_a_transaction_that_waits_for_a_row_does_not_lock_the_head(desk: Desk) -> None:
    stored, go = asyncio.Event(), asyncio.Event()

    async def hold_the_key() -> None:
        async with database.transaction():
            await batch.execute(
                batch.insert(
                    [
                        desk.unsaved_ticket(
                            await allocate_number(), external_scope="x", external_id="k"
                        )
                    ]
                )
            )
            stored.set()
            await go.wait()
            raise Rollback

    async def is_waiting() -> bool:
        return (await database.fetch(COUNT_WAITING))[0][0] == 1

    first = asyncio.create_task(hold_the_key())
    await stored.wait()
    second = asyncio.create_task(desk.raise_ticket(external_scope="x", external_id="k"))
    await until(is_waiting)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await desk.raise_ticket()
    assert not second.done()
    go.set()
    with pytest.raises(Rollback):
        await first
    await second
    assert await event.read_head() == 2


@pytest.mark.skipif(IS_SQLITE, reason="on SQLite there is one writer at a time from BEGIN on")
async def test_the_first_transaction_with_a_position_commits_first(desk: Desk) -> None:
    first, second = await desk.raise_ticket(), await desk.raise_ticket()
    appended, go = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def write_and_wait() -> None:
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([first.id]))[first.id], desk.ada, NOON, WINDOW
            )
            commands.start(change)
            await write(change)
            appended.set()
            await go.wait()
            order.append("first")

    async def write_after() -> None:
        await appended.wait()
        await desk.act(second, commands.start)
        order.append("second")

    both = asyncio.gather(write_and_wait(), write_after())
    await until(is_blocked)
    go.set()
    await both
    assert order == ["first", "second"]
    events = await Event.filter(type=EventType.STATUS_CHANGED).order_by("position")
    assert [each.ticket_id for each in events] == [first.id, second.id]


async def is_blocked() -> bool:
    """Whether a connection to this database waits for a lock."""
    return (await database.fetch(COUNT_WAITING))[0][0] != 0


POSITIONS = st.integers(0, 2**63 - 1)


@limit_examples(150)
@given(POSITIONS)
@example(0)
@example(2**63 - 1)
def test_a_cursor_decodes_to_its_position(position: int) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@limit_examples(150)
@given(POSITIONS, POSITIONS)
@example(9, 10)
@example(15, 16)
def test_comparing_cursors_as_strings_gives_the_order_of_the_log(one: int, other: int) -> None:
    assert (encode_cursor(one) < encode_cursor(other)) == (one < other)
    assert len(encode_cursor(one)) == len(encode_cursor(other)) == 16


@limit_examples(150)
@given(
    st.text(st.characters(), max_size=30)
    | st.text(st.sampled_from("0123456789abcdefF+-_ "), max_size=17)
)
@example("")
@example("\ud800")
def test_random_text_is_no_cursor(text: str) -> None:
    try:
        position = decode_cursor(text)
    except CursorInvalid:
        return
    assert encode_cursor(position) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        encode_cursor(10)[1:],
        "0" + encode_cursor(10),
        encode_cursor(10).upper(),
        encode_cursor(10) + "=",
        encode_cursor(10) + "\n",
        " " + encode_cursor(10)[1:],
        "+" + encode_cursor(10)[1:],
        "-" + encode_cursor(10)[1:],
        "0x" + encode_cursor(10)[2:],
        encode_cursor(10)[:8] + "_" + encode_cursor(10)[9:],
        encode_cursor(10)[:-1] + "٣",
        "8000000000000000",
        "ffffffffffffffff",
        base64.urlsafe_b64encode(b"log:10").decode().rstrip("="),
        "\ud800",
    ],
)
def test_text_similar_to_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        decode_cursor(text)


# --- reading ---


def type_names(events: list[Event]) -> list[str]:
    return [each.type.name for each in events]


async def create_conversation(desk: Desk) -> Ticket:
    """Create a ticket with: created, note, agent's reply, started, customer's reply, note."""
    ticket = await desk.raise_ticket()
    await desk.act(ticket, lambda change: commands.add_note(change, "not for customers"))
    await desk.act(
        ticket, lambda change: commands.reply(change, "Is the light on?", is_from_customer=False)
    )
    await desk.act(
        ticket, lambda change: commands.reply(change, "It is.", is_from_customer=True), by=desk.cora
    )
    await desk.act(ticket, lambda change: commands.add_note(change, "nor this"))
    return ticket


async def test_the_log_shows_customers_their_own_tickets_without_notes(desk: Desk) -> None:
    await create_conversation(desk)
    await desk.raise_ticket(by=desk.olga)
    public_types = ["TICKET_CREATED", "REPLY_ADDED", "STATUS_CHANGED", "REPLY_ADDED"]
    all_types = ["TICKET_CREATED", "NOTE_ADDED", *public_types[1:], "NOTE_ADDED", "TICKET_CREATED"]
    for viewer, expected in [
        (desk.ada, all_types),
        (desk.cora, public_types),
        (desk.carl, public_types),
        (desk.olga, ["TICKET_CREATED"]),
    ]:
        page = await (await event_log.list_events(viewer, EventFilter(), None, EVERYTHING, NOON))
        assert type_names(list(page.rows)) == expected
        assert await page.count_total() == len(expected)
        assert [decode_cursor(each) for each in page.cursors] == [
            each.position for each in page.rows
        ]


async def test_the_log_can_be_filtered_by_type_and_ticket(desk: Desk) -> None:
    await create_conversation(desk)
    await desk.raise_ticket(by=desk.olga, subject="Mail is down")
    replies = EventFilter(frozenset({EventType.REPLY_ADDED}))
    assert (
        type_names(
            list(
                (
                    await (await event_log.list_events(desk.ada, replies, None, EVERYTHING, NOON))
                ).rows
            )
        )
        == ["REPLY_ADDED"] * 2
    )
    nothing = EventFilter(frozenset())
    assert (
        await (await event_log.list_events(desk.ada, nothing, None, EVERYTHING, NOON))
    ).rows == []
    mail = {"subject": {"eq": "Mail is down"}}
    assert type_names(
        list(
            (
                await (await event_log.list_events(desk.ada, EventFilter(), mail, EVERYTHING, NOON))
            ).rows
        )
    ) == ["TICKET_CREATED"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
async def test_concatenated_pages_of_the_log_are_the_log(
    desk: Desk, size: int, backward: bool
) -> None:
    await create_conversation(desk)
    read: list[int] = []
    cursor: str | None = None
    for _ in count_pages():
        page_request = (
            PageRequest(size, backward, None, cursor)
            if backward
            else PageRequest(size, False, cursor, None)
        )
        page = await (
            await event_log.list_events(desk.cora, EventFilter(), None, page_request, NOON)
        )
        positions = [each.position for each in page.rows]
        read = positions + read if backward else read + positions
        has_more = await page.has_previous() if backward else await page.has_next()
        assert await (page.has_next() if backward else page.has_previous()) == (cursor is not None)
        if not has_more:
            break
        cursor = page.cursors[0 if backward else -1]
    assert read == [1, 3, 4, 5]


async def test_position_0_reads_all_events_and_the_head_reads_none(
    desk: Desk,
) -> None:
    await create_conversation(desk)
    from_start = await (
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(0), None), NOON
        )
    )
    assert [each.position for each in from_start.rows] == [1, 2, 3, 4, 5, 6]
    at_head = await (
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(6), None), NOON
        )
    )
    assert (list(at_head.rows), await at_head.has_next(), await at_head.has_previous()) == (
        [],
        False,
        True,
    )


async def test_a_cursor_beyond_the_head_is_invalid(desk: Desk) -> None:
    await create_conversation(desk)
    for position in (7, 10**18 - 1):
        with pytest.raises(CursorInvalid):
            await event_log.list_events(
                desk.ada,
                EventFilter(),
                None,
                PageRequest(100, False, encode_cursor(position), None),
                NOON,
            )


async def test_a_cursor_before_the_oldest_stored_event_has_expired(desk: Desk) -> None:
    await create_conversation(desk)
    await database.fetch_dicts("DELETE FROM events WHERE position <= 3")
    remaining = await (
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(3), None), NOON
        )
    )
    assert [each.position for each in remaining.rows] == [4, 5, 6]
    with pytest.raises(CursorExpired):
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(2), None), NOON
        )


async def timelines_of(
    viewer: Viewer, ticket_ids: list[UUID], page_request: PageRequest
) -> dict[UUID, Page[Event]]:
    return await timeline.list_timeline(
        viewer, ticket_ids, EventFilter(), page_request
    ).fetch_by_owner(ticket_ids, database.as_uuid)


async def test_a_timeline_has_the_messages_of_merged_tickets(desk: Desk) -> None:
    old, into = await create_conversation(desk), await desk.raise_ticket()
    async with database.transaction():
        found = await lock_tickets([old.id, into.id])
        pair = [TicketChange(found[each.id], desk.ada, NOON, WINDOW) for each in (old, into)]
        merging.merge(*pair, [])
        await write(*pair)
    for viewer, messages in [
        (desk.ada, ["NOTE_ADDED", "REPLY_ADDED", "REPLY_ADDED", "NOTE_ADDED"]),
        (desk.cora, ["REPLY_ADDED"] * 2),
    ]:
        pages = await timelines_of(viewer, [into.id, old.id], EVERYTHING)
        own = ["TICKET_CREATED", "MERGED"]
        assert type_names(list(pages[into.id].rows)) == [*messages, *own]
        assert type_names(list(pages[old.id].rows))[-2:] == ["MERGED", "STATUS_CHANGED"]
        counts = await timeline.count_events(viewer, [into.id, old.id])
        assert counts[into.id] == len(messages) + 2
        whole = [each.position for each in pages[into.id].rows]
        for size, backward in product(range(1, len(whole) + 2), (False, True)):
            page = (await timelines_of(viewer, [into.id], PageRequest(size, backward, None, None)))[
                into.id
            ]
            expected = whole[-size:] if backward else whole[:size]
            assert [each.position for each in page.rows] == expected
            assert page.has_more == (size < len(whole))


async def test_each_of_several_timelines_has_its_own_page(desk: Desk) -> None:
    first, second, hidden = (
        await create_conversation(desk),
        await desk.raise_ticket(),
        await desk.raise_ticket(by=desk.olga),
    )
    for backward, expected in [(False, [1, 3]), (True, [4, 5])]:
        page_request = PageRequest(2, backward, None, None)
        pages = await timelines_of(desk.cora, [first.id, second.id, hidden.id], page_request)
        for ticket, positions, more in (
            (first, expected, True),
            (second, [7], False),
            (hidden, [], False),
        ):
            page = pages[ticket.id]
            assert ([each.position for each in page.rows], page.has_more) == (positions, more)
            assert await page.count_total() == {first.id: 4, second.id: 1, hidden.id: 0}[ticket.id]


async def test_unseen_messages_are_visible_messages_by_other_users(desk: Desk) -> None:
    ticket = await create_conversation(desk)
    events = {each.position: each.message_id for each in await Event.all()}
    assert await timeline.find_unseen_messages(desk.bill, ticket.id, 0) == [
        events[2],
        events[3],
        events[5],
        events[6],
    ]
    assert await timeline.find_unseen_messages(desk.bill, ticket.id, 3) == [events[5], events[6]]
    assert await timeline.find_unseen_messages(desk.ada, ticket.id, 0) == [events[5]]
    assert await timeline.find_unseen_messages(desk.cora, ticket.id, 0) == [events[3]]
    assert await timeline.find_unseen_messages(desk.olga, ticket.id, 0) == []
    assert await event_log.read_last_position(desk.ada, ticket.id) == 6
