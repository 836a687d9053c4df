"""Writing a change: it is atomic, it is guarded by the version, and the log rebuilds the ticket."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.assert_unchanged import assert_nothing_stored, read_all_rows
from support.audit import check_events_rebuild
from support.ticket_factory import (
    NOON,
    STEPS,
    WINDOW,
    Desk,
    allocate_number,
    limit_examples,
    run_random_step,
)
from tortoise.exceptions import IntegrityError

from models import database
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.merges import link_commands, merging
from models.changes.participants import sharing
from models.changes.storage import lock_tickets, write
from models.core.errors import StaleVersion
from models.core.ids import new_id
from models.log import event
from models.log.event import Event, EventType
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.link_kind import LinkKind
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


async def test_a_new_ticket_is_stored_with_its_tags_and_resources(desk: Desk) -> None:
    async with database.transaction():
        ticket = desk.unsaved_ticket(await allocate_number())
        change = TicketChange(ticket, desk.cora, NOON, WINDOW)
        resource = TicketResource(ticket_id=ticket.id, kind="server", external_id="s-1", name="web")
        commands.create(change, ["vpn", "mail"], [resource])
        reached = await write(change)
    found = await Ticket.get(id=ticket.id)
    assert (found.version, found.updated_at, found.status) == (1, NOON, Status.NEW)
    assert sorted(tag.name for tag in await TicketTag.filter(ticket_id=ticket.id)) == [
        "mail",
        "vpn",
    ]
    kept = await TicketResource.get(ticket_id=ticket.id)
    assert (kept.kind, kept.external_id, kept.name) == ("server", "s-1", "web")
    (record,) = await Event.all()
    assert (record.position, record.type, record.version) == (reached, EventType.TICKET_CREATED, 1)
    assert reached == await event.read_head()


async def test_a_change_with_several_events_raises_the_version_by_one(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    later = NOON + timedelta(hours=1)
    change = await desk.act(ticket, lambda change: commands.assign(change, desk.ada.user), at=later)
    found = await Ticket.get(id=ticket.id)
    assert len(change.events) == 2
    assert (found.version, found.updated_at) == (2, later)
    assert [
        record.version for record in await Event.filter(ticket_id=ticket.id).order_by("position")
    ] == [1, 2, 2]


async def test_a_change_writes_only_its_own_columns(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    async with database.transaction():
        change = TicketChange((await lock_tickets([ticket.id]))[ticket.id], desk.ada, NOON, WINDOW)
        await Ticket.filter(id=ticket.id).update(priority=Priority.URGENT)  # a concurrent change
        commands.start(change)
        await write(change)
    found = await Ticket.get(id=ticket.id)
    assert (found.status, found.priority) == (Status.OPEN, Priority.URGENT)


async def test_a_change_of_a_ticket_that_changed_since_is_refused_as_stale(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    old = await Ticket.get(id=ticket.id)
    await desk.act(ticket, commands.start)
    await desk.act(ticket, commands.await_customer)
    late = TicketChange(old, desk.ada, NOON, WINDOW)
    commands.update(late, current_tags=[], subject="another", add_tags=["late"])
    commands.reply(late, "too late", is_from_customer=False)
    async with assert_nothing_stored():
        with pytest.raises(StaleVersion) as refusal:
            async with database.transaction():
                await write(late)
    assert refusal.value.current == 3
    assert refusal.value.field == ["input", "expectedVersion"]


async def test_one_stale_change_rolls_back_all_changes_of_the_write(desk: Desk) -> None:
    first, second = await desk.raise_ticket(), await desk.raise_ticket()
    stale = await Ticket.get(id=second.id)
    await desk.act(second, commands.start)
    change, other = (
        TicketChange(ticket, desk.ada, NOON, WINDOW)
        for ticket in (await Ticket.get(id=first.id), stale)
    )
    link_commands.link(change, other, LinkKind.RELATED)
    async with assert_nothing_stored():
        with pytest.raises(StaleVersion):
            async with database.transaction():
                await write(change, other)


async def test_a_write_that_fails_at_its_last_statement_stores_nothing(desk: Desk) -> None:
    ticket = await desk.raise_ticket()

    def fails(change: TicketChange) -> None:
        commands.reply(change, "Hello", is_from_customer=False)
        sharing.watch(change, desk.ada.user_id or new_id(), [])
        change.events[-1].actor_user_id = new_id()  # no such user

    async with assert_nothing_stored():
        with pytest.raises(IntegrityError):
            await desk.act(ticket, fails)


async def test_a_change_without_events_stores_nothing(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    async with assert_nothing_stored(), database.transaction():
        change = TicketChange((await lock_tickets([ticket.id]))[ticket.id], desk.ada, NOON, WINDOW)
        commands.update(change, current_tags=[], subject=ticket.subject)
        assert await write(change) == 0
        assert await write() == 0


async def test_several_changes_are_written_in_their_order(desk: Desk) -> None:
    first, second = await desk.raise_ticket(), await desk.raise_ticket()
    async with database.transaction():
        found = await lock_tickets([first.id, second.id])
        change, into = (
            TicketChange(found[each.id], desk.ada, NOON, WINDOW) for each in (first, second)
        )
        merging.merge(change, into, [])
        reached = await write(change, into)
    records = await Event.filter(position__gt=reached - 3).order_by("position")
    assert [(record.ticket_id, record.type) for record in records] == [
        (first.id, EventType.MERGED),
        (first.id, EventType.STATUS_CHANGED),
        (second.id, EventType.MERGED),
    ]


async def test_tags_watchers_links_and_messages_are_stored_and_removed(desk: Desk) -> None:
    ticket, other = await desk.raise_ticket(tags=["mail", "vpn"]), await desk.raise_ticket()
    cora = desk.cora.user_id
    assert cora is not None
    await desk.act(
        ticket,
        lambda change: commands.update(
            change, current_tags=["mail", "vpn"], add_tags=["new"], remove_tags=["vpn"]
        ),
    )
    assert sorted(tag.name for tag in await TicketTag.filter(ticket_id=ticket.id)) == [
        "mail",
        "new",
    ]
    await desk.act(ticket, lambda change: sharing.watch(change, cora, []))
    assert [each.user_id for each in await TicketWatcher.all()] == [cora]
    await desk.act(ticket, lambda change: sharing.unwatch(change, cora, [cora]))
    assert await TicketWatcher.all() == []
    await desk.act(ticket, lambda change: commands.add_note(change, "not for customers"))
    (record,) = await Event.filter(type=EventType.NOTE_ADDED)
    message = await Message.get(id=record.message_id)
    assert (message.body, message.author_user_id, record.internal) == (
        "not for customers",
        desk.ada.user_id,
        True,
    )
    async with database.transaction():
        found = await lock_tickets([ticket.id, other.id])
        pair = [TicketChange(found[each.id], desk.ada, NOON, WINDOW) for each in (ticket, other)]
        link_commands.link(*pair, LinkKind.PARENT_OF)
        await write(*pair)
    links = {(each.ticket_id, each.other_id): each.kind for each in await TicketLink.all()}
    assert links == {
        (ticket.id, other.id): LinkKind.PARENT_OF,
        (other.id, ticket.id): LinkKind.CHILD_OF,
    }


async def test_a_refused_command_stores_nothing(desk: Desk, random: Random) -> None:
    ticket = await desk.raise_ticket()
    await desk.act(ticket, lambda change: commands.close(change, CloseReason.SPAM))
    async with assert_nothing_stored():
        assert await run_random_step(desk, "start", random, [ticket.id]) is None


async def test_numbers_begin_at_1001_and_rise(desk: Desk) -> None:
    numbers = [(await desk.raise_ticket()).number for _ in range(3)]
    assert numbers == [1001, 1002, 1003]


async def test_locking_ignores_unknown_ids(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    async with database.transaction():
        assert set(await lock_tickets([ticket.id, new_id(), ticket.id])) == {ticket.id}
        assert await lock_tickets([]) == {}


@limit_examples(25)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 2**16)), min_size=1, max_size=20
    )
)
async def test_the_events_of_any_history_rebuild_the_stored_ticket(
    desk: Desk, steps: list[tuple[str, int]]
) -> None:
    tickets = [(await desk.raise_ticket(tags=["vpn"])).id for _ in range(3)]
    for place, (name, seed) in enumerate(steps):
        before = await read_all_rows() if place == len(steps) - 1 else None
        done = await run_random_step(
            desk, name, Random(seed), tickets, NOON + timedelta(days=place)
        )
        if before is not None and not done:
            assert await read_all_rows() == before
    for key in tickets:
        ticket = await Ticket.get(id=key)
        await check_events_rebuild(ticket)
        versions = (
            await Event.filter(ticket_id=key).order_by("position").values_list("version", flat=True)
        )
        assert versions == sorted(versions)
        assert ticket.version == versions[-1] == len(set(versions))
        tags, watchers, logged_tags, logged_watchers = await read_tags_and_watchers(ticket)
        assert (tags, watchers) == (logged_tags, logged_watchers)


async def read_tags_and_watchers(
    ticket: Ticket,
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Tags and watchers as they are stored, and as the log states them."""
    tags = sorted(await TicketTag.filter(ticket_id=ticket.id).values_list("name", flat=True))
    watchers = sorted(str(each.user_id) for each in await TicketWatcher.filter(ticket_id=ticket.id))
    logged: dict[str, list[str]] = {"tags": [], "watchers": []}
    for record in await Event.filter(ticket_id=ticket.id).order_by("position"):
        logged.update(
            {name: list(record.changes[name][1]) for name in logged if name in record.changes}
        )
    return tags, watchers, sorted(logged["tags"]), logged["watchers"]
