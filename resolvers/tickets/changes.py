"""The mutations of existing tickets."""

from __future__ import annotations

from uuid import UUID

import strawberry

from models.access.permissions import HANDLE_TICKETS_AS_STAFF
from models.access.viewer import Viewer
from models.changes import commands, rating
from models.changes.custom_values import check_required_at_resolution, set_custom_values
from models.changes.merges import locked_tickets
from models.changes.participants import sharing
from models.changes.participants.organization_sharing import set_shared_with_organization
from models.changes.participants.people_records import count_watchers, read_watchers
from models.changes.resources import change_resources
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import Json
from models.people import team
from models.people.user import User, no_such_user
from models.tickets import links
from models.tickets.ticket import Ticket, TicketResource, TicketTag
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from resolvers.tickets.resources import clean_resources
from schema.inputs.custom_fields import read_input_values
from schema.inputs.tickets.links import LinkTicketsInput, UnlinkTicketsInput
from schema.inputs.tickets.tickets import (
    AssignTicketInput,
    CloseTicketInput,
    EscalateTicketInput,
    HoldTicketInput,
    RateTicketInput,
    ReopenTicketInput,
    ResolveTicketInput,
    TicketActionInput,
    TransferTicketInput,
    UpdateTicketInput,
)
from schema.payloads.tickets.tickets import TicketPayload

CUSTOMER_FIELDS = frozenset(
    {
        *("ticket_id", "custom_fields", "shared_with_organization"),
        *("expected_version", "idempotency_key"),
    }
)
"""The fields of UpdateTicketInput that customers may give."""


@ticket_mutation(TicketPayload)
async def update_ticket(mutation: TicketMutation, input: UpdateTicketInput) -> None:
    if mutation.viewer.is_customer and changes_more_than_customers_may(input):
        HANDLE_TICKETS_AS_STAFF.check(mutation.viewer)
    await update(mutation, input)


async def update(mutation: TicketMutation, input: UpdateTicketInput) -> None:
    """Change properties of a ticket as part of a mutation. Raises Refusal."""
    change = await mutation.lock_ticket(input)
    external = new_external_id(mutation.viewer, change.ticket, input)
    subject = None
    if input.subject is not None:
        subject = text.clean_subject(input.subject)
    category, member_ids = None, []
    if input.category is not None:
        category = await team.get_category(input.category, "category")
        member_ids = await team.list_member_ids(category.team_id)
    max_resources = change.limits.max_resources_per_ticket
    added = clean_resources(input.add_resources, max_resources, "addResources")
    removed = clean_resources(input.remove_resources, max_resources, "removeResources")
    resources: dict[str, Json] = {}
    if added or removed:
        current = await TicketResource.filter(ticket_id=change.ticket.id).order_by("id")
        resources = change_resources(change, current, added, removed)
    category_id = change.ticket.category_id if category is None else category.id
    values = read_input_values(input.custom_fields)
    custom_fields = await set_custom_values(change, values, category_id)
    tags = await TicketTag.filter(ticket_id=change.ticket.id).order_by("name")
    commands.update(
        change,
        current_tags=[tag.name for tag in tags],
        subject=subject,
        priority=input.priority,
        category=category,
        member_ids=member_ids,
        add_tags=text.clean_tags(input.add_tags or [], "addTags"),
        remove_tags=text.clean_tags(input.remove_tags or [], "removeTags"),
        external=external,
        resources=resources,
        custom_fields=custom_fields.public,
        sharing=await set_shared_with_organization(change, input.shared_with_organization),
    )
    custom_fields.log_internal(change)


def changes_more_than_customers_may(input: UpdateTicketInput) -> bool:
    return (
        any(
            value is not None and value is not strawberry.UNSET
            for name, value in vars(input).items()
            if name not in CUSTOMER_FIELDS
        )
        or input.external_id is None
    )


def new_external_id(
    viewer: Viewer, ticket: Ticket, input: UpdateTicketInput
) -> tuple[str, str | None] | None:
    """The scope and value of the new external id; None if it stays the same.

    The id stays in the scope of the caller who set it first. Raises InvalidInput.
    """
    if input.external_id is strawberry.UNSET:
        return None
    external_id = None
    if input.external_id is not None:
        external_id = text.clean_external_id(input.external_id)
    namespace = ticket.external_scope if ticket.external_id is not None else ""
    if viewer.client_id is not None and namespace not in ("", viewer.external_id_namespace):
        message = "The ticket has an external id of another API client."
        raise InvalidInput(UserErrorCode.TAKEN, message, "externalId")
    if external_id == ticket.external_id:
        return None
    if external_id is None:
        return "", None
    return namespace or viewer.external_id_namespace, external_id


