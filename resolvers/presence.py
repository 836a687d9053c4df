"""Presence: the mutation `setPresence` and the subscription `ticketPresence`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from engine.execution.source import Item, Source
from models.access.permissions import READ_PRESENCE
from models.access.visibility import can_access_ticket, can_see_ticket
from models.core import ids, text
from models.core.errors import Code, InvalidInput, Refusal, TicketNotFound
from models.tickets import presence
from models.tickets.presence import PresenceState, TicketPresence
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from schema.inputs.presence import SetPresenceInput
from schema.payloads.presence import SetPresencePayload
from schema.types.errors import user_error

NO_SNAPSHOT_SENT = -1
"""The position of a subscriber that has received nothing yet."""


async def set_presence(info: strawberry.Info, input: SetPresenceInput) -> SetPresencePayload:
    context = context_of(info)
    try:
        return SetPresencePayload(presence=await store_presence(context, input.ticket_id, input.state, input.client_key))
    except Refusal as refusal:
        return SetPresencePayload(user_errors=[user_error(refusal)])


async def store_presence(context: Context, ticket_id: str, state: PresenceState, client_key: str | None) -> TicketPresence:
    """Say it for the viewer, and return who is there now. Raises InvalidInput."""
    viewer, at = context.viewer, context.now()
    assert viewer.user_id is not None  # the row is for people
    assert viewer.token is not None
    key = (
        str(viewer.token.id)
        if client_key is None
        else text.clean_text(client_key, "clientKey", max_chars=presence.MAX_CLIENT_KEY_CHARS)
    )
    ticket = await Ticket.get_or_none(id=ids.key_of(ids.TICKET, ticket_id))
    if ticket is None or not can_access_ticket(viewer, ticket):
        raise InvalidInput(Code.NOT_FOUND, "There is no such ticket.", "ticketId")
    if await presence.set_presence(ticket.id, viewer.user_id, key, state, at):
        context.services.wakeup.notify()
    context.refresh()
    found = (await presence.read_presence([ticket.id], at))[ticket.id]
    return found if can_see_ticket(viewer, ticket) else found.for_user(viewer.user_id)


async def ticket_presence(
    info: strawberry.Info, ticket_id: Annotated[strawberry.ID, strawberry.argument(description="The ticket.")]
) -> PresenceSource:
    context = context_of(info)
    key = ids.key_of(ids.TICKET, ticket_id)
    if key is None or await context.loaders.tickets.load(key) is None:
        raise TicketNotFound("There is no such ticket.")
    return PresenceSource(context, key, NO_SNAPSHOT_SENT)


class PresenceSource(Source[TicketPresence]):
    """The current presence at a ticket, and then each change.

    Positions are the sequence numbers of this process' `PresenceTail`. Only the permission is
    checked for each item, because callers who have it can see every ticket.
    """

    def __init__(
        self,
        context: Context,
        ticket_id: UUID,
        position: int,
        last_sent: TicketPresence | None = None,
    ) -> None:
        self.context = context
        self.ticket_id = ticket_id
        self.position = position
        self.last_sent = last_sent
        """The last snapshot that was sent, if known."""

    @property
    def share_key(self) -> Hashable:
        return self.context.viewer.visibility_key

    def fork(self, context: Context, position: int) -> PresenceSource:
        last_sent = self.last_sent if position == self.position else None
        return PresenceSource(context, self.ticket_id, position, last_sent)

    async def next_batch(self) -> Sequence[Item[TicketPresence]]:
        READ_PRESENCE.check(self.context.viewer)
        watched = self.context.services.presence.watch(self.ticket_id, self)
        items = await watched.wait_for_snapshots(self.position)
        last_sent = self.last_sent
        self.position, self.last_sent = items[-1]
        # If the ticket had no reader for a moment, because permissions changed, the first snapshot
        # may be the one that the subscriber already has.
        return items[1:] if items[0][1] == last_sent else items

    def close(self) -> None:
        self.context.services.presence.unwatch(self.ticket_id, self)
