"""The inputs of mutations: tickets."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.tickets.lifecycle import CloseReason, Priority
from models.tickets.ticket import LinkKind
from schema.inputs.fields import EXPECTED, KEY, TICKET, given, optional


@strawberry.input(description="Something at the provider.")
class TicketResourceInput:
    kind: str = given("What it is, such as server, invoice or plan; 1 to 64 characters.")
    external_id: str = given("Its key at the provider; 1 to 255 characters.")
    name: str | None = optional("Its name, for people.")


@strawberry.input(description="A new ticket.")
class CreateTicketInput:
    subject: str = given("1 to 200 characters after trimming.")
    description: str = given("Markdown, 1 to 65,536 characters.")
    category: str = given("By slug; it decides the team.")
    priority: Priority | None = optional("How pressing it is.", Priority.NORMAL)
    tags: list[str] | None = optional("At most 20, each 1 to 50 characters.")
    resources: list[TicketResourceInput] | None = optional("What it is about at the provider; at most 50.")
    external_id: str | None = optional("The integrator's own key, unique per API client.")
    requester_id: strawberry.ID | None = optional("Agents and API clients may raise a ticket for a customer.")
    follow_up_of: strawberry.ID | None = optional("The ticket that this one goes on from.")
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="What to change; what is left out, or null, stays. Only externalId is cleared by null.")
class UpdateTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    subject: str | None = optional("1 to 200 characters after trimming.")
    priority: Priority | None = optional("How pressing it is.")
    category: str | None = optional("By slug; it sends the ticket to its team.")
    add_tags: list[str] | None = optional("Tags to add.")
    remove_tags: list[str] | None = optional("Tags to remove.")
    external_id: str | None = optional("The integrator's own key; null clears it.", strawberry.UNSET)
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="Who is to answer for a ticket.")
class AssignTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    assignee_id: strawberry.ID | None = optional("Null takes the assignee away.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="Which team is to work on a ticket.")
class TransferTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    team: str = given("By slug.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A ticket to act on.")
class TicketActionInput:
    ticket_id: strawberry.ID = given(TICKET)
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A ticket to park.")
class HoldTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    until: datetime | None = optional("When to take it up again; null for open end.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="The answer to a ticket.")
class ResolveTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    resolution: str = given("Markdown, 1 to 65,536 characters; the customer reads it.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A ticket to end.")
class CloseTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    reason: CloseReason | None = optional(
        "Needed by the team for an unresolved ticket; a customer's is WITHDRAWN, of a resolved one RESOLVED."
    )
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A ticket to take up again.")
class ReopenTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    reason: str = given("Why, 1 to 65,536 characters.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A ticket that needs more attention.")
class EscalateTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    reason: str = given("Why, 1 to 65,536 characters.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="How satisfied the customer is.")
class RateTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    score: int = given("1 to 5.")
    comment: str | None = optional("What the customer says.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="Two tickets to tie together.")
class LinkTicketsInput:
    ticket_id: strawberry.ID = given("The ticket that the kind is said of.")
    other_id: strawberry.ID = given("The other ticket.")
    kind: LinkKind = given("What the first is to the other.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="Two tickets to make one of.")
class MergeTicketsInput:
    ticket_id: strawberry.ID = given("The ticket that ends.")
    into_id: strawberry.ID = given("The ticket that stays.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)
