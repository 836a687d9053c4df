"""The mutation that creates or changes the ticket with an external id."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

import strawberry

from models.core import ids, text
from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode
from models.core.record_limits import RecordLimits
from models.queries.external_ids import lock_external_id
from models.tickets.lifecycle import Priority
from models.tickets.ticket import TicketResource, TicketTag
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from resolvers.tickets.changes import update
from resolvers.tickets.creation import create
from resolvers.tickets.resources import resource_checks
from schema.inputs.tickets.tickets import (
    CreateTicketInput,
    TicketResourceInput,
    UpdateTicketInput,
    UpsertTicketInput,
)
from schema.payloads.tickets.tickets import TicketPayload

CHANGED = "The external id was given to another ticket, or removed, at this moment. Try again."


async def check_input(input: UpsertTicketInput, limits: RecordLimits) -> None:
    """Check the input without reading the database. Raises Refusals with all errors."""
    refusals: list[Refusal] = []
    for check in input_checks(input, limits.max_resources_per_ticket):
        try:
            check()
        except Refusal as refusal:
            refusals.append(refusal)
    if refusals:
        raise Refusals(refusals)


def input_checks(input: UpsertTicketInput, max_resources: int) -> list[Callable[[], object]]:
    """The checks of the input, each of which may raise Refusal."""
    checks: list[Callable[[], object]] = [
        partial(text.clean_external_id, input.external_id),
        lambda: text.clean_tags(input.tags or [], "tags"),
    ]
    if input.subject is not None:
        checks.append(partial(text.clean_subject, input.subject))
    if input.description is not None:
        checks.append(partial(text.clean_body, input.description, "description"))
    return [*checks, *resource_checks(input.resources or [], max_resources, "resources")]


@ticket_mutation(TicketPayload, check=check_input)
async def upsert_ticket(mutation: TicketMutation, input: UpsertTicketInput) -> None:
    external_id = text.clean_external_id(input.external_id)
    key = await lock_external_id(mutation.viewer.external_id_namespace, external_id)
    if key is None:
        await create(mutation, build_creation(input, external_id))
    else:
        await update(mutation, await build_update(mutation, input, key, external_id))


def build_creation(input: UpsertTicketInput, external_id: str) -> CreateTicketInput:
    """Raises Refusals if the input lacks what a new ticket needs."""
    subject, description, category = input.subject, input.description, input.category
    if subject is None or description is None or category is None:
        fields = (("subject", subject), ("description", description), ("category", category))
        message = "is required for a new ticket"
        missing = [name for name, value in fields if value is None]
        raise Refusals([InvalidInput(UserErrorCode.REQUIRED, message, name) for name in missing])
    return CreateTicketInput(
        subject=subject,
        description=description,
        category=category,
        priority=input.priority or Priority.NORMAL,
        tags=input.tags,
        resources=input.resources,
        custom_fields=input.custom_fields,
        external_id=external_id,
        requester_id=input.requester_id,
        requester=input.requester,
    )


async def build_update(
    mutation: TicketMutation, input: UpsertTicketInput, key: UUID, external_id: str
) -> UpdateTicketInput:
    """The input that gives the ticket the values of the upsert. Locks the ticket."""
    ticket_id = strawberry.ID(ids.encode(ids.TICKET, key))
    update = UpdateTicketInput(
        ticket_id=ticket_id,
        subject=input.subject,
        priority=input.priority,
        category=input.category,
        custom_fields=input.custom_fields,
    )
    change = await mutation.lock_ticket(update)
    if change.ticket.external_id != external_id:
        raise InvalidInput(UserErrorCode.TAKEN, CHANGED, "externalId")
    if input.tags is not None:
        tags = {text.fold_tag(tag) for tag in text.clean_tags(input.tags, "tags")}
        current = await TicketTag.filter(ticket_id=key)
        update.add_tags = input.tags
        update.remove_tags = [tag.name for tag in current if text.fold_tag(tag.name) not in tags]
    if input.resources is not None:
        wanted = {(each.kind.strip(), each.external_id.strip()) for each in input.resources}
        rows = await TicketResource.filter(ticket_id=key)
        update.add_resources = input.resources
        update.remove_resources = [
            TicketResourceInput(kind=row.kind, external_id=row.external_id)
            for row in rows
            if (row.kind, row.external_id) not in wanted
        ]
    return update
