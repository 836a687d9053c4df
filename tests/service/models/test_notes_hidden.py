"""Staff whose token lacks the scope notes:read are told of no note, like customers, although they see every ticket."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.ticket_factory import NOON, Desk

from models import database
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.changes import commands
from models.core.pagination import PageRequest
from models.log.event import Event, EventType
from models.notifications import inbox, notification
from models.notifications.notification import Notification, NotificationReason
from models.queries import event_log, live_list, timeline
from models.queries.event_log import EventFilter
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.never_retried

EVERYTHING = PageRequest(100, False, None, None)


@pytest.fixture
async def ticket(desk: Desk) -> Ticket:
    """A ticket with a note and a reply by bill."""
    found = await desk.raise_ticket(desk.cora)
    await desk.act(found, lambda change: commands.add_note(change, "for us"), by=desk.bill)
    await desk.act(found, lambda change: commands.reply(change, "hello", is_from_customer=False), by=desk.bill)
    return found


def blind(viewer: Viewer) -> Viewer:
    return replace(viewer, scopes=viewer.scopes - {Scope.NOTES_READ})


async def note(ticket: Ticket) -> Event:
    return await Event.get(ticket_id=ticket.id, type=EventType.NOTE_ADDED)


async def test_a_live_list_tells_them_that_a_ticket_changed_and_not_by_what(desk: Desk, ticket: Ticket) -> None:
    entry = await note(ticket)
    for viewer, hidden in ((desk.ada, False), (blind(desk.ada), True), (desk.cora, True)):
        _, standing = await live_list.read_memberships_since(viewer, None, NOON, 0)
        (step,) = live_list.diff_events([entry], {ticket.id}, standing, viewer)
        assert step.hidden is hidden, viewer.caller


async def test_the_log_and_the_record_show_them_no_note(desk: Desk, ticket: Ticket) -> None:
    entry = await note(ticket)
    for viewer, shown in ((desk.ada, True), (blind(desk.ada), False), (desk.cora, False)):
        log = await (await event_log.list_events(viewer, EventFilter(), None, EVERYTHING, NOON))
        assert (entry.position in {each.position for each in log.rows}) is shown
        counts = await timeline.count_events(viewer, [ticket.id], EventFilter(frozenset({EventType.NOTE_ADDED})))
        assert counts.get(ticket.id, 0) == (1 if shown else 0)


async def test_a_note_is_no_unseen_message_of_theirs(desk: Desk, ticket: Ticket) -> None:
    replied = await Event.get(ticket_id=ticket.id, type=EventType.REPLY_ADDED)
    noted = await note(ticket)
    for viewer, expected in ((desk.ada, [noted, replied]), (blind(desk.ada), [replied])):
        assert await timeline.find_unseen_messages(viewer, ticket.id, 0) == [each.message_id for each in expected]


async def test_a_notification_of_a_note_does_not_exist_for_them(desk: Desk, ticket: Ticket) -> None:
    entry = await note(ticket)
    assert desk.ada.user_id is not None
    told = Notification(user_id=desk.ada.user_id, event_id=entry.position, reason=NotificationReason.WATCHER, created_at=NOON)
    async with database.transaction():
        await notification.append_notifications([told])
    for viewer, numbers in ((desk.ada, {told.number}), (blind(desk.ada), set()), (desk.bill, set())):
        assert await inbox.filter_visible(viewer, [told.number]) == numbers
        assert await inbox.count_unread(viewer) == len(numbers)
    await inbox.mark_read(blind(desk.ada), None, NOON)
    assert await inbox.count_unread(desk.ada) == 1
