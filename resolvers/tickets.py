"""Tickets: reading them, and every verb of their life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import strawberry

from models import ids, listing, text, verbs
from models.access import sees
from models.change import Change, next_number
from models.errors import Code, InvalidInput
from models.event import Event, EventType
from models.lifecycle import Priority
from models.page import Page, window
from models.person import User
from models.stats import Group, Stats, stats
from models.team import Category, Membership, Team
from models.ticket import Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher
from models.timeline import Extract, events
from resolvers.context import context_of
from resolvers.payload import Work, refused, ticket_payload
from schema import inputs
from schema.arguments import After, Before, First, Last
from schema.filters import OrderDirection, TicketFilter, TicketOrder, plain_filter
from schema.payloads import TicketPayload
from schema.types.error import user_error

Filter = Annotated[TicketFilter | None, strawberry.argument(description="Only tickets that fit.")]


async def ticket(
    info: strawberry.Info, id: Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")]
) -> Ticket | None:
    key = ids.key_of(ids.TICKET, id)
    return await context_of(info).loaders.tickets.load(key) if key else None


async def ticket_by_number(
    info: strawberry.Info, number: Annotated[int, strawberry.argument(description="The human number.")]
) -> Ticket | None:
    found = await Ticket.get_or_none(number=number)
    return found if found is not None and sees(context_of(info).viewer, found) else None


async def ticket_by_external_id(
    info: strawberry.Info,
    external_id: Annotated[
        str, strawberry.argument(description="An API client's own key; for people, the oldest visible ticket with that key.")
    ],
) -> Ticket | None:
    viewer = context_of(info).viewer
    if not text.is_clean(external_id):
        return None
    found = Ticket.filter(external_id=external_id[: text.EXTERNAL_ID + 1]).order_by("number")
    if viewer.client_id:
        found = found.filter(external_scope=str(viewer.client_id))
    return next((each for each in await found.limit(100) if sees(viewer, each)), None)


async def tickets(
    info: strawberry.Info,
    filter: Filter = None,
    order_by: Annotated[
        list[TicketOrder] | None, strawberry.argument(description="Up to four fields; UPDATED_AT DESC where none is given.")
    ] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> Page[Ticket]:
    context = context_of(info)
    sorts = [(order.field.value, order.direction is OrderDirection.DESC) for order in order_by or ()]
    asked = window(first, after, last, before)
    return await listing.tickets(context.viewer, plain_filter(filter), listing.ticket_order(sorts), asked, context.now())


async def ticket_stats(
    info: strawberry.Info,
    filter: Filter = None,
    group_by: Annotated[Group | None, strawberry.argument(description="What to count by.")] = None,
) -> Stats:
    context = context_of(info)
    return await stats(context.viewer, plain_filter(filter), group_by, context.now())


async def log_events(
    info: strawberry.Info,
    types: Annotated[list[EventType] | None, strawberry.argument(description="Only entries of these types.")] = None,
    filter: Annotated[
        TicketFilter | None, strawberry.argument(description="Only entries of tickets that fit, as they stand now.")
    ] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> Page[Event]:
    context = context_of(info)
    extract = Extract(None if types is None else frozenset(types))
    return await events(context.viewer, extract, plain_filter(filter), window(first, after, last, before), context.now())


async def create_ticket(info: strawberry.Info, input: inputs.CreateTicketInput) -> TicketPayload:
    wrong = refused(checks(input))
    if wrong:
        return TicketPayload(user_errors=[user_error(refusal) for refusal in wrong])

    async def act(work: Work) -> None:
        category = await category_of(input.category)
        requester = await requester_of(work, input.requester_id)
        change = work.change(await new_ticket(work, input, category, requester))
        verbs.create(change, text.tags(input.tags or [], "tags"), new_resources(change.ticket, input))
        if input.follow_up_of is not None:
            (older,) = await work.tickets({"followUpOf": input.follow_up_of})
            verbs.follow_up(change, older)

    return await ticket_payload(info, input, act)


def checks(input: inputs.CreateTicketInput) -> list[Callable[[], object]]:
    """What can be told of the input alone."""
    found: list[Callable[[], object]] = [
        lambda: text.written(input.subject, "subject", longest=text.SUBJECT),
        lambda: text.written(input.description, "description", longest=text.BODY),
        lambda: text.tags(input.tags or [], "tags"),
    ]
    if input.external_id is not None:
        found.append(lambda: text.written(input.external_id or "", "externalId", longest=text.EXTERNAL_ID))
    for resource in (input.resources or [])[: text.RESOURCES]:
        found.append(lambda kind=resource.kind: text.written(kind, "resources", "kind", longest=64))
        found.append(lambda key=resource.external_id: text.written(key, "resources", "externalId", longest=255))
        if resource.name is not None:
            found.append(lambda name=resource.name: text.written(name or "", "resources", "name", longest=text.NAME))
    return found


async def new_ticket(work: Work, input: inputs.CreateTicketInput, category: Category, requester: User) -> Ticket:
    external = input.external_id.strip() if input.external_id is not None else None
    return Ticket(
        number=await next_number(),
        external_scope=str(work.viewer.client_id or ""),
        external_id=external,
        subject=input.subject.strip(),
        description=input.description.strip(),
        priority=input.priority or Priority.NORMAL,
        category_id=category.id,
        team_id=category.team_id,
        requester_id=requester.id,
        organization_id=requester.organization_id,
        created_at=work.at,
        updated_at=work.at,
    )


def new_resources(ticket: Ticket, input: inputs.CreateTicketInput) -> list[TicketResource]:
    given = input.resources or []
    if len(given) > text.RESOURCES:
        raise InvalidInput(Code.INVALID, f"At most {text.RESOURCES} resources.", "resources")
    unique = {(each.kind.strip(), each.external_id.strip()): each for each in given}
    return [
        TicketResource(ticket_id=ticket.id, kind=kind, external_id=key, name=each.name.strip() if each.name else None)
        for (kind, key), each in unique.items()
    ]


async def category_of(slug: str) -> Category:
    found = await Category.get_or_none(slug=slug) if text.is_clean(slug) else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such category.", "category")
    return found


async def requester_of(work: Work, requester_id: str | None) -> User:
    """Whose ticket it will be: the caller's, or for the team and for machines that of the customer they name."""
    own = work.viewer.user
    if requester_id is None:
        if own is None:
            raise InvalidInput(Code.REQUIRED, "An API client says for whom it raises a ticket.", "requesterId")
        return own
    key = ids.key_of(ids.USER, requester_id)
    if own is not None and key == own.id:
        return own
    found = await User.get_or_none(id=key) if key and not work.viewer.is_customer else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such person.", "requesterId")
    return found


