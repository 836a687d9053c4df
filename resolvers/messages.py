"""Replies and notes."""

from __future__ import annotations

import strawberry

from models.changes import commands
from models.core import text
from models.core.errors import Refusal, UnseenMessages
from models.log.event import position_of
from models.queries import timeline
from resolvers.mutations.ticket_mutation import Outcome, Work, perform
from schema import inputs
from schema.payloads import NotePayload, ReplyPayload
from schema.types.error import user_error


async def reply_to_ticket(info: strawberry.Info, input: inputs.ReplyToTicketInput) -> ReplyPayload:
    seen = None if input.last_seen_cursor is None else position_of(input.last_seen_cursor)
    if seen is not None:
        await timeline.expect_within(seen)

    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        body = text.body(input.body, "body")
        if seen is not None and (unseen := await timeline.unseen_messages(work.viewer, change.ticket.id, seen)):
            raise UnseenMessages(unseen)
        own = work.viewer.is_customer or work.viewer.user_id == change.ticket.requester_id
        commands.reply(change, body, for_customer=own)

    try:
        outcome: Outcome = await perform(info, input, act)
    except Refusal as refusal:
        return ReplyPayload(user_errors=[user_error(refusal)])
    return ReplyPayload(reply=outcome.message, **outcome.fields)


async def add_note(info: strawberry.Info, input: inputs.AddNoteInput) -> NotePayload:
    async def act(work: Work) -> None:
        change = await work.ticket(input.ticket_id, input.expected_version)
        commands.add_note(change, text.body(input.body, "body"))

    try:
        outcome: Outcome = await perform(info, input, act)
    except Refusal as refusal:
        return NotePayload(user_errors=[user_error(refusal)])
    return NotePayload(note=outcome.message, **outcome.fields)
