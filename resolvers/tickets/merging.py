"""The mutations that merge tickets and undo merges."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from models.changes.change import TicketChange
from models.changes.merges import merging
from models.changes.merges.merge_records import (
    check_shared_tickets,
    find_start_of_wait,
    list_leaving_requesters,
    read_last_replies,
    read_merge_events,
    read_organizations,
    read_participants,
    read_replies,
    remove_watchers_without_access,
)
from models.core import ids
from models.core.errors import InvalidInput, StaleVersion, UserErrorCode
from models.tickets.ticket import Ticket
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets.tickets import MergeTicketsInput, TicketActionInput
from schema.payloads.tickets.tickets import TicketPayload


@ticket_mutation(TicketPayload)
async def merge_tickets(mutation: TicketMutation, input: MergeTicketsInput) -> None:
    ids_by_field = {"ticketId": input.ticket_id, "intoId": input.into_id}
    keys = [ids.key_of(ids.TICKET, id) for id in ids_by_field.values()]
    members = await Ticket.filter(merged_into_id__in=[key for key in keys if key])
    change, into = await mutation.lock_tickets(
        ids_by_field, input.expected_version, also_lock=[ticket.id for ticket in members]
    )
    merged_before = await lock_merged_tickets(mutation, change.ticket.id)
    merged_there = await lock_merged_tickets(mutation, into.ticket.id)
    merging.merge(
        change,
        into,
        merged_before,
        merged_there,
        await read_participants(mutation.changes),
        across_requesters=input.across_requesters,
        present_organizations=await read_organizations(mutation.changes),
        waiting_since=await find_start_of_wait(change.ticket),
    )
    await check_shared_tickets(mutation.changes)


async def lock_merged_tickets(mutation: TicketMutation, into_id: UUID) -> list[TicketChange]:
    """Begin changes of the tickets that are merged into a ticket."""
    tickets = await Ticket.filter(merged_into_id=into_id).order_by("id").select_for_update()
    return [mutation.begin_change(ticket) for ticket in tickets]


@ticket_mutation(TicketPayload)
async def unmerge_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    key = ids.key_of(ids.TICKET, input.ticket_id)
    ticket = await Ticket.get_or_none(id=key) if key else None
    into_id = ticket.merged_into_id if ticket is not None else None
    members = await Ticket.filter(merged_into_id=into_id) if into_id else []
    also_lock = [member.id for member in members] + ([into_id] if into_id else [])
    ids_by_field = {"ticketId": input.ticket_id}
    (change,) = await mutation.lock_tickets(ids_by_field, input.expected_version, also_lock)
    if change.ticket.merged_into_id is None:
        message = "This ticket is not merged into another ticket."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    if change.ticket.merged_into_id != into_id:  # another merge was faster
        raise StaleVersion(change.ticket.get_version(is_customer=mutation.viewer.is_customer))
    into = mutation.begin_change(await Ticket.select_for_update().get(id=into_id))
    await unmerge(mutation, change, into, await lock_merged_tickets(mutation, into.ticket.id))


async def unmerge(
    mutation: TicketMutation,
    change: TicketChange,
    into: TicketChange,
    members: Sequence[TicketChange],
) -> None:
    """Undo the merge of `change` into `into`; `members` are all tickets that are merged into it."""
    events = await read_merge_events(members)
    paths = {ticket_id: merging.find_merge_path(events[ticket_id]) for ticket_id in events}
    returning = [
        member
        for member in members
        if any(ticket_id == change.ticket.id for ticket_id, _ in paths[member.ticket.id])
    ]
    remaining = [into, *(each for each in members if each not in (change, *returning))]
    if not paths[change.ticket.id]:
        message = "The log no longer has the merge of this ticket."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    _, merge_event = paths[change.ticket.id][0]
    separated = merging.list_separated_requesters(change, returning, remaining)
    replies = await read_replies(
        [each.ticket.id for each in remaining],
        await list_leaving_requesters(separated, into.ticket),
        after=merge_event.position,
    )
    merging.unmerge(
        change,
        merge_event,
        returning,
        remaining,
        replies,
        await read_last_replies(replies),
        await read_participants(mutation.changes),
    )
    await remove_watchers_without_access(mutation.changes)
