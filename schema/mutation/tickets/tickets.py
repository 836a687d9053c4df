"""The mutations of tickets."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import (
    HANDLE_TICKETS_AS_STAFF,
    MARK_TICKETS_READ,
    RATE_TICKETS,
    WATCH_TICKETS,
    WRITE_TICKETS,
)
from resolvers.tickets import changes, creation, merging, read_marks
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, TICKET_ERRORS
from schema.payloads.tickets.tickets import MarkTicketReadPayload, TicketPayload

TICKET = TicketPayload | None
NOT_FOUND = "NOT_FOUND (ticketId)"
INVALID_KEY = "INVALID (idempotencyKey)"
TRANSITION = "TRANSITION_REFUSED: the status does not allow the action"
REASON_TEXT = ("REQUIRED (reason)", "TOO_LONG (reason)")
SHARED = "ticketId: the ticket is only shared with the viewer"


@strawberry.type
class TicketMutations:
    create_ticket: Any = mutation(
        creation.create_ticket,
        WRITE_TICKETS,
        "Creates a ticket with the status NEW. The category decides the team. The first "
        "active SLA policy that matches, if any, starts the SLA clocks. `requester` creates a "
        "customer if no user has the email address; the audit log and the directory events record "
        "it.",
        TICKET,
        errors=(
            "REQUIRED (subject, description, tags, resources, externalId, requesterId, requester)",
            "TOO_LONG (subject, description, tags, resources, externalId, requester)",
            "INVALID (category: archived; requester: given by a customer, given without its "
            "scopes, or given together with `requesterId`; followUpOf: too many links; subject, "
            "description, tags, resources, externalId, attachmentIds, idempotencyKey)",
            "NOT_FOUND (category, requesterId, followUpOf, attachmentIds)",
            "REQUIRED, TOO_LONG, INVALID, NOT_FOUND (customFields)",
            "TAKEN (externalId)",
            *KEY_ERRORS,
        ),
    )
    update_ticket: Any = mutation(
        changes.update_ticket,
        WRITE_TICKETS,
        "Changes a ticket. A new category transfers it to its team. Customers may only change "
        "EDITABLE custom fields and `sharedWithOrganization`; they get FORBIDDEN for all else.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, category, customFields)",
            "REQUIRED (subject, addTags, removeTags, addResources, removeResources, externalId)",
            "TOO_LONG (subject, addTags, removeTags, addResources, removeResources, externalId)",
            f"INVALID ({SHARED}; category: archived; subject, addTags, removeTags, "
            "addResources, removeResources, externalId, customFields, sharedWithOrganization, "
            "idempotencyKey)",
            "REQUIRED, TOO_LONG (customFields)",
            "TAKEN (externalId)",
            *TICKET_ERRORS,
        ),
    )
    assign_ticket: Any = mutation(
        changes.assign_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Assigns a ticket to an active agent or admin, or removes its assignee. After a user or "
        "API client removes the assignee, automatic assignment skips the ticket until it moves to "
        "another team or is reopened. Assigning a NEW ticket also starts it.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, assigneeId)",
            "INVALID (assigneeId, idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    transfer_ticket: Any = mutation(
        changes.transfer_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Transfers a ticket to another team. An assignee who is not a member of that team is "
        "removed.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, team)",
            "INVALID (team: archived; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    start_ticket: Any = mutation(
        changes.start_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Starts work on a NEW ticket; its status becomes OPEN.",
        TICKET,
        errors=(NOT_FOUND, TRANSITION, INVALID_KEY, *TICKET_ERRORS),
    )
    await_customer: Any = mutation(
        changes.await_customer,
        HANDLE_TICKETS_AS_STAFF,
        "Marks a ticket as waiting for its requester; the status of a NEW, OPEN or ON_HOLD ticket "
        "becomes WAITING_ON_CUSTOMER. Notifies the customer; the email quotes the team's last "
        "reply, unless the customer has answered it. The customer's reply resumes the ticket. By "
        "default, the server reminds the customer after 3 days and closes the ticket as ABANDONED "
        "after 7 days.",
        TICKET,
        errors=(NOT_FOUND, TRANSITION, INVALID_KEY, *TICKET_ERRORS),
    )
    hold_ticket: Any = mutation(
        changes.hold_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Puts a NEW, OPEN or WAITING_ON_CUSTOMER ticket on hold; its status becomes ON_HOLD. "
        "The server resumes it at the time `until`, if given. For a ticket that is ON_HOLD "
        "already, `until` replaces `heldUntil`, and the SLA clocks stay as they are.",
        TICKET,
        errors=(NOT_FOUND, "INVALID (until, idempotencyKey)", TRANSITION, *TICKET_ERRORS),
    )
    resume_ticket: Any = mutation(
        changes.resume_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Resumes a ticket that is WAITING_ON_CUSTOMER or ON_HOLD; its status becomes OPEN.",
        TICKET,
        errors=(NOT_FOUND, TRANSITION, INVALID_KEY, *TICKET_ERRORS),
    )
    resolve_ticket: Any = mutation(
        changes.resolve_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Resolves a ticket that is neither RESOLVED nor CLOSED and notifies the customer. "
        "The customer may confirm the resolution or reopen the ticket; the server closes it "
        "after 7 days by default.",
        TICKET,
        errors=(
            NOT_FOUND,
            "REQUIRED (resolution)",
            "TOO_LONG (resolution)",
            "INVALID (resolution, idempotencyKey)",
            "REQUIRED (customFields): the ticket has no value of a required custom field",
            "INVALID, NOT_FOUND, TOO_LONG (customFields)",
            TRANSITION,
            *TICKET_ERRORS,
        ),
    )
    close_ticket: Any = mutation(
        changes.close_ticket,
        WRITE_TICKETS,
        "Closes a ticket. A customer can confirm a RESOLVED ticket, and withdraw a ticket in any "
        "other status.",
        TICKET,
        errors=(
            NOT_FOUND,
            "REQUIRED (reason)",
            "REQUIRED (without a field): the ticket has no value of a custom field that is "
            "required at resolution",
            f"INVALID ({SHARED}; reason, idempotencyKey)",
            TRANSITION,
            *TICKET_ERRORS,
        ),
    )
    reopen_ticket: Any = mutation(
        changes.reopen_ticket,
        WRITE_TICKETS,
        "Reopens a RESOLVED or CLOSED ticket; its status becomes OPEN. A CLOSED ticket can be "
        "reopened within 14 days by default. It can't be reopened while it is merged into another "
        "one, or after a retention policy erased its texts.",
        TICKET,
        errors=(
            NOT_FOUND,
            *REASON_TEXT,
            f"INVALID ({SHARED}; reason, idempotencyKey)",
            "TRANSITION_REFUSED: the ticket is merged, or its status does not allow the action",
            "REOPEN_WINDOW_PASSED: also if a retention policy erased the ticket's texts",
            *TICKET_ERRORS,
        ),
    )
    escalate_ticket: Any = mutation(
        changes.escalate_ticket,
        WRITE_TICKETS,
        "Raises the escalation level of a ticket by one, notifies its assignee and team, and "
        "starts the matching escalation path, if any, unless it is already running on the ticket.",
        TICKET,
        errors=(
            NOT_FOUND,
            *REASON_TEXT,
            "INVALID (ticketId: resolved or closed, or only shared with the viewer; reason, "
            "idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    rate_ticket: Any = mutation(
        changes.rate_ticket,
        RATE_TICKETS,
        "Stores the rating of a RESOLVED or CLOSED ticket by its requester. A ticket that was "
        "closed as DUPLICATE, SPAM or INVALID can't be rated. A new rating replaces the earlier "
        "one; the log keeps both.",
        TICKET,
        errors=(
            NOT_FOUND,
            "TOO_LONG (comment)",
            "INVALID (ticketId: the viewer is not the requester, or the status or close reason "
            "does not allow it; score, comment, idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    watch_ticket: Any = mutation(
        changes.watch_ticket,
        WATCH_TICKETS,
        "Adds the viewer to the watchers of a ticket, who receive notifications about it. By "
        "default, at most 200 customers, and 200 agents and admins, can watch a ticket.",
        TICKET,
        errors=(
            NOT_FOUND,
            "INVALID (ticketId: too many watchers; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    mark_ticket_read: Any = mutation(
        read_marks.mark_ticket_read,
        MARK_TICKETS_READ,
        "Stores how far the viewer has read a ticket, for `Ticket.viewerHasUnread` and the filter "
        "`unread`, and marks the viewer's notifications of the ticket's events up to there as "
        "read. A mark never moves backwards. Changes no ticket and logs no event. The server "
        "keeps by default at most 10,000 marks per user and deletes the oldest; marks older than "
        "90 days have no effect and are deleted.",
        MarkTicketReadPayload | None,
        errors=(NOT_FOUND, INVALID_KEY, *KEY_ERRORS),
    )
    unwatch_ticket: Any = mutation(
        changes.unwatch_ticket,
        WATCH_TICKETS,
        "Removes the viewer from the watchers of a ticket.",
        TICKET,
        errors=(NOT_FOUND, INVALID_KEY, *TICKET_ERRORS),
    )
    link_tickets: Any = mutation(
        changes.link_tickets,
        HANDLE_TICKETS_AS_STAFF,
        "Links two tickets. The other ticket shows the inverse relation. At most one of "
        "DUPLICATE_OF, DUPLICATED_BY, PARENT_OF and CHILD_OF links the same two tickets, and at "
        "most one of FOLLOW_UP_OF and FOLLOWED_UP_BY. Links of one kind can't form a cycle. By "
        "default, a ticket has at most 200 links.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, otherId)",
            "INVALID (kind: contradicts a current link; otherId: the same ticket, or the link "
            "would close a cycle; ticketId, otherId: too many links; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    unlink_tickets: Any = mutation(
        changes.unlink_tickets,
        HANDLE_TICKETS_AS_STAFF,
        "Removes links between two tickets, from both of them. Without such a link, nothing "
        "changes.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, otherId)",
            "INVALID (otherId: the same ticket; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
    merge_tickets: Any = mutation(
        merging.merge_tickets,
        HANDLE_TICKETS_AS_STAFF,
        "Merges a ticket into another one. The first ticket becomes CLOSED with the reason "
        "DUPLICATE; the other one shows the messages of both. The description of the first ticket "
        "is not a message: read it in `mergedTickets`. If the customer of the first ticket waits "
        "for an answer, the merge affects the other one like that customer's reply: it resumes a "
        "ticket that is WAITING_ON_CUSTOMER, reopens one that is RESOLVED, and starts a "
        "NEXT_RESPONSE clock, with the time that the customer has waited, unless a response clock "
        "is running.",
        TICKET,
        errors=(
            "NOT_FOUND (ticketId, intoId)",
            "REQUIRED (acrossRequesters: the requesters differ, and it is false)",
            "INVALID (intoId, idempotencyKey)",
            "INVALID (acrossRequesters): the token lacks the scope `tickets:read`",
            "TRANSITION_REFUSED: the ticket is merged already",
            *TICKET_ERRORS,
        ),
    )
    unmerge_ticket: Any = mutation(
        merging.unmerge_ticket,
        HANDLE_TICKETS_AS_STAFF,
        "Undoes the merge of a ticket into another one. Messages written before the merge are "
        "shown only on their own ticket again. Later messages stay on the other ticket, except "
        "replies of a requester who no longer sees that ticket: they are moved to the ticket. The "
        "ticket becomes OPEN. If it was CLOSED before the merge, and no reply moves to it, it "
        "stays CLOSED with its earlier reason. Tickets that were merged into it earlier return to "
        "it. The other ticket keeps its status and SLA clocks.",
        TICKET,
        errors=(
            NOT_FOUND,
            "INVALID (ticketId: not merged; idempotencyKey)",
            *TICKET_ERRORS,
        ),
    )
