"""The mutations of an existing ticket, from its first assignment to its merge."""

from __future__ import annotations

from uuid import UUID

import strawberry

from models.access.viewer import Viewer
from models.changes import commands
from models.core import ids, text
from models.core.errors import Code, InvalidInput
from models.people import team
from models.people.user import User
from models.tickets.ticket import Ticket, TicketLink, TicketTag, TicketWatcher
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets import (
    AssignTicketInput,
    CloseTicketInput,
    EscalateTicketInput,
    HoldTicketInput,
    LinkTicketsInput,
    MergeTicketsInput,
    RateTicketInput,
    ReopenTicketInput,
    ResolveTicketInput,
    TicketActionInput,
    TransferTicketInput,
    UpdateTicketInput,
)
from schema.payloads.tickets import TicketPayload


@ticket_mutation(TicketPayload)
async def update_ticket(mutation: TicketMutation, input: UpdateTicketInput) -> None:
    change = await mutation.ticket(input)
    external = None
    if input.external_id is not strawberry.UNSET:
        key = input.external_id
        named = None if key is None else text.clean_text(key, "externalId", max_chars=text.MAX_EXTERNAL_ID_CHARS)
        external = external_key(mutation.viewer, change.ticket, named)
    category = None if input.category is None else await team.get_category(input.category, "category")
    commands.update(
        change,
        current_tags=[tag.name for tag in await TicketTag.filter(ticket_id=change.ticket.id).order_by("name")],
        subject=None if input.subject is None else text.clean_text(input.subject, "subject", max_chars=text.MAX_SUBJECT_CHARS),
        priority=input.priority,
        category=category,
        member_ids=[] if category is None else await team.list_member_ids(category.team_id),
        add_tags=text.clean_tags(input.add_tags or [], "addTags"),
        remove_tags=text.clean_tags(input.remove_tags or [], "removeTags"),
        external=external,
    )


def external_key(viewer: Viewer, ticket: Ticket, named: str | None) -> tuple[str, str | None] | None:
    """The scope and the value of a changed external key; None if it stays. A key stays in the scope of whoever first set it."""
    holder = ticket.external_scope if ticket.external_id is not None else ""
    if viewer.client_id is not None and holder not in ("", viewer.external_id_scope):
        raise InvalidInput(Code.TAKEN, "Another program holds this ticket's key.", "externalId")
    if named == ticket.external_id:
        return None
    return (holder or viewer.external_id_scope if named is not None else "", named)


@ticket_mutation(TicketPayload)
async def assign_ticket(mutation: TicketMutation, input: AssignTicketInput) -> None:
    change = await mutation.ticket(input)
    assignee = None
    if input.assignee_id is not None:
        key = ids.key_of(ids.USER, input.assignee_id)
        assignee = await User.get_or_none(id=key) if key else None
        if assignee is None:
            raise InvalidInput(Code.NOT_FOUND, "There is no such person.", "assigneeId")
    commands.assign(change, assignee)


@ticket_mutation(TicketPayload)
async def transfer_ticket(mutation: TicketMutation, input: TransferTicketInput) -> None:
    change = await mutation.ticket(input)
    to = await team.get_team(input.team, "team")
    commands.transfer(change, to, await team.list_member_ids(to.id))


@ticket_mutation(TicketPayload)
async def start_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    commands.start(await mutation.ticket(input))


@ticket_mutation(TicketPayload)
async def await_customer(mutation: TicketMutation, input: TicketActionInput) -> None:
    commands.await_customer(await mutation.ticket(input))


@ticket_mutation(TicketPayload)
async def hold_ticket(mutation: TicketMutation, input: HoldTicketInput) -> None:
    commands.hold(await mutation.ticket(input), input.until)


@ticket_mutation(TicketPayload)
async def resume_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    commands.resume(await mutation.ticket(input))


@ticket_mutation(TicketPayload)
async def resolve_ticket(mutation: TicketMutation, input: ResolveTicketInput) -> None:
    change = await mutation.ticket(input)
    commands.resolve(change, text.clean_body(input.resolution, "resolution"))


@ticket_mutation(TicketPayload)
async def close_ticket(mutation: TicketMutation, input: CloseTicketInput) -> None:
    commands.close(await mutation.ticket(input), input.reason)


@ticket_mutation(TicketPayload)
async def reopen_ticket(mutation: TicketMutation, input: ReopenTicketInput) -> None:
    change = await mutation.ticket(input)
    commands.reopen(change, text.clean_text(input.reason, "reason", max_chars=text.MAX_BODY_CHARS))


@ticket_mutation(TicketPayload)
async def escalate_ticket(mutation: TicketMutation, input: EscalateTicketInput) -> None:
    change = await mutation.ticket(input)
    commands.escalate(change, text.clean_text(input.reason, "reason", max_chars=text.MAX_BODY_CHARS))


@ticket_mutation(TicketPayload)
async def rate_ticket(mutation: TicketMutation, input: RateTicketInput) -> None:
    change = await mutation.ticket(input)
    comment = None if input.comment is None else text.clean_text(input.comment, "comment", max_chars=text.MAX_BODY_CHARS)
    commands.rate(change, input.score, comment)


@ticket_mutation(TicketPayload)
async def watch_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    change = await mutation.ticket(input)
    commands.watch(change, require_user_id(mutation), await read_watchers(change.ticket))


@ticket_mutation(TicketPayload)
async def unwatch_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    change = await mutation.ticket(input)
    commands.unwatch(change, require_user_id(mutation), await read_watchers(change.ticket))


def require_user_id(mutation: TicketMutation) -> UUID:
    user_id = mutation.viewer.user_id
    assert user_id is not None  # the permission WATCH is for people alone
    return user_id


async def read_watchers(ticket: Ticket) -> list[UUID]:
    return [watcher.user_id for watcher in await TicketWatcher.filter(ticket_id=ticket.id)]


@ticket_mutation(TicketPayload)
async def link_tickets(mutation: TicketMutation, input: LinkTicketsInput) -> None:
    named = {"ticketId": input.ticket_id, "otherId": input.other_id}
    change, other = await mutation.tickets(named, input.expected_version)
    links = TicketLink.filter(ticket_id=change.ticket.id, other_id=other.ticket.id, kind=input.kind)
    commands.link(change, other, input.kind, is_linked=await links.exists())


@ticket_mutation(TicketPayload)
async def merge_tickets(mutation: TicketMutation, input: MergeTicketsInput) -> None:
    named = {"ticketId": input.ticket_id, "intoId": input.into_id}
    key = ids.key_of(ids.TICKET, input.ticket_id)
    before = [each.id for each in await Ticket.filter(merged_into_id=key)] if key else []
    change, into = await mutation.tickets(named, input.expected_version, also=before)
    earlier = await Ticket.filter(merged_into_id=change.ticket.id).order_by("id").select_for_update()
    commands.merge(change, into, [mutation.change(each) for each in earlier])
