"""Reads and checks the records for merging locked tickets, and for undoing a merge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from models.access.visibility import can_access_without_participation
from models.changes.change import TicketChange
from models.changes.merges.merging import (
    MovedReply,
    Organizations,
    Participants,
    list_new_participants,
    list_requesters,
    remove_watchers,
)
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import Event, EventType
from models.people.user import User
from models.sla.update import read_waiting_since
from models.tickets.lifecycle import Status
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketParticipant, TicketWatcher


async def read_participants(changes: Sequence[TicketChange]) -> Participants:
    """The current participants of the tickets."""
    participants: dict[UUID, set[UUID]] = {}
    for row in await TicketParticipant.filter(ticket_id__in=[each.ticket.id for each in changes]):
        participants.setdefault(row.ticket_id, set()).add(row.user_id)
    return participants


async def read_organizations(changes: Sequence[TicketChange]) -> Organizations:
    """The current organizations of the tickets' requesters."""
    requesters = await User.filter(id__in=list_requesters(changes))
    return {user.id: user.organization_id for user in requesters}


async def check_shared_tickets(changes: Sequence[TicketChange]) -> None:
    """Raises InvalidInput if a new participant would participate in too many tickets."""
    max_tickets = changes[0].limits.max_shared_tickets_per_user
    for user_id in sorted(list_new_participants(changes)):
        count = await TicketParticipant.filter(user_id=user_id).count()
        count += sum(user_id in change.added_participants for change in changes)
        if count > max_tickets:
            message = f"would make a user participate in more than {max_tickets} tickets"
            raise InvalidInput(
                UserErrorCode.INVALID, message, "intoId", limit_name="shared_tickets"
            )


async def remove_watchers_without_access(changes: Sequence[TicketChange]) -> None:
    """Remove the watchers who are no longer participants and can't access the ticket otherwise."""
    for change in changes:
        if not change.removed_participants:
            continue
        watchers = await TicketWatcher.filter(ticket_id=change.ticket.id)
        watcher_ids = {watcher.user_id for watcher in watchers}
        removed_ids = watcher_ids.intersection(change.removed_participants)
        removed = await User.filter(id__in=removed_ids).select_related("organization")
        without_access = [
            user.id for user in removed if not can_access_without_participation(user, change.ticket)
        ]
        remove_watchers(change, without_access, watcher_ids)


async def find_waiting_since(ticket: Ticket) -> datetime | None:
    """The time since which the customer waits for an answer; None if they don't wait.

    A customer without any answer waits since the ticket's creation. On a ticket that is
    WAITING_ON_CUSTOMER, no customer waits, because their reply would change the status.
    """
    if not ticket.is_open or ticket.status is Status.WAITING_ON_CUSTOMER:
        return None
    if ticket.first_responded_at is None:
        return ticket.created_at
    return (await read_waiting_since([ticket.id]))[ticket.id]


async def read_merge_events(changes: Sequence[TicketChange]) -> dict[UUID, list[Event]]:
    """The MERGED and UNMERGED events of each ticket, in order."""
    events: dict[UUID, list[Event]] = {change.ticket.id: [] for change in changes}
    types = [EventType.MERGED, EventType.UNMERGED]
    query = Event.filter(ticket_id__in=list(events), type__in=types)
    for event in await query.order_by("position"):
        events[event.ticket_id].append(event)
    return events


async def list_requesters_without_access(
    requester_ids: Collection[UUID], into: Ticket
) -> list[UUID]:
    """The requesters who can access the ticket only as its participants."""
    users = await User.filter(id__in=list(requester_ids)).select_related("organization")
    return [user.id for user in users if not can_access_without_participation(user, into)]


async def read_replies(
    ticket_ids: Sequence[UUID], author_ids: Collection[UUID], after: int
) -> list[MovedReply]:
    """The replies of the authors on the tickets after a position of the log, in order."""
    if not author_ids:
        return []
    events = Event.filter(
        ticket_id__in=ticket_ids,
        actor_user_id__in=list(author_ids),
        type=EventType.REPLY_ADDED,
        position__gt=after,
    )
    records = await events.select_related("message").order_by("position")
    return [MovedReply(event, event.message) for event in records if event.message is not None]


async def read_last_replies(moved: Sequence[MovedReply]) -> dict[UUID, Message | None]:
    """The last reply that stays on each ticket whose replies are moved; None if none stays."""
    moved_ids = [reply.message.id for reply in moved]
    last_replies: dict[UUID, Message | None] = {}
    for ticket_id in dict.fromkeys(reply.message.ticket_id for reply in moved):
        replies = Message.filter(ticket_id=ticket_id, kind=MessageKind.REPLY)
        other_replies = replies.exclude(id__in=moved_ids).order_by("-created_at", "-id")
        last_replies[ticket_id] = await other_replies.first()
    return last_replies
