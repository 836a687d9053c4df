"""Presence: the mutation `setPresence` and the subscription `ticketPresence`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from uuid import UUID

import strawberry

from engine.execution.source import Item, Source
from models.access.permissions import READ_PRESENCE
from models.access.visibility import can_access_ticket, can_see_ticket
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.tickets import presence
from models.tickets.presence import TicketPresence
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.resolver import simple_mutation
from resolvers.subscriptions.arguments import require_ticket
from schema.inputs.tickets.presence import SetPresenceInput
from schema.payloads.tickets.presence import SetPresencePayload

NO_SNAPSHOT_SENT = -1
"""The position of a subscriber that has received nothing yet."""


@simple_mutation(SetPresencePayload)
async def set_presence(context: Context, input: SetPresenceInput) -> SetPresencePayload:
    viewer, at = context.viewer, context.now()
    assert viewer.user_id is not None  # the permission is only for users
    assert viewer.token is not None
    if input.client_key is None:
        client_key = str(viewer.token.id)
    else:
        max_chars = presence.MAX_CLIENT_KEY_CHARS
        client_key = text.clean_text(input.client_key, "clientKey", max_chars=max_chars)
    ticket = await Ticket.get_or_none(id=ids.key_of(ids.TICKET, input.ticket_id))
    if ticket is None or not can_access_ticket(viewer, ticket):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.", "ticketId")
    is_new = await presence.set_presence(
        ticket.id,
        viewer.user_id,
        client_key,
        input.state,
        at,
        max_windows=context.settings.limits.max_presence_windows_per_user,
    )
    if is_new:
        context.services.wakeup.notify()
    context.renew_loaders()
    present = (await presence.read_presence([ticket.id], at))[ticket.id]
    if not can_see_ticket(viewer, ticket):
        present = present.for_user(viewer.user_id)
    return SetPresencePayload(presence=present)


async def ticket_presence(info: strawberry.Info, ticket_id: strawberry.ID) -> PresenceSource:
    context = context_of(info)
    key = await require_ticket(context, ticket_id)
    return PresenceSource(context, key, NO_SNAPSHOT_SENT)


class PresenceSource(Source[TicketPresence]):
    """The current presence at a ticket, and then each change.

    Positions are the sequence numbers of this process's `PresenceTail`. Only the permission is
    checked for each item, because viewers who have it can see every ticket.
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

    async def wait(self) -> None:
        watched = self.context.services.presence.watch(self.ticket_id, self)
        await watched.wait_for_snapshots(self.position)

    async def next_batch(self) -> Sequence[Item[TicketPresence]]:
        READ_PRESENCE.check(self.context.viewer)
        watched = self.context.services.presence.watch(self.ticket_id, self)
        items = await watched.wait_for_snapshots(self.position)
        last_sent = self.last_sent
        self.position, self.last_sent = items[-1]
        # If the ticket had no source for a moment, because permissions changed, the first snapshot
        # may be the one that the subscriber already has.
        return items[1:] if items[0][1] == last_sent else items

    def close(self) -> None:
        self.context.services.presence.unwatch(self.ticket_id, self)
