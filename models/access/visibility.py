"""The rules that decide which tickets, events and other records a viewer can see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from models.access.permissions import READ_POLICIES
from models.access.scopes import STAFF, Scope
from models.access.viewer import Viewer, read_current_visibility, viewer_of_user
from models.core.sql import FALSE, TRUE, Condition, compare, exists, in_list
from models.escalation.path import EscalationPath
from models.people.user import ApiClient, Organization, Role, User
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.ticket import Ticket


def visible_tickets(viewer: Viewer, alias: str = "t") -> Condition:
    """The tickets that the viewer can see; `alias` names the table `tickets` in the statement.

    Every statement that reads tickets or their events must include this condition.
    """
    if viewer.can_see_all_tickets:
        return TRUE
    may_read = viewer.is_customer and Scope.TICKETS_READ in viewer.scopes
    if not may_read or viewer.user_id is None:
        return FALSE
    condition = compare(f"{alias}.requester_id", "=", viewer.user_id)
    if viewer.shared_organization_id is not None:
        condition |= compare(f"{alias}.organization_id", "=", viewer.shared_organization_id)
    return condition | in_list(f"{alias}.id", sorted(viewer.shared_ticket_ids))


def visible_events(viewer: Viewer) -> Condition:
    """The events (alias `e`) of tickets (alias `t`) that the viewer can see."""
    public = TRUE if viewer.can_see_notes else Condition("(e.internal = FALSE)")
    return visible_tickets(viewer) & public


def can_see_ticket(viewer: Viewer, ticket: Ticket) -> bool:
    """`visible_tickets` for a loaded ticket. A test checks that both give the same result."""
    return Scope.TICKETS_READ in viewer.scopes and can_access_ticket(viewer, ticket)


def can_access_ticket(viewer: Viewer, ticket: Ticket) -> bool:
    """Whether the ticket is within the viewer's reach, whatever the scopes of its token.

    A token that may only write tickets can change these tickets but not see them.
    """
    is_shared = viewer.is_customer and ticket.id in viewer.shared_ticket_ids
    return is_shared or can_change_ticket(viewer, ticket)


def can_access_without_participation(user: User, ticket: Ticket) -> bool:
    """Whether the user may see the ticket, even if they are not a participant.

    For a ticket with changes that are not stored yet. The user's organization must be loaded.
    """
    organization_id = ticket.organization_id if ticket.shared_with_organization else None
    shares = organization_id is not None and user.organization_id == organization_id
    shared_tickets = {user.id: frozenset({ticket.id})} if shares else {}
    return can_access_ticket(viewer_of_user(user, shared_tickets), ticket)


def can_change_ticket(viewer: Viewer, ticket: Ticket) -> bool:
    """Whether the viewer may change the ticket.

    Customers with whom the ticket is shared may not: they only see it, reply and watch.
    """
    if viewer.caller_kind in STAFF:
        return True
    if not viewer.is_customer or viewer.user_id is None:
        return False
    if ticket.requester_id == viewer.user_id:
        return True
    shared = viewer.shared_organization_id
    return shared is not None and ticket.organization_id == shared


async def read_current_viewer(viewer: Viewer, tickets: Iterable[Ticket]) -> Viewer:
    """The viewer for access checks of tickets that are locked or were just read.

    `viewer` is that of the request's arrival. A customer's access to other tickets than its own
    may have ended since then, so it is read again if a ticket is not the customer's own.
    """
    if viewer.is_customer and any(each.requester_id != viewer.user_id for each in tickets):
        return await read_current_visibility(viewer)
    return viewer


def accessible_tickets(viewer: Viewer) -> Condition:
    """`can_access_ticket` as a condition on `tickets t`, for statements that lock tickets."""
    return visible_tickets(replace(viewer, scopes=viewer.scopes | {Scope.TICKETS_READ}))


def visible_watchers(viewer: Viewer, user_id: str) -> Condition:
    """The watchers or participants that the viewer can see: customers see no staff.

    `user_id` is a column.
    """
    if not viewer.is_customer:
        return TRUE
    return exists(f"users x WHERE x.id = {user_id} AND x.role = ?", (Role.CUSTOMER.value,))


def can_see_record(viewer: Viewer, record: object) -> bool:
    """Whether the viewer can see a user, API client, organization, SLA policy, calendar or path.

    Customers see themselves, their organization, and the users of a shared organization. Only
    staff see policies, calendars and paths; the SLA clocks of a ticket show customers its policy.
    True for records of other types: the loaders of tickets, messages and attachments check their
    visibility, and teams and categories are public.
    """
    if isinstance(record, SlaPolicy | SlaCalendar | EscalationPath):
        return READ_POLICIES.allows(viewer)
    if viewer.is_customer:
        return can_customer_see_record(viewer, record)
    if viewer.caller_kind not in STAFF:
        return False
    if not isinstance(record, User | ApiClient):
        return True
    return viewer.can_see_people or record.id in (viewer.user_id, viewer.client_id)


def can_customer_see_record(viewer: Viewer, record: object) -> bool:
    if isinstance(record, User):
        shared = viewer.shared_organization_id
        if record.id == viewer.user_id:
            return True
        return shared is not None and record.organization_id == shared
    if isinstance(record, Organization):
        return viewer.user is not None and record.id == viewer.user.organization_id
    return not isinstance(record, ApiClient)
