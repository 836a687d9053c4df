"""The verbs of a ticket's life, from the first assignment to its merging."""

from __future__ import annotations

from collections.abc import Callable

import strawberry

from models.access.permissions import Viewer
from models.changes import commands
from models.changes.change import Change
from models.core import ids, text
from models.core.errors import Code, InvalidInput
from models.people import team
from models.people.user import User
from models.tickets.ticket import Ticket, TicketLink, TicketTag, TicketWatcher
from resolvers.mutations.ticket_mutation import Work, ticket_payload
from schema import inputs
from schema.payloads import TicketPayload


async def update_ticket(info: strawberry.Info, input: inputs.UpdateTicketInput) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        external = None
        if input.external_id is not strawberry.UNSET:
            key = input.external_id
            named = None if key is None else text.written(key, "externalId", longest=text.EXTERNAL_ID)
            external = external_key(work.viewer, change.ticket, named)
        category = None if input.category is None else await team.category_named(input.category, "category")
        commands.update(
            change,
            tags=[tag.name for tag in await TicketTag.filter(ticket_id=change.ticket.id).order_by("name")],
            subject=None if input.subject is None else text.written(input.subject, "subject", longest=text.SUBJECT),
            priority=input.priority,
            category=category,
            members=[] if category is None else await team.members(category.team_id),
            add_tags=text.tags(input.add_tags or [], "addTags"),
            remove_tags=text.tags(input.remove_tags or [], "removeTags"),
            external=external,
        )

    return await ticket_payload(info, input, act)


def external_key(viewer: Viewer, ticket: Ticket, named: str | None) -> tuple[str, str | None] | None:
    """Whose key and which, where it changes: a key stays with the program or customer that gave it, whoever edits it."""
    holder = ticket.external_scope if ticket.external_id is not None else ""
    if viewer.client_id is not None and holder not in ("", viewer.key_scope):
        raise InvalidInput(Code.TAKEN, "Another program holds this ticket's key.", "externalId")
    if named == ticket.external_id:
        return None
    return (holder or viewer.key_scope if named is not None else "", named)


async def assign_ticket(info: strawberry.Info, input: inputs.AssignTicketInput) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        assignee = None
        if input.assignee_id is not None:
            key = ids.key_of(ids.USER, input.assignee_id)
            assignee = await User.get_or_none(id=key) if key else None
            if assignee is None:
                raise InvalidInput(Code.NOT_FOUND, "There is no such person.", "assigneeId")
        commands.assign(change, assignee)

    return await ticket_payload(info, input, act)


async def transfer_ticket(info: strawberry.Info, input: inputs.TransferTicketInput) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        to = await team.named(input.team, "team")
        commands.transfer(change, to, await team.members(to.id))

    return await ticket_payload(info, input, act)


async def start_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await simple(info, input, commands.start)


async def await_customer(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await simple(info, input, commands.await_customer)


async def hold_ticket(info: strawberry.Info, input: inputs.HoldTicketInput) -> TicketPayload:
    return await simple(info, input, lambda change: commands.hold(change, input.until))


async def resume_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await simple(info, input, commands.resume)


async def resolve_ticket(info: strawberry.Info, input: inputs.ResolveTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        commands.resolve(change, text.body(input.resolution, "resolution"))

    return await simple(info, input, verb)


async def close_ticket(info: strawberry.Info, input: inputs.CloseTicketInput) -> TicketPayload:
    return await simple(info, input, lambda change: commands.close(change, input.reason))


async def reopen_ticket(info: strawberry.Info, input: inputs.ReopenTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        commands.reopen(change, text.written(input.reason, "reason", longest=text.BODY))

    return await simple(info, input, verb)


async def escalate_ticket(info: strawberry.Info, input: inputs.EscalateTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        commands.escalate(change, text.written(input.reason, "reason", longest=text.BODY))

    return await simple(info, input, verb)


async def rate_ticket(info: strawberry.Info, input: inputs.RateTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        said = None if input.comment is None else text.written(input.comment, "comment", longest=text.BODY)
        commands.rate(change, input.score, said)

    return await simple(info, input, verb)


async def simple(
    info: strawberry.Info,
    input: inputs.TicketActionInput
    | inputs.HoldTicketInput
    | inputs.ResolveTicketInput
    | inputs.CloseTicketInput
    | inputs.ReopenTicketInput
    | inputs.EscalateTicketInput
    | inputs.RateTicketInput,
    verb: Callable[[Change], None],
) -> TicketPayload:
    """A verb that needs nothing but the ticket and its input."""

    async def act(work: Work) -> None:
        verb(await work.ticket(input.ticket_id, input.expected_version))

    return await ticket_payload(info, input, act)


async def watch_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await watching(info, input, commands.watch)


async def unwatch_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await watching(info, input, commands.unwatch)


async def watching(info: strawberry.Info, input: inputs.TicketActionInput, verb: Callable[..., None]) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        watchers = [each.user_id for each in await TicketWatcher.filter(ticket_id=change.ticket.id)]
        verb(change, work.viewer.user_id, watchers)

    return await ticket_payload(info, input, act)


async def link_tickets(info: strawberry.Info, input: inputs.LinkTicketsInput) -> TicketPayload:
    async def act(work: Work) -> None:
        named = {"ticketId": input.ticket_id, "otherId": input.other_id}
        change, other = await work.tickets(named, input.expected_version)
        links = TicketLink.filter(ticket_id=change.ticket.id, other_id=other.ticket.id, kind=input.kind)
        commands.link(change, other, input.kind, linked=await links.exists())

    return await ticket_payload(info, input, act)


async def merge_tickets(info: strawberry.Info, input: inputs.MergeTicketsInput) -> TicketPayload:
    async def act(work: Work) -> None:
        named = {"ticketId": input.ticket_id, "intoId": input.into_id}
        key = ids.key_of(ids.TICKET, input.ticket_id)
        before = [each.id for each in await Ticket.filter(merged_into_id=key)] if key else []
        change, into = await work.tickets(named, input.expected_version, also=before)
        earlier = await Ticket.filter(merged_into_id=change.ticket.id).order_by("id").select_for_update()
        commands.merge(change, into, [work.change(each) for each in earlier])

    return await ticket_payload(info, input, act)
