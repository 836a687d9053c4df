"""The command that gives a ticket another requester: a pure function without I/O."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from models.changes.change import TicketChange
from models.changes.participants.sharing import TicketPeople, build_people_changes, check_may_share
from models.changes.serialization import serialize_value
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType, Json
from models.people.user import User
from models.tickets.ticket import Ticket

REQUESTER_COLUMNS = ("requester_id", "organization_id", "shared_with_organization")


def change_requester(
    change: TicketChange,
    requester: User,
    people: TicketPeople,
    outsiders: Collection[UUID],
    *,
    is_family: bool,
) -> None:
    """Set the requester, and the organization to theirs.

    `outsiders` are the participants who don't belong to the new organization; they lose the ticket
    if its organization changes, and the ticket is no longer shared with the earlier organization.
    `is_family` is whether a merge connects the ticket with another. `log_requester` must follow,
    because only then is the new visibility known. Raises InvalidInput.
    """
    ticket = change.ticket
    if requester.id == ticket.requester_id:
        return
    if is_family:
        message = "is merged with another ticket; undo the merge first"
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    if not requester.active:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active user", "requesterId")
    check_may_share(change, requester, people, "requesterId")
    leaving = {requester.id}.intersection(people.participants)
    if requester.organization_id != ticket.organization_id:
        leaving |= set(outsiders)
        change.set(shared_with_organization=False)
    change.removed_participants = sorted(leaving)
    change.set(requester_id=requester.id, organization_id=requester.organization_id)


def log_requester(
    change: TicketChange,
    before: tuple[UUID, UUID | None, bool],
    people: TicketPeople,
    without_access: Collection[UUID],
) -> None:
    """Log the change of REQUESTER_COLUMNS, which had the values `before`.

    `without_access` are the watchers who can't see the ticket any more. They are removed.
    """
    after = get_requester_values(change.ticket)
    if before == after:
        return
    change.removed_watchers = sorted(without_access)
    values = zip(REQUESTER_COLUMNS, before, after, strict=True)
    changes: dict[str, Json] = {
        name: [serialize_value(old), serialize_value(new)]
        for name, old, new in values
        if old != new
    }
    change.log(EventType.TICKET_UPDATED, {**changes, **build_people_changes(change, people)})


def get_requester_values(ticket: Ticket) -> tuple[UUID, UUID | None, bool]:
    """The values of REQUESTER_COLUMNS."""
    return ticket.requester_id, ticket.organization_id, ticket.shared_with_organization
