"""The mutations of a ticket's watchers, participants and requester by others."""

from __future__ import annotations

from models.changes.participants import requester, sharing
from models.changes.participants.people_records import (
    get_user,
    is_merged,
    list_outsiders,
    list_watchers_without_access,
    read_people,
)
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
    ticket = change.ticket
    user = await get_user(ids.key_of(ids.USER, input.requester_id), "requesterId")
    people = await read_people(change, user)
    before = (ticket.requester_id, ticket.organization_id)
    requester.change_requester(
        change,
        user,
        people,
        await list_outsiders(people.participants, user.organization_id),
        is_family=await is_merged(ticket),
    )
    without_access = await list_watchers_without_access(change, people.watchers)
    requester.log_requester(change, before, people, without_access)
