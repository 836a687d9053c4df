"""The command that gives a ticket another requester: a pure function without I/O."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from models.changes.change import TicketChange
from models.changes.participants.sharing import TicketPeople, build_people_changes, check_may_share
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType
from models.people.user import User


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
    if its organization changes. `is_family` is whether a merge connects the ticket with another.
    `log_requester` must follow, because only then is the new visibility known. Raises InvalidInput.
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
    change.removed_participants = sorted(leaving)
    change.set(requester_id=requester.id, organization_id=requester.organization_id)


def log_requester(
    change: TicketChange,
    before: tuple[UUID, UUID | None],
    people: TicketPeople,
    without_access: Collection[UUID],
) -> None:
    """Log the change of the requester and the organization, which were `before`.

    `without_access` are the watchers who can't see the ticket any more. They are removed.
    """
    after = (change.ticket.requester_id, change.ticket.organization_id)
    if before == after:
        return
    change.removed_watchers = sorted(without_access)
    names = ("requester_id", "organization_id")
    values = zip(names, before, after, strict=True)
    changes = {name: [text_of(old), text_of(new)] for name, old, new in values if old != new}
    change.log(EventType.TICKET_UPDATED, {**changes, **build_people_changes(change, people)})


def text_of(key: UUID | None) -> str | None:
    return None if key is None else str(key)
