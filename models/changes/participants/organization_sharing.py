"""Shares one ticket with all customers of its organization."""

from __future__ import annotations

from models.access.permissions import ADMINISTER
from models.access.viewer import read_tickets_shared_with
from models.changes.change import TicketChange
from models.changes.participants.people_records import (
    list_watchers_without_access,
    read_current_organizations,
    read_watchers,
)
from models.changes.participants.sharing import build_lists, check_token_reads
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import Json

FIELD = "sharedWithOrganization"


async def set_shared_with_organization(
    change: TicketChange, shared: bool | None
) -> dict[str, Json]:
    """Share the locked ticket with its organization, or end this. None changes nothing.

    Customers who can't see the ticket afterwards are removed from the watchers. Returns the changes
    for the log. Raises InvalidInput.
    """
    if shared is None or shared == change.ticket.shared_with_organization:
        return {}
    actor = change.actor
    if actor.is_customer and actor.user_id != change.ticket.requester_id:
        message = "can be changed only by the requester of the ticket and by the team"
        raise InvalidInput(UserErrorCode.INVALID, message, FIELD)
    if shared:
        await check_can_be_shared(change)
        return change.set(shared_with_organization=True)
    changes = change.set(shared_with_organization=False)
    watchers = await read_watchers(change.ticket)
    change.removed_watchers = await list_watchers_without_access(change, watchers)
    if change.removed_watchers:
        changes["watchers"] = build_lists(watchers, [], change.removed_watchers)
    return changes


async def check_can_be_shared(change: TicketChange) -> None:
    """Raises InvalidInput if the actor can't share the ticket with its organization."""
    check_token_reads(change, FIELD)
    organization_id = change.ticket.organization_id
    if organization_id is None:
        raise InvalidInput(
            UserErrorCode.INVALID, "needs a ticket that belongs to an organization", FIELD
        )
    requester_id = change.ticket.requester_id
    current = (await read_current_organizations([requester_id])).get(requester_id)
    if current != organization_id and not ADMINISTER.allows(change.actor):
        message = (
            "needs a requester who still belongs to the organization of the ticket; "
            "only admins can share the ticket of another requester with it"
        )
        raise InvalidInput(UserErrorCode.INVALID, message, FIELD)
    shared = await read_tickets_shared_with([organization_id])
    max_tickets = change.limits.max_shared_tickets_per_organization
    if len(shared.get(organization_id, ())) >= max_tickets:
        message = f"is on for {max_tickets} tickets of the organization, which is the maximum"
        raise InvalidInput(
            UserErrorCode.INVALID, message, FIELD, limit_name="organization_shared_tickets"
        )
