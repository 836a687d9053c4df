"""Checks that the log of a database is complete and matches everything stored."""

from __future__ import annotations

from uuid import UUID

from models.audit.directory_event import DirectoryEvent
from models.changes.serialization import serialize_ticket
from models.custom_fields.custom_field import COLUMN_PREFIX, TicketCustomValue, column_of
from models.log import event
from models.log.event import MESSAGE_EVENTS, Event, EventType, Json
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketLink, TicketTag, TicketWatcher


async def audit() -> list[Event]:
    """Return the log. Fails if the log has gaps or differs from the stored records."""
    log = await Event.all().order_by("position")
    directory = await DirectoryEvent.all()
    positions = sorted(each.position for each in (*log, *directory))
    assert positions == list(range(1, len(positions) + 1))
    assert await event.read_head() == len(positions)
    by_ticket: dict[UUID, list[Event]] = {}
    for event_ in log:
        by_ticket.setdefault(event_.ticket_id, []).append(event_)
    for ticket in await Ticket.all():
        own = by_ticket[ticket.id]
        assert own[0].type is EventType.TICKET_CREATED
        assert [event_.version for event_ in own] == sorted(event_.version for event_ in own)
        assert {event_.version for event_ in own} == set(range(1, ticket.version + 1))
        await check_events_rebuild(ticket)
        assert last_logged_list(own, "tags") == sorted(
            tag.name for tag in await TicketTag.filter(ticket_id=ticket.id)
        )
        watchers = await TicketWatcher.filter(ticket_id=ticket.id)
        assert last_logged_list(own, "watchers") == sorted(
            str(watcher.user_id) for watcher in watchers
        )
        await check_last_reply(ticket)
        await check_custom_values(ticket, own)
        for clock in await SlaClock.filter(ticket_id=ticket.id, achieved_at__not_isnull=True):
            if clock.metric is Metric.FIRST_RESPONSE:
                assert ticket.first_responded_at is not None
            if clock.metric is Metric.RESOLUTION:
                assert ticket.resolved_at is not None
    message_ids = [event_.message_id for event_ in log if event_.type in MESSAGE_EVENTS]
    assert sorted(map(str, message_ids)) == sorted(
        str(message.id) for message in await Message.all()
    )
    links = set[tuple[str, object, object]]()
    for event_ in log:
        link = (str(event_.ticket_id), event_.value("other_id"), event_.value("kind"))
        if event_.type is EventType.LINKED:
            assert link not in links
            links.add(link)
        if event_.type is EventType.UNLINKED:
            links.remove(link)
    assert links == {
        (str(link.ticket_id), str(link.other_id), link.kind.value)
        for link in await TicketLink.all()
    }
    return log


async def check_last_reply(ticket: Ticket) -> None:
    """The ticket's columns are those of the newest reply on the ticket itself."""
    replies = Message.filter(ticket_id=ticket.id, kind=MessageKind.REPLY)
    last = await replies.order_by("-created_at", "-id").first()
    expected = (last.created_at, last.author_user_id, last.author_client_id) if last else None
    found = (ticket.last_reply_at, ticket.last_reply_user_id, ticket.last_reply_client_id)
    assert found == (expected or (None, None, None))


async def check_custom_values(ticket: Ticket, events: list[Event]) -> None:
    """The events of the ticket give the values of its custom fields."""
    rebuilt: dict[str, Json] = {}
    for event_ in events:
        for name, (before, after) in event_.changes.items():
            if name.startswith(COLUMN_PREFIX):
                assert rebuilt.get(name) == before
                rebuilt[name] = after
    values = await TicketCustomValue.filter(ticket_id=ticket.id).select_related("field")
    stored = {column_of(value.field.key): value.logged for value in values}
    assert {name: value for name, value in rebuilt.items() if value is not None} == stored


async def check_events_rebuild(ticket: Ticket) -> None:
    """Check that the ticket's events alone give its logged columns."""
    stored = serialize_ticket(ticket)
    rebuilt: dict[str, Json] = dict.fromkeys(stored)
    for event_ in await Event.filter(ticket_id=ticket.id).order_by("position"):
        for name, change in event_.changes.items():
            if name in rebuilt:
                rebuilt[name] = change[1]
    assert rebuilt == stored


def last_logged_list(events: list[Event], name: str) -> list[str]:
    """The last value of a list, such as the tags, in the events; sorted."""
    values = [event_.changes[name][1] for event_ in events if name in event_.changes]
    last = values[-1] if values else []
    assert isinstance(last, list)
    return sorted(str(each) for each in last)
