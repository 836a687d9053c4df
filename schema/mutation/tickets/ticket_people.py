"""The mutations of the people of a ticket: its watchers, participants and requester."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import HANDLE_TICKETS_AS_STAFF, WRITE_TICKETS
from resolvers.tickets import people
from schema.fields import mutation
from schema.mutation.errors import TICKET_ERRORS
from schema.payloads.tickets.tickets import TicketPayload

TICKET = TicketPayload | None


@strawberry.type
class TicketPeopleMutations:
    add_watcher: Any = mutation(
        people.add_watcher,
        WRITE_TICKETS,
        "Adds a user to the watchers of a ticket and notifies them. A customer who can't see the "
        "ticket also becomes a participant, who sees it and may reply. Agents and customers may "
        "add such a customer only from the organization of the ticket and its requester; admins "
        "may add any customer. If the user watches the ticket already, nothing changes.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, userId)",
            "INVALID (ticketId: too many watchers or participants, or only shared with the "
            "viewer; userId: deactivated, of another organization, in too many tickets, or "
            "the token lacks the scope `tickets:read`; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    remove_watcher: Any = mutation(
        people.remove_watcher,
        WRITE_TICKETS,
        "Removes a user from the watchers of a ticket. A customer with whom `addWatcher` shared "
        "the ticket is no longer a participant, and may not see it any more. A customer who "
        "participates because of a merge remains a participant until the merge is undone.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, userId)",
            "INVALID (ticketId: only shared with the viewer; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    change_requester: Any = mutation(
        people.change_requester,
        HANDLE_TICKETS_AS_STAFF,
        "Gives a ticket another requester, who is notified and sees all of it. The organization of "
        "the ticket becomes theirs, and the SLA policies are matched again. The earlier requester "
        "can see the ticket only if another rule permits it. If the organization changes, "
        "participants of other organizations are removed. Watchers who can't see the ticket any "
        "more are always removed. A rating stays. Only admins may choose a requester outside the "
        "organization of the ticket and its current requester.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, requesterId)",
            "INVALID (ticketId: merged with another ticket; requesterId: deactivated, of another "
            "organization, or the token lacks the scope `tickets:read`; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
