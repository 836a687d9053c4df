"""Staff with a token without the scope notes:read sees no notes, like customers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.ticket_factory import NOON, Desk

from models import database
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.changes import commands
from models.core.paging.pagination import PageRequest
from models.log.event import Event, EventType
from models.notifications import inbox, notification
from models.notifications.notification import Notification, NotificationReason
from models.queries import live_list
from models.queries.logs import event_log, timeline
from models.queries.logs.event_log import EventFilter
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.never_retried

EVERYTHING = PageRequest(100, False, None, None)


@pytest.fixture
async def ticket(desk: Desk) -> Ticket:
    """A ticket with a note and a reply by bill."""
    created = await desk.raise_ticket(desk.cora)
    await desk.act(created, lambda change: commands.add_note(change, "for us"), by=desk.bill)
    await desk.act(
        created,
        lambda change: commands.reply(change, "hello", is_from_customer=False),
        by=desk.bill,
    )
    return created


def without_notes(viewer: Viewer) -> Viewer:
    return replace(viewer, scopes=viewer.scopes - {Scope.NOTES_READ})


async def find_note(ticket: Ticket) -> Event:
    return await Event.get(ticket_id=ticket.id, type=EventType.NOTE_ADDED)


async def test_a_live_list_hides_the_event_but_not_the_change(desk: Desk, ticket: Ticket) -> None:
    event = await find_note(ticket)
    for viewer, hidden in ((desk.ada, False), (without_notes(desk.ada), True), (desk.cora, True)):
        _, memberships = await live_list.read_memberships_since(viewer, None, NOON, 0)
        (change,) = live_list.diff_events([event], {ticket.id}, memberships, viewer)
        assert change.hidden is hidden, viewer.caller_kind


async def test_the_log_and_the_timeline_show_no_note(desk: Desk, ticket: Ticket) -> None:
    event = await find_note(ticket)
    for viewer, shown in ((desk.ada, True), (without_notes(desk.ada), False), (desk.cora, False)):
        log = await (await event_log.list_events(viewer, EventFilter(), None, EVERYTHING, NOON))
        assert (event.position in {each.position for each in log.rows}) is shown
        counts = await timeline.count_events(
            viewer, [ticket.id], EventFilter(frozenset({EventType.NOTE_ADDED})).condition
        )
        assert counts.get(ticket.id, 0) == (1 if shown else 0)


async def test_a_note_is_not_an_unseen_message(desk: Desk, ticket: Ticket) -> None:
    replied = await Event.get(ticket_id=ticket.id, type=EventType.REPLY_ADDED)
    noted = await find_note(ticket)
    for viewer, expected in ((desk.ada, [noted, replied]), (without_notes(desk.ada), [replied])):
        assert await timeline.find_unseen_messages(viewer, ticket.id, 0) == [
            each.message_id for each in expected
        ]


async def test_a_notification_of_a_note_is_not_visible(desk: Desk, ticket: Ticket) -> None:
    event = await find_note(ticket)
    assert desk.ada.user_id is not None
    stored = Notification(
        user_id=desk.ada.user_id,
        event_id=event.position,
        reason=NotificationReason.WATCHER,
        created_at=NOON,
    )
    async with database.transaction():
        await notification.append_notifications([stored])
    for viewer, numbers in (
        (desk.ada, {stored.number}),
        (without_notes(desk.ada), set()),
        (desk.bill, set()),
    ):
        assert await inbox.filter_visible(viewer, [stored.number]) == numbers
        assert await inbox.count_unread(viewer) == len(numbers)
    await inbox.mark_read(without_notes(desk.ada), None, NOON)
    assert await inbox.count_unread(desk.ada) == 1
