"""The mutations of a ticket's watchers, participants and requester by others."""

from __future__ import annotations

from models.changes.participants import requester_change, sharing
from models.changes.participants.people_records import get_user, read_people
from models.core import ids
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets.ticket_people import (
    AddWatcherInput,
    ChangeRequesterInput,
    RemoveWatcherInput,
)
from schema.payloads.tickets.tickets import TicketPayload


@ticket_mutation(TicketPayload)
async def add_watcher(mutation: TicketMutation, input: AddWatcherInput) -> None:
    change = await mutation.lock_ticket(input)
    user = await get_user(ids.key_of(ids.USER, input.user_id), "userId")
    sharing.add_watcher(change, user, await read_people(change, user))


@ticket_mutation(TicketPayload)
async def remove_watcher(mutation: TicketMutation, input: RemoveWatcherInput) -> None:
    change = await mutation.lock_ticket(input)
    user = await get_user(ids.key_of(ids.USER, input.user_id), "userId")
    sharing.remove_watcher(change, user, await read_people(change, user))


@ticket_mutation(TicketPayload)
async def change_requester(mutation: TicketMutation, input: ChangeRequesterInput) -> None:
    change = await mutation.lock_ticket(input)
    user = await get_user(ids.key_of(ids.USER, input.requester_id), "requesterId")
    await requester_change.change_requester(change, user)
