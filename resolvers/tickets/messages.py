"""The mutations that add a reply or a note to a ticket."""

from __future__ import annotations

from typing import Protocol

from models.access.permissions import HANDLE_TICKETS_AS_STAFF
from models.access.viewer import Viewer
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.custom_values import check_required_at_resolution, set_custom_values
from models.changes.status_step import (
    CUSTOMER_REPLY_ACTIONS,
    StatusStep,
    apply_status_step,
    find_misplaced_values,
)
from models.core import text
from models.core.errors import Refusal, Refusals, UnseenMessages, collect_refusals
from models.core.record_limits import RecordLimits
from models.log.event import decode_cursor
from models.queries.logs import event_log, timeline
from models.tickets import draft
from models.tickets.lifecycle import Action
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from resolvers.tickets.attachments import attach_files, complete_uploads
from schema.inputs.custom_fields import read_input_values
from schema.inputs.tickets.messages import AddNoteInput, ReplyToTicketInput
from schema.payloads.tickets.messages import NotePayload, ReplyPayload


class NamesLastSeen(Protocol):
    """An input with the cursor of the last event that the author has seen."""

    @property
    def last_seen_cursor(self) -> str | None: ...


def last_seen_position(input: NamesLastSeen) -> int | None:
    """The position of the last event that the author has seen. Raises CursorInvalid."""
    return None if input.last_seen_cursor is None else decode_cursor(input.last_seen_cursor)


async def check_last_seen_cursor(input: NamesLastSeen, _: RecordLimits) -> None:
    """Raises CursorInvalid, CursorExpired."""
    position = last_seen_position(input)
    if position is not None:
        await event_log.require_range(position)


async def check_unseen_messages(viewer: Viewer, change: TicketChange, input: NamesLastSeen) -> None:
    """Raises UnseenMessages if the ticket has messages that the author has not seen."""
    position = last_seen_position(input)
    if position is not None:
        unseen = await timeline.find_unseen_messages(viewer, change.ticket.id, position)
        if unseen:
            raise UnseenMessages(unseen)


class SendsDraft(Protocol):
    """An input with the version of the draft that it sends."""

    @property
    def draft_version(self) -> int | None: ...


async def discard_sent_draft(viewer: Viewer, change: TicketChange, input: SendsDraft) -> None:
    if input.draft_version is not None:
        await draft.discard_sent(viewer.user_id, change.ticket.id, input.draft_version)


@ticket_mutation(
    ReplyPayload, message="reply", check=check_last_seen_cursor, prepare=complete_uploads
)
async def reply_to_ticket(mutation: TicketMutation, input: ReplyToTicketInput) -> None:
    viewer, then = mutation.viewer, input.then
    if then is not None and then not in CUSTOMER_REPLY_ACTIONS:
        HANDLE_TICKETS_AS_STAFF.check(viewer)
    change = await mutation.lock_ticket(input, allow_shared=then is None)
    is_from_customer = viewer.is_customer or viewer.user_id == change.ticket.requester_id
    action = then.value if then is not None else None
    refusals: list[Refusal] = []
    with collect_refusals(refusals):
        text.clean_body(input.body, "body")
    with collect_refusals(refusals):
        await check_unseen_messages(viewer, change, input)
    refusals += find_misplaced_values(
        action, input.until, input.reason, has_custom_fields=input.custom_fields is not None
    )
    with collect_refusals(refusals):
        keeps_status = action is not None
        message = commands.reply(
            change, input.body, is_from_customer=is_from_customer, keeps_status=keeps_status
        )
        await attach_files(mutation, change, input.attachment_ids, message)
    if action is not None:
        await act(change, input, action, refusals)
    if refusals:
        raise Refusals(refusals)
    await discard_sent_draft(viewer, change, input)


async def act(
    change: TicketChange, input: ReplyToTicketInput, action: Action, refusals: list[Refusal]
) -> None:
    """Apply the action after the reply, with custom fields. Adds refusals to the list."""
    with collect_refusals(refusals):
        apply_status_step(change, StatusStep(action, input.until, input.reason), input.body)
    with collect_refusals(refusals):
        given = read_input_values(input.custom_fields)
        values = await set_custom_values(change, given, change.ticket.category_id)
        values.log(change)
        path = ("customFields",) if action is Action.RESOLVE else ()
        await check_required_at_resolution(change, *path)


@ticket_mutation(NotePayload, message="note", prepare=complete_uploads)
async def add_note(mutation: TicketMutation, input: AddNoteInput) -> None:
    change = await mutation.lock_ticket(input)
    message = commands.add_note(change, text.clean_body(input.body, "body"))
    await attach_files(mutation, change, input.attachment_ids, message)
    await discard_sent_draft(mutation.viewer, change, input)