@ticket_mutation(TicketPayload)
async def assign_ticket(mutation: TicketMutation, input: AssignTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    assignee = None
    if input.assignee_id is not None:
        key = ids.key_of(ids.USER, input.assignee_id)
        assignee = await User.get_or_none(id=key) if key else None
        if assignee is None:
            raise no_such_user("assigneeId")
    commands.assign(change, assignee)


@ticket_mutation(TicketPayload)
async def transfer_ticket(mutation: TicketMutation, input: TransferTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    target = await team.get_team(input.team, "team")
    commands.transfer(change, target, await team.list_member_ids(target.id))


@ticket_mutation(TicketPayload)
async def start_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    commands.start(await mutation.lock_ticket(input))


@ticket_mutation(TicketPayload)
async def await_customer(mutation: TicketMutation, input: TicketActionInput) -> None:
    commands.await_customer(await mutation.lock_ticket(input))


@ticket_mutation(TicketPayload)
async def hold_ticket(mutation: TicketMutation, input: HoldTicketInput) -> None:
    commands.hold(await mutation.lock_ticket(input), input.until)


@ticket_mutation(TicketPayload)
async def resume_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    commands.resume(await mutation.lock_ticket(input))


@ticket_mutation(TicketPayload)
async def resolve_ticket(mutation: TicketMutation, input: ResolveTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    values = read_input_values(input.custom_fields)
    custom_fields = await set_custom_values(change, values, change.ticket.category_id)
    commands.resolve(change, text.clean_body(input.resolution, "resolution"))
    custom_fields.log(change)
    await check_required_at_resolution(change, "customFields")


@ticket_mutation(TicketPayload)
async def close_ticket(mutation: TicketMutation, input: CloseTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    commands.close(change, input.reason)
    await check_required_at_resolution(change)


@ticket_mutation(TicketPayload)
async def reopen_ticket(mutation: TicketMutation, input: ReopenTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    commands.reopen(change, text.clean_text(input.reason, "reason", max_chars=text.MAX_BODY_CHARS))


@ticket_mutation(TicketPayload)
async def escalate_ticket(mutation: TicketMutation, input: EscalateTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    commands.escalate(
        change, text.clean_text(input.reason, "reason", max_chars=text.MAX_BODY_CHARS)
    )


@ticket_mutation(TicketPayload)
async def rate_ticket(mutation: TicketMutation, input: RateTicketInput) -> None:
    change = await mutation.lock_ticket(input)
    comment = text.clean_optional_text(input.comment, "comment", max_chars=text.MAX_BODY_CHARS)
    rating.rate(change, input.score, comment)


@ticket_mutation(TicketPayload)
async def watch_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    change = await mutation.lock_ticket(input, allow_shared=True)
    sharing.watch(
        change,
        require_user_id(mutation),
        await read_watchers(change.ticket),
        await count_watchers(change.ticket, customers=mutation.viewer.is_customer),
    )


@ticket_mutation(TicketPayload)
async def unwatch_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    change = await mutation.lock_ticket(input, allow_shared=True)
    sharing.unwatch(change, require_user_id(mutation), await read_watchers(change.ticket))


def require_user_id(mutation: TicketMutation) -> UUID:
    user_id = mutation.viewer.user_id
    assert user_id is not None  # the permission is only for users
    return user_id


@ticket_mutation(TicketPayload)
async def link_tickets(mutation: TicketMutation, input: LinkTicketsInput) -> None:
    ids_by_field = {"ticketId": input.ticket_id, "otherId": input.other_id}
    await links.lock_links()
    change, other = await mutation.lock_tickets(ids_by_field, input.expected_version)
    await locked_tickets.link(change, other, input.kind)


@ticket_mutation(TicketPayload)
async def unlink_tickets(mutation: TicketMutation, input: UnlinkTicketsInput) -> None:
    ids_by_field = {"ticketId": input.ticket_id, "otherId": input.other_id}
    await links.lock_links()
    change, other = await mutation.lock_tickets(ids_by_field, input.expected_version)
    await locked_tickets.unlink(change, other, input.kind)
