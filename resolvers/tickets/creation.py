"""The mutation that creates a ticket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from models.changes import commands, intake
from models.changes.change import TicketChange
from models.changes.custom_values import check_required_at_creation, set_custom_values
from models.changes.intake import TicketIntake
from models.changes.merges import link_commands
from models.core import text
from models.core.errors import Refusal, Refusals
from models.core.hydration import new_record
from models.core.record_limits import RecordLimits
from models.people.user import User
from models.sla.update import set_intake_terms
from models.tickets import links
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket, TicketResource
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from resolvers.tickets.attachments import attach_files, complete_uploads
from resolvers.tickets.new_requester import find_requester
from resolvers.tickets.resources import read_names, resource_checks
from schema.inputs.custom_fields import read_input_values
from schema.inputs.tickets.tickets import CreateTicketInput
from schema.payloads.tickets.tickets import TicketPayload


async def check_input(input: CreateTicketInput, limits: RecordLimits) -> None:
    """Check the input without reading the database. Raises Refusals with all errors."""
    refusals: list[Refusal] = []
    for check in input_checks(input, limits.max_resources_per_ticket):
        try:
            check()
        except Refusal as refusal:
            refusals.append(refusal)
    if refusals:
        raise Refusals(refusals)


@ticket_mutation(TicketPayload, check=check_input, prepare=complete_uploads, finds_repetition=True)
async def create_ticket(mutation: TicketMutation, input: CreateTicketInput) -> None:
    await create(mutation, input)


async def create(mutation: TicketMutation, input: CreateTicketInput) -> None:
    """Create a ticket as part of a mutation. Raises Refusal and RepeatedKey."""
    requester = await find_requester(mutation, input)
    priority = input.priority or Priority.NORMAL
    prepared = await intake.read_intake(
        input.category, priority, requester.organization_id, "category", key=mutation.key
    )
    change = mutation.begin_change(new_ticket(mutation, input, priority, prepared, requester))
    tags = text.clean_tags(input.tags or [], "tags")
    change.creates_ticket = True
    values = read_input_values(input.custom_fields)
    custom_fields = await set_custom_values(change, values, prepared.category_id)
    resources = new_resources(change.ticket, input)
    commands.create(change, tags, resources, custom_fields.public)
    custom_fields.log_internal(change)
    if prepared.requires_fields:
        await check_required_at_creation(change)
    set_intake_terms(change, prepared.sla_terms)
    if input.follow_up_of is not None:
        # Participants may create a follow-up, too, because they may reply, and a reply to a ticket
        # that can no longer be reopened is refused with the advice to create a follow-up.
        ids_by_field = {"followUpOf": input.follow_up_of}
        (earlier,) = await mutation.lock_tickets(ids_by_field, allow_shared=True)
        link_commands.follow_up(change, earlier, await count_links(mutation, earlier))
    # Locks files after tickets, as replies do.
    await attach_files(mutation, change, input.attachment_ids)


async def count_links(mutation: TicketMutation, earlier: TicketChange) -> dict[UUID, int]:
    """The links of an earlier ticket. For customers, only those to their own tickets count.

    A refusal would otherwise reveal links that they may not see.
    """
    requester_id = mutation.viewer.user_id if mutation.viewer.is_customer else None
    return await links.count_links([earlier.ticket.id], requester_id)


def input_checks(input: CreateTicketInput, max_resources: int) -> list[Callable[[], object]]:
    """The checks of the input, each of which may raise Refusal."""
    checks: list[Callable[[], object]] = [
        lambda: text.clean_subject(input.subject),
        lambda: text.clean_body(input.description, "description"),
        lambda: text.clean_tags(input.tags or [], "tags"),
    ]
    external_id = input.external_id
    if external_id is not None:
        checks.append(partial(text.clean_external_id, external_id))
    return [*checks, *resource_checks(input.resources or [], max_resources, "resources")]


def new_ticket(
    mutation: TicketMutation,
    input: CreateTicketInput,
    priority: Priority,
    prepared: TicketIntake,
    requester: User,
) -> Ticket:
    external_id = input.external_id.strip() if input.external_id is not None else None
    return new_record(
        Ticket,
        number=prepared.number,
        external_scope=mutation.viewer.external_id_namespace,
        external_id=external_id,
        subject=text.clean_subject(input.subject),
        description=input.description,
        priority=priority,
        category_id=prepared.category_id,
        team_id=prepared.team_id,
        requester_id=requester.id,
        organization_id=requester.organization_id,
        created_at=mutation.at,
        updated_at=mutation.at,
    )


def new_resources(ticket: Ticket, input: CreateTicketInput) -> list[TicketResource]:
    """The resources, each combination of kind and external id once."""
    return [
        new_record(
            TicketResource, ticket_id=ticket.id, kind=kind, external_id=external_id, name=name
        )
        for (kind, external_id), name in read_names(input.resources or []).items()
    ]
