"""The mutation that creates a ticket."""

from __future__ import annotations

from collections.abc import Callable

from models.changes import commands, intake
from models.changes.intake import TicketIntake
from models.core import ids, text
from models.core.errors import Code, InvalidInput, Refusal, Refusals
from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, One
from models.core.sql import in_list
from models.people.user import User
from models.sla.update import set_intake_terms
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket, TicketResource
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets import CreateTicketInput
from schema.payloads.tickets import TicketPayload


async def check_input(input: CreateTicketInput) -> None:
    """Raises Refusals with all that is wrong with the input alone."""
    refusals: list[Refusal] = []
    for check in input_checks(input):
        try:
            check()
        except Refusal as refusal:
            refusals.append(refusal)
    if refusals:
        raise Refusals(refusals)


@ticket_mutation(TicketPayload, check=check_input)
async def create_ticket(mutation: TicketMutation, input: CreateTicketInput) -> None:
    requester = await find_requester(mutation, input.requester_id)
    priority = input.priority or Priority.NORMAL
    found = await intake.prepare_ticket(input.category, priority, requester.organization_id, "category")
    change = mutation.change(new_ticket(mutation, input, priority, found, requester))
    commands.create(change, text.clean_tags(input.tags or [], "tags"), new_resources(change.ticket, input))
    set_intake_terms(change, found.sla_terms)
    if input.follow_up_of is not None:
        (older,) = await mutation.tickets({"followUpOf": input.follow_up_of})
        commands.follow_up(change, older)


def input_checks(input: CreateTicketInput) -> list[Callable[[], object]]:
    """What can be told of the input alone."""
    found: list[Callable[[], object]] = [
        lambda: text.clean_text(input.subject, "subject", max_chars=text.MAX_SUBJECT_CHARS),
        lambda: text.clean_body(input.description, "description"),
        lambda: text.clean_tags(input.tags or [], "tags"),
    ]
    if input.external_id is not None:
        found.append(lambda: text.clean_text(input.external_id or "", "externalId", max_chars=text.MAX_EXTERNAL_ID_CHARS))
    for resource in (input.resources or [])[: text.MAX_RESOURCES]:
        found.append(lambda kind=resource.kind: text.clean_text(kind, "resources", "kind", max_chars=64))
        found.append(lambda key=resource.external_id: text.clean_text(key, "resources", "externalId", max_chars=255))
        if resource.name is not None:
            found.append(lambda name=resource.name: text.clean_text(name or "", "resources", "name", max_chars=text.MAX_NAME_CHARS))
    return found


def new_ticket(
    mutation: TicketMutation, input: CreateTicketInput, priority: Priority, found: TicketIntake, requester: User
) -> Ticket:
    external = input.external_id.strip() if input.external_id is not None else None
    return new_record(
        Ticket,
        number=found.number,
        external_scope=mutation.viewer.external_id_scope,
        external_id=external,
        subject=input.subject.strip(),
        description=input.description,
        priority=priority,
        category_id=found.category_id,
        team_id=found.team_id,
        requester_id=requester.id,
        organization_id=requester.organization_id,
        created_at=mutation.at,
        updated_at=mutation.at,
    )


def new_resources(ticket: Ticket, input: CreateTicketInput) -> list[TicketResource]:
    given = input.resources or []
    if len(given) > text.MAX_RESOURCES:
        raise InvalidInput(Code.INVALID, f"At most {text.MAX_RESOURCES} resources.", "resources")
    unique = {(each.kind.strip(), each.external_id.strip()): each for each in given}
    return [
        new_record(TicketResource, ticket_id=ticket.id, kind=kind, external_id=key, name=each.name.strip() if each.name else None)
        for (kind, key), each in unique.items()
    ]


async def find_requester(mutation: TicketMutation, requester_id: str | None) -> User:
    """Whose ticket it will be: the caller's, or for the team and for machines that of the customer they name."""
    own = mutation.viewer.user
    if requester_id is None:
        if own is None:
            raise InvalidInput(Code.REQUIRED, "An API client says for whom it raises a ticket.", "requesterId")
        return own
    key = ids.key_of(ids.USER, requester_id)
    if own is not None and key == own.id:
        return own
    named = in_list("u.id", [key] if key and not mutation.viewer.is_customer else [])
    found = await One(LazyQuery(User, "u", "users u", named))
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such person.", "requesterId")
    return found
