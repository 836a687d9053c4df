"""Inputs of the mutations that create a ticket or change it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.tickets.lifecycle import CloseReason, Priority
from schema.inputs.custom_fields import CUSTOM_FIELDS, CustomFieldInput
from schema.inputs.fields import (
    BODY,
    EXPECTED_VERSION,
    SLUG,
    TICKET_ID,
    TICKET_IDEMPOTENCY_KEY,
    optional,
    required,
)
from schema.inputs.tickets.attachments import ATTACHMENT_IDS

SUBJECT = (
    "The subject, 1 to 200 characters after trimming, in one line. A line break becomes a space; "
    "control characters are removed."
)
EXTERNAL_ID = (
    "The key of the ticket in an external system, 1 to 255 characters after trimming. It is "
    "unique per API client and per customer; agents and admins share one set of keys."
)


@strawberry.input(
    description="A thing in another system that the ticket is about, such as a server or an "
    "invoice. In `TicketFilter`, it matches by kind and external id, and by name if one is given."
)
class TicketResourceInput:
    kind: str = required("The kind of the resource, such as server or invoice; 1 to 64 characters.")
    external_id: str = required("The key of the resource in that system, 1 to 255 characters.")
    name: str | None = optional("The name of the resource, 1 to 200 characters. Null: no name.")


@strawberry.input(
    description="A person who makes a request, by email address. If no user has the address, the "
    "server creates a customer with it, without an organization and without a password."
)
class RequesterInput:
    email: str = required("The email address, at most 320 characters, ignoring case.")
    display_name: str = required(
        "The name of a new customer, 1 to 200 characters after trimming. An existing user keeps "
        "theirs."
    )


@strawberry.input(description="How far the viewer has read a ticket.")
class MarkTicketReadInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    cursor: str | None = optional(
        "A cursor of the log up to which the viewer has read, such as `extensions.cursor` of the "
        "response in which the ticket was read. A cursor after the end of the log fails with "
        "CURSOR_INVALID. Null: everything that has happened so far."
    )
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A new ticket.")
class CreateTicketInput:
    subject: str = required(SUBJECT)
    description: str = required(f"The description of the request. {BODY}")
    category: str = required(f"The slug of the category, {SLUG} The category decides the team.")
    priority: Priority | None = optional("The priority. Null: NORMAL.", Priority.NORMAL)
    tags: list[str] | None = optional(
        "By default at most 20 tags, each 1 to 50 characters after trimming. Of tags that differ "
        "only by case, the first one is kept. Null: none."
    )
    resources: list[TicketResourceInput] | None = optional(
        "The resources that the ticket is about, by default at most 50. Null: none."
    )
    custom_fields: list[CustomFieldInput] | None = optional(f"{CUSTOM_FIELDS} Null: none.")
    external_id: str | None = optional(f"{EXTERNAL_ID} Null: none.")
    requester_id: strawberry.ID | None = optional(
        "The id of the user who makes the request. Agents, admins and API clients may name "
        "any user, a customer only themselves. Null: the viewer; an API client must name a "
        "user."
    )
    requester: RequesterInput | None = optional(
        "The person who makes the request, by email address, in place of `requesterId`. Only for "
        "agents, admins and API clients; the token needs the scope `users:read`, that of an API "
        "client also `users:write`. Null: see `requesterId`."
    )
    follow_up_of: strawberry.ID | None = optional(
        "The id of an earlier ticket that the new one follows up. The two tickets are "
        "linked. Everybody who may reply to a ticket may create a follow-up. "
        "Null: none."
    )
    attachment_ids: list[strawberry.ID] | None = optional(ATTACHMENT_IDS)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(
    description="Changes to a ticket. A field that is absent or null keeps its value, except that "
    "null clears `externalId`."
)
class UpdateTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    subject: str | None = optional(SUBJECT)
    priority: Priority | None = optional("The priority.")
    category: str | None = optional(
        f"The slug of the category, {SLUG} A new category transfers the ticket to its team."
    )
    add_tags: list[str] | None = optional(
        "The tags to add, each 1 to 50 characters after trimming. A ticket has by default at "
        "most 20 tags. A tag that the ticket has in another case is not added."
    )
    remove_tags: list[str] | None = optional(
        "The tags to remove, ignoring case, each 1 to 50 characters. A tag that is also in "
        "`addTags` is removed."
    )
    add_resources: list[TicketResourceInput] | None = optional(
        "The resources to add. A ticket has by default at most 50. If it has one with this kind "
        "and external id, that one gets the name, unless the name is null."
    )
    remove_resources: list[TicketResourceInput] | None = optional(
        "The resources to remove, by kind and external id, at most as many as a ticket can have. "
        "Names have no effect. A resource that is also in `addResources` is removed."
    )
    custom_fields: list[CustomFieldInput] | None = optional(
        f"{CUSTOM_FIELDS} Other fields keep their values. Customers may only change fields whose "
        "`customerAccess` is EDITABLE."
    )
    shared_with_organization: bool | None = optional(
        "Whether all customers of the ticket's organization see the ticket, can reply to it and "
        "watch it. Only for a ticket with an organization, which has by default at most 200 such "
        "tickets. Customers who can't see the ticket afterwards no longer watch it. To share a "
        "ticket, the token needs the scope `tickets:read`. Only admins can share a ticket whose "
        "requester does not belong to the organization any more. Of customers, only the requester "
        "may change this."
    )
    external_id: str | None = optional(
        f"{EXTERNAL_ID} Absent: unchanged. Null: cleared.", strawberry.UNSET
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(
    description="A ticket to create or change, identified by its external id among the tickets of "
    "the viewer: of the API client, or of all agents and admins. For a ticket that exists, a field "
    "that is absent or null keeps its value."
)
class UpsertTicketInput:
    external_id: str = required(EXTERNAL_ID)
    subject: str | None = optional(f"{SUBJECT} Required for a new ticket.")
    category: str | None = optional(
        f"The slug of the category, {SLUG} Required for a new ticket. A new category transfers a "
        "ticket that exists to its team."
    )
    priority: Priority | None = optional("The priority. A new ticket has NORMAL by default.")
    tags: list[str] | None = optional(
        "All tags of the ticket, by default at most 20, each 1 to 50 characters after trimming. "
        "Others are removed."
    )
    resources: list[TicketResourceInput] | None = optional(
        "All resources of the ticket, by default at most 50. Others are removed."
    )
    custom_fields: list[CustomFieldInput] | None = optional(
        f"{CUSTOM_FIELDS} Other values of the ticket stay. Null: unchanged."
    )
    description: str | None = optional(
        f"The description. {BODY} Required for a new ticket. A ticket that exists keeps its own."
    )
    requester_id: strawberry.ID | None = optional(
        "The requester of a new ticket, as in createTicket. A ticket that exists keeps its own."
    )
    requester: RequesterInput | None = optional(
        "The requester of a new ticket by email address, as in createTicket. A ticket that exists "
        "keeps its own."
    )
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="The new assignee of a ticket.")
class AssignTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    assignee_id: strawberry.ID | None = optional(
        "The id of an active agent or admin. Null or absent: the ticket has no assignee."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="The new team of a ticket.")
class TransferTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    team: str = required(f"The slug of the team, {SLUG}")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A ticket to act on.")
class TicketActionInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A ticket to put on hold.")
class HoldTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    until: datetime | None = optional(
        "The time at which the server resumes the ticket, in the future. Null: the hold has no end."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="The resolution of a ticket.")
class ResolveTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    resolution: str = required(f"The resolution, which the customer reads. {BODY}")
    custom_fields: list[CustomFieldInput] | None = optional(
        f"{CUSTOM_FIELDS} They are set before the server checks the required ones."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A ticket to close.")
class CloseTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    reason: CloseReason | None = optional(
        "The reason. Agents, admins and API clients must state one for a ticket that is not "
        "RESOLVED. A customer can only give WITHDRAWN, or RESOLVED for a RESOLVED ticket. "
        "Null: RESOLVED for a RESOLVED ticket; for others, WITHDRAWN if a customer closes them."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A ticket to reopen.")
class ReopenTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    reason: str = required(
        "The reason, 1 to 65,536 characters after trimming. The customer can read it."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A ticket to escalate.")
class EscalateTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    reason: str = required(
        "The reason, 1 to 65,536 characters after trimming. The customer can read it."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="The requester's rating of a ticket.")
class RateTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    score: int = required("The score, from 1 (very dissatisfied) to 5 (very satisfied).")
    comment: str | None = optional(
        "A comment, at most 65,536 characters after trimming. Null or blank: none."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)
