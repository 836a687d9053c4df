"""The commands on the people of a ticket besides its assignee: pure functions without I/O.

A *watcher* gets notifications. A *participant* is a customer who may see another customer's ticket.
A customer who could not see the ticket becomes both. docs/decisions/0032 gives the reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from models.access.permissions import ADMINISTER, READ_TICKETS
from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType, Json
from models.people.user import Role, User, no_such_user


@dataclass(frozen=True, slots=True)
class TicketPeople:
    """The people of a locked ticket, and the facts about the user to add or remove.

    watchers          the users who watch the ticket
    counted_watchers  how many of them count for the limit: the customers if the user is a customer,
                      or else the others
    participants      the customers with whom the ticket is shared
    requesters        the requesters of the ticket and of all tickets merged with it
    *_organization    the current organizations of the actor and of the ticket's requester
    can_access        whether the user may see the ticket already
    shared_tickets    in how many tickets the user participates
    """

    watchers: Collection[UUID]
    counted_watchers: int
    participants: Collection[UUID]
    requesters: Collection[UUID]
    actor_organization: UUID | None
    requester_organization: UUID | None
    can_access: bool
    shared_tickets: int


def watch(
    change: TicketChange, user_id: UUID, watcher_ids: Sequence[UUID], counted_watchers: int = 0
) -> None:
    """Add a watcher to the current `watcher_ids`.

    `counted_watchers` is how many of them count for the limit: the customers if the actor is a
    customer, or else the others. Customers can't see the team's watchers, so these don't count for
    them.
    """
    if user_id not in watcher_ids:
        check_watcher_count(change, counted_watchers)
        change.added_watchers.append(user_id)
        log_watchers(change, watcher_ids, [*watcher_ids, user_id])


def unwatch(change: TicketChange, user_id: UUID, watcher_ids: Sequence[UUID]) -> None:
    """Remove a watcher from the current `watcher_ids`."""
    if user_id in watcher_ids:
        change.removed_watchers.append(user_id)
        remaining = [watcher_id for watcher_id in watcher_ids if watcher_id != user_id]
        log_watchers(change, watcher_ids, remaining)


def log_watchers(change: TicketChange, before: Sequence[UUID], after: Sequence[UUID]) -> None:
    """Log that the actor started or stopped watching. Customers don't see this of the team."""
    data: dict[str, Json] = {"watchers": [sorted(map(str, each)) for each in (before, after)]}
    change.log(EventType.TICKET_UPDATED, data, internal=not change.actor.is_customer)


def add_watcher(change: TicketChange, user: User, people: TicketPeople) -> None:
    """Add a user to the watchers; a customer who can't see the ticket becomes a participant too.

    Raises InvalidInput.
    """
    if change.actor.is_customer and not is_colleague(change, user, people):
        raise no_such_user("userId")
    if not user.active:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active user", "userId")
    is_new_watcher = user.id not in people.watchers
    if is_new_watcher:
        check_watcher_count(change, people.counted_watchers)
        change.added_watchers.append(user.id)
    if user.role is Role.CUSTOMER and not people.can_access:
        check_may_share(change, user, people)
        check_participant_count(change, people)
        change.added_participants.append(user.id)
    log_people(change, user, people)


def remove_watcher(change: TicketChange, user: User, people: TicketPeople) -> None:
    """Remove a user from the watchers, and from the participants unless a merge made them one.

    Raises InvalidInput.
    """
    is_shared_with = user.id in people.participants and user.id not in people.requesters
    if change.actor.is_customer and not (is_colleague(change, user, people) or is_shared_with):
        raise no_such_user("userId")
    if user.id in people.watchers:
        change.removed_watchers.append(user.id)
    if is_shared_with:
        change.removed_participants.append(user.id)
    log_people(change, user, people)


def is_colleague(change: TicketChange, user: User, people: TicketPeople) -> bool:
    """Whether the user is the actor, or a customer of the actor's organization."""
    if user.id == change.actor.user_id:
        return True
    organization = people.actor_organization
    is_same = organization is not None and user.organization_id == organization
    return user.role is Role.CUSTOMER and is_same


def check_may_share(
    change: TicketChange, user: User, people: TicketPeople, field: str = "userId"
) -> None:
    """Raises InvalidInput if the actor may not show the ticket to this user."""
    check_token_reads(change, field)
    if ADMINISTER.allows(change.actor):
        return
    organizations = {
        change.ticket.organization_id,
        people.requester_organization,
        user.organization_id,
    }
    if len(organizations) != 1 or None in organizations:
        message = (
            "must belong to the organization of the ticket and its requester; "
            "only admins can share a ticket with another organization"
        )
        raise InvalidInput(UserErrorCode.INVALID, message, field)


def check_token_reads(change: TicketChange, field: str) -> None:
    """Raises InvalidInput if the token of the actor may not read tickets, and so show none."""
    if not READ_TICKETS.allows(change.actor):
        message = "needs a token with the scope tickets:read, because it shows a conversation"
        raise InvalidInput(UserErrorCode.INVALID, message, field)


def check_watcher_count(change: TicketChange, counted_watchers: int) -> None:
    if counted_watchers >= change.limits.max_watchers_per_ticket:
        message = f"has {counted_watchers} watchers, which is the maximum"
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId", limit_name="ticket_watchers")


def check_participant_count(change: TicketChange, people: TicketPeople) -> None:
    count, max_count = len(people.participants), change.limits.max_participants_per_ticket
    if count >= max_count:
        message = f"has {count} participants, which is the maximum"
        raise InvalidInput(
            UserErrorCode.INVALID, message, "ticketId", limit_name="ticket_participants"
        )
    max_tickets = change.limits.max_shared_tickets_per_user
    if people.shared_tickets >= max_tickets:
        message = f"participates in {max_tickets} tickets, which is the maximum"
        raise InvalidInput(UserErrorCode.INVALID, message, "userId", limit_name="shared_tickets")


def build_people_changes(change: TicketChange, people: TicketPeople) -> dict[str, Json]:
    """The lists of watchers and participants before and after, as far as they differ."""
    changes: dict[str, Json] = {}
    added, removed = change.added_watchers, change.removed_watchers
    if added or removed:
        changes["watchers"] = build_lists(people.watchers, added, removed)
    added, removed = change.added_participants, change.removed_participants
    if added or removed:
        changes["participants"] = build_lists(people.participants, added, removed)
    return changes


def build_lists(
    before: Collection[UUID], added: Collection[UUID], removed: Collection[UUID]
) -> list[Json]:
    after = set(before).union(added).difference(removed)
    return [sorted(map(str, user_ids)) for user_ids in (before, after)]


def log_people(change: TicketChange, user: User, people: TicketPeople) -> None:
    """Log the new lists in one event, if they differ. Customers see it if the user is one."""
    changes = build_people_changes(change, people)
    if changes:
        is_internal = user.role is not Role.CUSTOMER
        change.log(EventType.TICKET_UPDATED, changes, internal=is_internal)
