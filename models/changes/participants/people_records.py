"""Reads the people of a locked ticket for the commands of `models.changes.participants.sharing`."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from tortoise.expressions import Q

from models.access.viewer import (
    read_participations,
    read_shared_tickets,
    viewer_of_user,
)
from models.access.visibility import can_access_ticket, can_access_without_participation
from models.changes.change import TicketChange
from models.changes.participants.sharing import TicketPeople
from models.people.user import Role, User, no_such_user
from models.tickets.ticket import Ticket, TicketParticipant, TicketWatcher


async def get_user(key: UUID | None, field: str) -> User:
    """The user with this key and its organization. Raises InvalidInput NOT_FOUND."""
    user = await User.get_or_none(id=key).select_related("organization") if key else None
    if user is None:
        raise no_such_user(field)
    return user


async def read_people(change: TicketChange, user: User) -> TicketPeople:
    """The people of the ticket, and what is known of the user to add or remove."""
    ticket = change.ticket
    participants = await TicketParticipant.filter(ticket_id=ticket.id)
    watcher_ids = await read_watchers(ticket)
    customers = user.role is Role.CUSTOMER
    viewer = viewer_of_user(user, await read_shared_tickets([user]))
    participations = await read_participations([user.id])
    organizations = await read_current_organizations([ticket.requester_id, change.actor.user_id])
    return TicketPeople(
        watchers=watcher_ids,
        counted_watchers=await count_watchers(ticket, customers=customers),
        participants=[each.user_id for each in participants],
        requesters=await read_family_requesters(ticket),
        actor_organization=organizations.get(change.actor.user_id),
        requester_organization=organizations.get(ticket.requester_id),
        can_access=can_access_ticket(viewer, ticket),
        shared_tickets=len(participations.get(user.id, ())),
    )


async def read_current_organizations(
    user_ids: Collection[UUID | None],
) -> dict[UUID | None, UUID | None]:
    """The organizations to which the users belong now."""
    users = await User.filter(id__in=[user_id for user_id in user_ids if user_id])
    return {user.id: user.organization_id for user in users}


async def read_family_requesters(ticket: Ticket) -> set[UUID]:
    """The requesters of the ticket and of all tickets with which a merge connects it."""
    root_id = ticket.merged_into_id or ticket.id
    family = await Ticket.filter(Q(id=root_id) | Q(merged_into_id=root_id))
    return {each.requester_id for each in family}


async def is_merged(ticket: Ticket) -> bool:
    """Whether the ticket was merged into another, or another into it."""
    return ticket.merged_into_id is not None or await Ticket.exists(merged_into_id=ticket.id)


async def list_outsiders(user_ids: Collection[UUID], organization_id: UUID | None) -> list[UUID]:
    """Those of the users who don't belong to the organization."""
    users = await User.filter(id__in=list(user_ids))
    return [
        user.id
        for user in users
        if organization_id is None or user.organization_id != organization_id
    ]


async def list_watchers_without_access(
    change: TicketChange, watcher_ids: Collection[UUID]
) -> list[UUID]:
    """The watchers who can't access the ticket as the change leaves it."""
    users = await User.filter(id__in=list(watcher_ids)).select_related("organization")
    participants = await TicketParticipant.filter(ticket_id=change.ticket.id)
    remaining = {each.user_id for each in participants}.difference(change.removed_participants)
    return [
        user.id
        for user in users
        if user.id not in remaining and not can_access_without_participation(user, change.ticket)
    ]


async def read_watchers(ticket: Ticket) -> list[UUID]:
    return [watcher.user_id for watcher in await TicketWatcher.filter(ticket_id=ticket.id)]


async def count_watchers(ticket: Ticket, *, customers: bool) -> int:
    """The number of watchers who are customers, or who are not."""
    is_customer = Q(user__role=Role.CUSTOMER)
    side = is_customer if customers else ~is_customer
    return await TicketWatcher.filter(side, ticket_id=ticket.id).count()
