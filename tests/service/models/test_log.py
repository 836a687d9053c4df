"""The one ordered log: positions without gaps in the order of commits, cursors that come back,
pages of what a viewer sees."""

from __future__ import annotations

import asyncio
import base64
from random import Random
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.loop_limits import count_pages
from support.ticket_factory import (
    DEADLINE_SECONDS,
    IS_SQLITE,
    NOON,
    WINDOW,
    Desk,
    limit_examples,
    until,
)

from models import database
from models.access.viewer import Viewer
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import allocate_number, lock_tickets, write
from models.core.errors import CursorExpired, CursorInvalid
from models.core.pagination import Page, PageRequest
from models.database import batch
from models.log import event
from models.log.event import Event, EventType, decode_cursor, encode_cursor
from models.queries import event_log, timeline
from models.queries.event_log import EventFilter
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

EVERYTHING = PageRequest(100, False, None, None)


class Undo(Exception):
    """A transaction that is taken back on purpose."""


async def test_an_empty_log_has_its_head_at_0(desk: Desk) -> None:
    assert await event.read_head() == 0


async def test_appending_nothing_moves_nothing(desk: Desk) -> None:
    await desk.raise_ticket()
    async with database.transaction():
        await event.append([])
    assert await event.read_head() == 1


async def test_a_rollback_gives_its_positions_back(desk: Desk) -> None:
    ticket = await desk.raise_ticket()

    async def undone() -> None:
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([ticket.id]))[ticket.id], desk.ada, NOON, WINDOW
            )
            commands.start(change)
            assert await write(change) == 2
            raise Undo

    with pytest.raises(Undo):
        await undone()
    assert await event.read_head() == 1
    change = await desk.act(ticket, commands.start)
    assert [entry.position for entry in change.events] == [2]


@pytest.mark.stress
async def test_positions_have_no_gap_and_are_seen_in_the_order_of_commits(
    desk: Desk, random: Random
) -> None:
    """Many write at once, a third of it taken back, while a reader follows: it never sees a later
    entry before an earlier one."""
    tickets = [await desk.raise_ticket() for _ in range(12)]
    before = await event.read_head()
    committed: list[int] = []
    seen: list[int] = []

    async def writer(ticket: Ticket, entries: int, undo: bool) -> None:
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([ticket.id]))[ticket.id], desk.ada, NOON, WINDOW
            )
            for _ in range(entries):
                commands.add_note(change, "not for customers")
            await write(change)
            if undo:
                raise Undo
        committed.extend(entry.position for entry in change.events)

    async def reader(writers: asyncio.Future[list[object]]) -> None:
        position = before
        while True:
            done = writers.done()
            for entry in await event_log.read_after(position, 1000):
                assert entry.position == position + 1
                position = entry.position
                seen.append(position)
            if done:
                return

    jobs = [(random.choice(tickets), random.randrange(1, 4), place % 3 == 0) for place in range(90)]
    writers = asyncio.gather(*(writer(*job) for job in jobs), return_exceptions=True)
    await reader(writers)
    outcomes = await writers
    assert [type(outcome) for outcome in outcomes] == [
        Undo if undo else type(None) for _, _, undo in jobs
    ]
    total = sum(entries for _, entries, undo in jobs if not undo)
    assert sorted(committed) == seen == list(range(before + 1, before + total + 1))
    assert await event.read_head() == before + total


@pytest.mark.skipif(IS_SQLITE, reason="on SQLite there is one writer at a time from BEGIN on")
async def test_who_waits_for_a_row_does_not_hold_the_head_meanwhile(desk: Desk) -> None:
    stored, go = asyncio.Event(), asyncio.Event()

    async def take_the_key_for_a_while() -> None:
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
            raise Undo

    async def waits() -> bool:
        locked = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return (await database.fetch(locked))[0][0] == 1

    first = asyncio.create_task(take_the_key_for_a_while())
    await stored.wait()
    second = asyncio.create_task(desk.raise_ticket(external_scope="x", external_id="k"))
    await until(waits)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await desk.raise_ticket()
    assert not second.done()
    go.set()
    with pytest.raises(Undo):
        await first
    await second
    assert await event.read_head() == 2