async def update_ticket(info: strawberry.Info, input: inputs.UpdateTicketInput) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        external = None
        if input.external_id is not strawberry.UNSET:
            key = input.external_id
            named = None if key is None else text.written(key, "externalId", longest=text.EXTERNAL_ID)
            external = (str(work.viewer.client_id or "") if named else "", named)
        verbs.update(
            change,
            tags=[tag.name for tag in await TicketTag.filter(ticket_id=change.ticket.id).order_by("name")],
            subject=None if input.subject is None else text.written(input.subject, "subject", longest=text.SUBJECT),
            priority=input.priority,
            category=None if input.category is None else await category_of(input.category),
            add_tags=text.tags(input.add_tags or [], "addTags"),
            remove_tags=text.tags(input.remove_tags or [], "removeTags"),
            external=external,
        )

    return await ticket_payload(info, input, act)


async def assign_ticket(info: strawberry.Info, input: inputs.AssignTicketInput) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        assignee = None
        if input.assignee_id is not None:
            key = ids.key_of(ids.USER, input.assignee_id)
            assignee = await User.get_or_none(id=key) if key else None
            if assignee is None:
                raise InvalidInput(Code.NOT_FOUND, "There is no such person.", "assigneeId")
        verbs.assign(change, assignee)

    return await ticket_payload(info, input, act)


async def transfer_ticket(info: strawberry.Info, input: inputs.TransferTicketInput) -> TicketPayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        team = await Team.get_or_none(slug=input.team) if text.is_clean(input.team) else None
        if team is None:
            raise InvalidInput(Code.NOT_FOUND, "There is no such team.", "team")
        verbs.transfer(change, team, [each.user_id for each in await Membership.filter(team_id=team.id)])

    return await ticket_payload(info, input, act)


async def start_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await simple(info, input, verbs.start)


async def await_customer(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await simple(info, input, verbs.await_customer)


async def hold_ticket(info: strawberry.Info, input: inputs.HoldTicketInput) -> TicketPayload:
    return await simple(info, input, lambda change: verbs.hold(change, input.until))


async def resume_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await simple(info, input, verbs.resume)


async def resolve_ticket(info: strawberry.Info, input: inputs.ResolveTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        verbs.resolve(change, text.written(input.resolution, "resolution", longest=text.BODY))

    return await simple(info, input, verb)


async def close_ticket(info: strawberry.Info, input: inputs.CloseTicketInput) -> TicketPayload:
    return await simple(info, input, lambda change: verbs.close(change, input.reason))


async def reopen_ticket(info: strawberry.Info, input: inputs.ReopenTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        verbs.reopen(change, text.written(input.reason, "reason", longest=text.BODY))

    return await simple(info, input, verb)


async def escalate_ticket(info: strawberry.Info, input: inputs.EscalateTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        verbs.escalate(change, text.written(input.reason, "reason", longest=text.BODY))

    return await simple(info, input, verb)


async def rate_ticket(info: strawberry.Info, input: inputs.RateTicketInput) -> TicketPayload:
    def verb(change: Change) -> None:
        said = None if input.comment is None else text.written(input.comment, "comment", longest=text.BODY)
        verbs.rate(change, input.score, said)

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
    return await watching(info, input, verbs.watch)


async def unwatch_ticket(info: strawberry.Info, input: inputs.TicketActionInput) -> TicketPayload:
    return await watching(info, input, verbs.unwatch)


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
        verbs.link(change, other, input.kind, linked=await links.exists())

    return await ticket_payload(info, input, act)


async def merge_tickets(info: strawberry.Info, input: inputs.MergeTicketsInput) -> TicketPayload:
    async def act(work: Work) -> None:
        named = {"ticketId": input.ticket_id, "intoId": input.into_id}
        change, into = await work.tickets(named, input.expected_version)
        earlier = await Ticket.filter(merged_into_id=change.ticket.id).order_by("id").select_for_update()
        verbs.merge(change, into, [work.change(each) for each in earlier])

    return await ticket_payload(info, input, act)
