"""The mutation that copies tickets of another system."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import HANDLE_TICKETS_AS_STAFF
from resolvers.tickets import upserts
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.tickets.tickets import TicketPayload


@strawberry.type
class TicketUpsertMutations:
    upsert_ticket: Any = mutation(
        upserts.upsert_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Changes the viewer's ticket with the external id as updateTicket does, or creates one as "
        "createTicket does. Of concurrent calls for one external id, one creates the ticket and "
        "the others change it. A repetition changes nothing, even without an idempotency key. "
        "The version of a new ticket is 1.",
        TicketPayload | None,
        errors=(
            "REQUIRED (externalId, tags, resources; for a new ticket also subject, description, "
            "category, requesterId, requester)",
            "TOO_LONG (subject, description, tags, resources, externalId, requester)",
            "INVALID (category: archived; requester: as in createTicket; subject, description, "
            "tags, resources, externalId, idempotencyKey)",
            "NOT_FOUND (category, requesterId)",
            "REQUIRED, TOO_LONG, INVALID, NOT_FOUND (customFields)",
            "TAKEN (externalId: a concurrent createTicket or updateTicket sets or removes it; try "
            "again)",
            *KEY_ERRORS,
        ),
    )