@pytest.mark.skipif(IS_SQLITE, reason="on SQLite there is one writer at a time from BEGIN on")
async def test_who_takes_a_position_first_commits_first(desk: Desk) -> None:
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
    await until(blocked)
    go.set()
    await both
    assert order == ["first", "second"]
    entries = await Event.filter(type=EventType.STATUS_CHANGED).order_by("position")
    assert [entry.ticket_id for entry in entries] == [first.id, second.id]


async def blocked() -> bool:
    """Whether somebody in this database waits for a lock."""
    found = await database.fetch_dicts(
        "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found[0]["n"] != 0


@limit_examples(150)
@given(st.integers(0, 10**18 - 1))
def test_a_cursor_comes_back_as_its_position(position: int) -> None:
    assert decode_cursor(encode_cursor(position)) == position


def coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@limit_examples(150)
@given(
    st.text(st.characters(), max_size=30)
    | st.text(st.characters(), max_size=20)
    .map(lambda text: "log:" + text)
    .map(
        lambda text: (
            base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
        )
    )
)
@example("")
@example(coded("log:"))
@example(coded("log:-1"))
@example(coded("log:01"))
@example(coded("log:+1"))
@example(coded("log: 1"))
@example(coded("log:1.0"))
@example(coded("log:٣"))
@example(coded("log:" + "9" * 19))
@example(coded("Log:1"))
@example(coded("list:1"))
@example(encode_cursor(1) + "=")
@example(encode_cursor(7) + "\n")
@example(encode_cursor(10) + "A")
@example("bG9nOjE\ud800")
def test_garbage_is_no_cursor(text: str) -> None:
    try:
        position = decode_cursor(text)
    except CursorInvalid:
        return
    assert encode_cursor(position) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        coded("log:01"),
        coded("log:-1"),
        coded("list:1"),
        encode_cursor(10) + "=",
        "twelve",
        "\ud800",
    ],
)
def test_what_only_looks_like_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        decode_cursor(text)


# --- reading ---


def types(entries: list[Event]) -> list[str]:
    return [entry.type.name for entry in entries]


async def conversation(desk: Desk) -> Ticket:
    """created, note, reply of the agent, started, reply of the customer, note."""
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
    await conversation(desk)
    await desk.raise_ticket(by=desk.olga)
    public = ["TICKET_CREATED", "REPLY_ADDED", "STATUS_CHANGED", "REPLY_ADDED"]
    every = ["TICKET_CREATED", "NOTE_ADDED", *public[1:], "NOTE_ADDED", "TICKET_CREATED"]
    for viewer, expected in [
        (desk.ada, every),
        (desk.cora, public),
        (desk.carl, public),
        (desk.olga, ["TICKET_CREATED"]),
    ]:
        page = await (await event_log.list_events(viewer, EventFilter(), None, EVERYTHING, NOON))
        assert types(list(page.rows)) == expected
        assert await page.count_total() == len(expected)
        assert [decode_cursor(each) for each in page.cursors] == [
            entry.position for entry in page.rows
        ]


async def test_the_log_is_read_by_type_and_filter(desk: Desk) -> None:
    await conversation(desk)
    await desk.raise_ticket(by=desk.olga, subject="Mail is down")
    replies = EventFilter(frozenset({EventType.REPLY_ADDED}))
    assert (
        types(
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
    assert types(
        list(
            (
                await (await event_log.list_events(desk.ada, EventFilter(), mail, EVERYTHING, NOON))
            ).rows
        )
    ) == ["TICKET_CREATED"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
async def test_pages_of_the_log_put_together_are_the_log(
    desk: Desk, size: int, backward: bool
) -> None:
    await conversation(desk)
    read: list[int] = []
    edge: str | None = None
    for _ in count_pages():
        window = (
            PageRequest(size, backward, None, edge)
            if backward
            else PageRequest(size, False, edge, None)
        )
        page = await (await event_log.list_events(desk.cora, EventFilter(), None, window, NOON))
        positions = [entry.position for entry in page.rows]
        read = positions + read if backward else read + positions
        onward = await page.has_previous() if backward else await page.has_next()
        assert await (page.has_next() if backward else page.has_previous()) == (edge is not None)
        if not onward:
            break
        edge = page.cursors[0 if backward else -1]
    assert read == [1, 3, 4, 5]


async def test_a_cursor_before_the_first_entry_reads_all_and_one_at_the_head_reads_nothing(
    desk: Desk,
) -> None:
    await conversation(desk)
    whole = await (
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(0), None), NOON
        )
    )
    assert [entry.position for entry in whole.rows] == [1, 2, 3, 4, 5, 6]
    ahead = await (
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(6), None), NOON
        )
    )
    assert (list(ahead.rows), await ahead.has_next(), await ahead.has_previous()) == (
        [],
        False,
        True,
    )


