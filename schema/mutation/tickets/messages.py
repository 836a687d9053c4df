"""The mutations that add replies and notes, and that redact texts."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import HANDLE_TICKETS_AS_STAFF, WRITE_NOTES, WRITE_TICKETS
from resolvers.tickets import messages, redaction
from schema.fields import mutation
from schema.mutation.errors import TICKET_ERRORS
from schema.payloads.tickets.messages import NotePayload, ReplyPayload
from schema.payloads.tickets.tickets import TicketPayload

MESSAGE_ERRORS = (
    "NOT_FOUND (ticketId, attachmentIds)",
    "REQUIRED (body)",
    "TOO_LONG (body)",
    "INVALID (body, attachmentIds, idempotencyKey)",
)


@strawberry.type
class MessageMutations:
    reply_to_ticket: Any = mutation(
        messages.reply_to_ticket,
        WRITE_TICKETS,
        "Adds a public message. A customer's reply resumes a ticket that is WAITING_ON_CUSTOMER "
        "and reopens one that is RESOLVED or CLOSED. The first reply of an agent, admin or API "
        "client starts a NEW ticket. API clients can't reply to a CLOSED ticket; agents and "
        "admins only if they are its requester. `then` also changes the status: the reply and the "
        "change are stored together or not at all, and the payload lists the errors of both. "
        "Customers may only use `then: CLOSE`, which confirms a RESOLVED ticket and withdraws one "
        "in any other status; other actions fail with FORBIDDEN. An invalid `lastSeenCursor` "
        "fails with CURSOR_INVALID or CURSOR_EXPIRED.",
        ReplyPayload | None,
        errors=(
            *MESSAGE_ERRORS,
            "INVALID (until, reason; ticketId: only shared with the viewer, who uses `then`)",
            "REQUIRED (reason)",
            "REQUIRED (customFields for RESOLVE; without a field for CLOSE): the ticket has no "
            "value of a required custom field",
            "INVALID, NOT_FOUND, TOO_LONG (customFields)",
            "UNSEEN_MESSAGES (lastSeenCursor)",
            "TRANSITION_REFUSED: the ticket is merged, or CLOSED and the viewer is neither "
            "a customer nor the requester, or its status does not permit `then`",
            "REOPEN_WINDOW_PASSED: also if a retention policy erased the ticket's texts",
            *TICKET_ERRORS,
        ),
    )
    add_note: Any = mutation(
        messages.add_note,
        WRITE_NOTES,
        "Adds an internal message, which customers never see. A note can be added in every status.",
        NotePayload | None,
        errors=(*MESSAGE_ERRORS, *TICKET_ERRORS),
    )
    redact_message: Any = mutation(
        redaction.redact_message,
        HANDLE_TICKETS_AS_STAFF,
        "Removes a text from a message: from its body, its HTML, the search, and emails that are "
        "not sent yet. Emails that were sent and backups keep it. Admins and API clients with the "
        "scope `admin` redact any message, others only their own. If the whole message is redacted "
        "already, nothing changes.",
        TicketPayload | None,
        errors=(
            "NOT_FOUND (messageId; text: does not occur in the message)",
            "REQUIRED (text, reason)",
            "TOO_LONG (text, reason)",
            "INVALID (messageId: of another author; reason: contains the text; text, "
            "idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    redact_ticket: Any = mutation(
        redaction.redact_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Removes a text from the subject, description or resolution of a ticket: from its current "
        "and earlier values, its HTML, the log, the search, jobs, and emails that are not sent "
        "yet. Emails that were sent and backups keep it. Admins and API clients with the scope "
        "`admin` redact any ticket, others only what they have written: the subject and the "
        "description of tickets that they have created, and their resolutions. If the whole "
        "field is redacted already, nothing changes.",
        TicketPayload | None,
        errors=(
            "NOT_FOUND (ticketId; field: the ticket has none; text: occurs in no value of it)",
            "REQUIRED (text, reason)",
            "TOO_LONG (text, reason)",
            "INVALID (field: of another author, or a resolution that repeats a reply; reason: "
            "contains the text; text, idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
