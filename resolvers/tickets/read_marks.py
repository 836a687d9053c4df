"""The mutation `markTicketRead`."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry

from models.access.visibility import can_see_ticket
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core import ids
from models.core.errors import InvalidInput, Refusal, UserErrorCode
from models.log.event import decode_cursor, read_head
from models.notifications import inbox
from models.queries.logs import event_log
from models.queries.tickets import find_ticket
from models.tickets import read_marks
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.idempotency import run_once
from resolvers.mutations.resolver import to_user_errors
from schema.inputs.tickets.tickets import MarkTicketReadInput
from schema.payloads.tickets.tickets import MarkTicketReadPayload


@dataclass(frozen=True, slots=True)
class Mark:
    """A ticket that the viewer sees, and the position up to which the viewer has read it."""

    ticket: Ticket
    position: int


async def mark_ticket_read(
    info: strawberry.Info, input: MarkTicketReadInput
) -> MarkTicketReadPayload:
    """Not a ticket mutation, because it changes no ticket: it needs no lock, event or wake-up."""
    context = context_of(info)
    try:
        mark = await find_mark(context, input)
        replayed = await store_mark(context, info.field_name, input, mark)
    except Refusal as refusal:
        return MarkTicketReadPayload(user_errors=to_user_errors(refusal))
    context.renew_loaders()
    # The ticket is read after the mark was stored: what was read without the mark has no higher
    # version, so clients can tell that it is older.
    ticket = await find_ticket(context.viewer, mark.ticket.id)
    return MarkTicketReadPayload(ticket=ticket, replayed=replayed)


async def find_mark(context: Context, input: MarkTicketReadInput) -> Mark:
    """Raises InvalidInput NOT_FOUND, and CursorInvalid."""
    key = ids.key_of(ids.TICKET, input.ticket_id)
    ticket = await find_ticket(context.viewer, key)
    if ticket is None or not can_see_ticket(context.viewer, ticket):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.", "ticketId")
    if input.cursor is None:
        return Mark(ticket, await read_head())
    position = decode_cursor(input.cursor)
    await event_log.require_range(position)
    return Mark(ticket, position)


async def store_mark(
    context: Context, mutation: str, input: MarkTicketReadInput, mark: Mark
) -> bool:
    """Store the mark once for its idempotency key; return whether this is a repetition."""
    viewer, at = context.viewer, context.now()
    user_id = viewer.user_id
    assert user_id is not None  # the permission is only for users

    async def execute(key: KeyedRequest | None) -> bool:
        max_marks = context.settings.limits.max_read_marks_per_user
        await read_marks.mark_read(user_id, mark.ticket.id, mark.position, at, max_marks)
        await inbox.mark_ticket_read(viewer, mark.ticket.id, mark.position, at)
        if key is not None:
            await store_result(key, ResultReference(at, mark.ticket.id))
        return False

    async def replay(_: IdempotencyKey) -> bool:
        return True

    return await run_once(context, mutation, input, execute, replay)
