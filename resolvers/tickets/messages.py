"""The mutations that add a reply or a note to a ticket."""

from __future__ import annotations

from models.changes import commands
from models.core import text
from models.core.errors import UnseenMessages
from models.core.record_limits import RecordLimits
from models.log.event import decode_cursor
from models.queries import event_log, timeline
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from resolvers.tickets.attachments import attach_files, complete_uploads
from schema.inputs.messages import AddNoteInput, ReplyToTicketInput
from schema.payloads.messages import NotePayload, ReplyPayload


def last_seen_position(input: ReplyToTicketInput) -> int | None:
    """The position of the last event that the author has seen. Raises CursorInvalid."""
    return None if input.last_seen_cursor is None else decode_cursor(input.last_seen_cursor)


async def check_last_seen_cursor(input: ReplyToTicketInput, _: RecordLimits) -> None:
    """Raises CursorInvalid, CursorExpired."""
    position = last_seen_position(input)
    if position is not None:
        await event_log.require_range(position)


@ticket_mutation(
    ReplyPayload, message="reply", check=check_last_seen_cursor, prepare=complete_uploads
)
async def reply_to_ticket(mutation: TicketMutation, input: ReplyToTicketInput) -> None:
    viewer, change = mutation.viewer, await mutation.lock_ticket(input, for_participants=True)
    body = text.clean_body(input.body, "body")
    position = last_seen_position(input)
    if position is not None:
        unseen = await timeline.find_unseen_messages(viewer, change.ticket.id, position)
        if unseen:
            raise UnseenMessages(unseen)
    is_from_customer = viewer.is_customer or viewer.user_id == change.ticket.requester_id
    message = commands.reply(change, body, is_from_customer=is_from_customer)
    await attach_files(mutation, change, input.attachment_ids, message)


@ticket_mutation(NotePayload, message="note", prepare=complete_uploads)
async def add_note(mutation: TicketMutation, input: AddNoteInput) -> None:
    change = await mutation.lock_ticket(input)
    message = commands.add_note(change, text.clean_body(input.body, "body"))
    await attach_files(mutation, change, input.attachment_ids, message)
