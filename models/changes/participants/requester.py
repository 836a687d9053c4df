"""The command that gives a ticket another requester: a pure function without I/O."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from models.changes.change import TicketChange
from models.changes.participants.sharing import TicketPeople, build_people_changes, check_may_share
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType, Json
from models.people.user import User


def set_requester(
    change: TicketChange,
    requester: User,
    people: TicketPeople,
    outsiders: Collection[UUID],
    *,
    is_merged: bool,
) -> dict[str, Json]:
    """Set the requester, and the organization to theirs; returns the changes to log.

    `outsiders` are the participants who don't belong to the new organization; they lose the ticket
    if its organization changes, and the ticket is no longer shared with the earlier organization.
    `is_merged` is whether a merge connects the ticket with another. `log_requester_change` must
    follow, because only then is the new visibility known. Raises InvalidInput.
    """
    ticket = change.ticket
    if requester.id == ticket.requester_id:
        return {}
    if is_merged:
        message = "is merged with another ticket; undo the merge first"
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    if not requester.active:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active user", "requesterId")
    check_may_share(change, requester, people, "requesterId")
    leaving = {requester.id}.intersection(people.participants)
    is_shared = ticket.shared_with_organization
    if requester.organization_id != ticket.organization_id:
        leaving |= set(outsiders)
        is_shared = False
    change.removed_participants = sorted(leaving)
    return change.set(
        requester_id=requester.id,
        organization_id=requester.organization_id,
        shared_with_organization=is_shared,
    )


def log_requester_change(
    change: TicketChange,
    changes: dict[str, Json],
    people: TicketPeople,
    without_access: Collection[UUID],
) -> None:
    """Log the `changes` that `set_requester` has made, if any.

    `without_access` are the watchers who can't see the ticket any more. They are removed.
    """
    if not changes:
        return
    change.removed_watchers = sorted(without_access)
    change.log(EventType.TICKET_UPDATED, {**changes, **build_people_changes(change, people)})