async def test_a_cursor_beyond_the_head_is_of_another_log(desk: Desk) -> None:
    await conversation(desk)
    for position in (7, 10**18 - 1):
        with pytest.raises(CursorInvalid):
            await event_log.list_events(
                desk.ada,
                EventFilter(),
                None,
                PageRequest(100, False, encode_cursor(position), None),
                NOON,
            )


async def test_a_cursor_from_before_what_is_kept_has_expired(desk: Desk) -> None:
    await conversation(desk)
    await database.fetch_dicts("DELETE FROM events WHERE position <= 3")
    kept = await (
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(3), None), NOON
        )
    )
    assert [entry.position for entry in kept.rows] == [4, 5, 6]
    with pytest.raises(CursorExpired):
        await event_log.list_events(
            desk.ada, EventFilter(), None, PageRequest(100, False, encode_cursor(2), None), NOON
        )


async def pages_of(
    viewer: Viewer, ticket_ids: list[UUID], window: PageRequest
) -> dict[UUID, Page[Event]]:
    return await timeline.list_timeline(viewer, ticket_ids, EventFilter(), window).fetch_by_owner(
        ticket_ids, database.as_uuid
    )


async def test_a_record_shows_the_messages_of_what_was_merged_into_it(desk: Desk) -> None:
    old, into = await conversation(desk), await desk.raise_ticket()
    async with database.transaction():
        found = await lock_tickets([old.id, into.id])
        pair = [TicketChange(found[each.id], desk.ada, NOON, WINDOW) for each in (old, into)]
        commands.merge(*pair, [])
        await write(*pair)
    for viewer, messages in [
        (desk.ada, ["NOTE_ADDED", "REPLY_ADDED", "REPLY_ADDED", "NOTE_ADDED"]),
        (desk.cora, ["REPLY_ADDED"] * 2),
    ]:
        pages = await pages_of(viewer, [into.id, old.id], EVERYTHING)
        own = ["TICKET_CREATED", "MERGED"]
        assert types(list(pages[into.id].rows)) == [*messages, *own]
        assert types(list(pages[old.id].rows))[-2:] == ["MERGED", "STATUS_CHANGED"]
        counts = await timeline.count_events(viewer, [into.id, old.id], EventFilter())
        assert counts[into.id] == len(messages) + 2


async def test_pages_of_many_records_are_cut_one_by_one(desk: Desk) -> None:
    first, second, hidden = (
        await conversation(desk),
        await desk.raise_ticket(),
        await desk.raise_ticket(by=desk.olga),
    )
    for backward, expected in [(False, [1, 3]), (True, [4, 5])]:
        window = PageRequest(2, backward, None, None)
        pages = await pages_of(desk.cora, [first.id, second.id, hidden.id], window)
        for ticket, positions, more in (
            (first, expected, True),
            (second, [7], False),
            (hidden, [], False),
        ):
            page = pages[ticket.id]
            assert ([entry.position for entry in page.rows], page.has_more) == (positions, more)
            assert await page.count_total() == {first.id: 4, second.id: 1, hidden.id: 0}[ticket.id]


async def test_unseen_are_the_messages_of_others_that_the_writer_may_read(desk: Desk) -> None:
    ticket = await conversation(desk)
    entries = {entry.position: entry.message_id for entry in await Event.all()}
    assert await timeline.find_unseen_messages(desk.bill, ticket.id, 0) == [
        entries[2],
        entries[3],
        entries[5],
        entries[6],
    ]
    assert await timeline.find_unseen_messages(desk.bill, ticket.id, 3) == [entries[5], entries[6]]
    assert await timeline.find_unseen_messages(desk.ada, ticket.id, 0) == [entries[5]]
    assert await timeline.find_unseen_messages(desk.cora, ticket.id, 0) == [entries[3]]
    assert await timeline.find_unseen_messages(desk.olga, ticket.id, 0) == []
    assert await event_log.read_last_position(ticket.id) == 6
