"""The mutations that merge tickets and undo merges."""

from __future__ import annotations

from models.changes.merges.locked_tickets import merge_into, undo_merge
from models.core import ids
from models.tickets.ticket import Ticket
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets.links import MergeTicketsInput
from schema.inputs.tickets.tickets import TicketActionInput
from schema.payloads.tickets.tickets import TicketPayload


@ticket_mutation(TicketPayload)
async def merge_tickets(mutation: TicketMutation, input: MergeTicketsInput) -> None:
    ids_by_field = {"ticketId": input.ticket_id, "intoId": input.into_id}
    keys = [ids.key_of(ids.TICKET, id) for id in ids_by_field.values()]
    members = await Ticket.filter(merged_into_id__in=[key for key in keys if key])
    change, into = await mutation.lock_tickets(
        ids_by_field, input.expected_version, also_lock=[ticket.id for ticket in members]
    )
    await merge_into(mutation, change, into, across_requesters=input.across_requesters)


@ticket_mutation(TicketPayload)
async def unmerge_ticket(mutation: TicketMutation, input: TicketActionInput) -> None:
    key = ids.key_of(ids.TICKET, input.ticket_id)
    ticket = await Ticket.get_or_none(id=key) if key else None
    into_id = ticket.merged_into_id if ticket is not None else None
    members = await Ticket.filter(merged_into_id=into_id) if into_id else []
    also_lock = [member.id for member in members] + ([into_id] if into_id else [])
    ids_by_field = {"ticketId": input.ticket_id}
    (change,) = await mutation.lock_tickets(ids_by_field, input.expected_version, also_lock)
    await undo_merge(mutation, change, into_id)
