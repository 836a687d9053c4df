"""What must hold of any database, whatever happened to it: the log is whole, and tells all that is stored."""

from __future__ import annotations

from models.changes.change import rebuild_from_log, serialize_ticket
from models.log import event
from models.log.event import MESSAGE_EVENTS, Event, EventType
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketTag, TicketWatcher


async def audit() -> list[Event]:
    """Fails where something is half-done; returns the log."""
    log = await Event.all().order_by("position")
    assert [entry.position for entry in log] == list(range(1, len(log) + 1))
    assert await event.read_head() == len(log)
    for ticket in await Ticket.all():
        own = [entry for entry in log if entry.ticket_id == ticket.id]
        assert own[0].type is EventType.TICKET_CREATED
        assert [entry.version for entry in own] == sorted(entry.version for entry in own)
        assert {entry.version for entry in own} == set(range(1, ticket.version + 1))
        assert await rebuild_from_log(ticket) == serialize_ticket(ticket)
        assert last_logged_list(own, "tags") == sorted(tag.name for tag in await TicketTag.filter(ticket_id=ticket.id))
        watchers = await TicketWatcher.filter(ticket_id=ticket.id)
        assert last_logged_list(own, "watchers") == sorted(str(watcher.user_id) for watcher in watchers)
    spoken = [entry.message_id for entry in log if entry.type in MESSAGE_EVENTS]
    assert sorted(map(str, spoken)) == sorted(str(message.id) for message in await Message.all())
    ties = [(entry.ticket_id, entry.value("other_id")) for entry in log if entry.type is EventType.LINKED]
    assert sorted(map(str, ties)) == sorted(str((link.ticket_id, str(link.other_id))) for link in await TicketLink.all())
    return log


def last_logged_list(entries: list[Event], name: str) -> list[str]:
    """The last value of a list that the entries tell."""
    values = [entry.changes[name][1] for entry in entries if name in entry.changes]
    last = values[-1] if values else []
    assert isinstance(last, list)
    return sorted(str(each) for each in last)
