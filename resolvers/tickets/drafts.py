"""The mutations `saveDraft`, `discardDraft` and `proposeDraft`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from models.access.permissions import WRITE_NOTES
from models.access.viewer import Viewer
from models.access.visibility import can_access_ticket
from models.changes import drafts
from models.changes.change import TicketChange
from models.changes.drafts import DraftText
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.changes.storage import lock_tickets, write
from models.core import ids, text
from models.core.errors import InvalidInput, Refusal, UserErrorCode
from models.files.uploads import parse_attachment_ids
from models.people.user import no_such_user
from models.tickets.draft import Draft
from models.tickets.message import MessageKind
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.idempotency import KeyedInput, run_once
from resolvers.mutations.resolver import to_user_errors
from resolvers.tickets.attachments import complete_uploads
from schema.inputs.tickets.drafts import DiscardDraftInput, ProposeDraftInput, SaveDraftInput
from schema.payloads.tickets.drafts import (
    DiscardDraftPayload,
    ProposeDraftPayload,
    SaveDraftPayload,
)


async def save_draft(info: strawberry.Info, input: SaveDraftInput) -> SaveDraftPayload:
    """Not a ticket mutation, because it changes no ticket: it needs no lock, event or wake-up."""
    context = context_of(info)
    check_kind(context.viewer, input.kind)
    saved: Draft | None = None

    async def save() -> UUID:
        nonlocal saved
        limits = context.settings.limits
        ticket = await find_ticket(context.viewer, input.ticket_id)
        draft_text = DraftText(input.kind, check_body(input.body, limits.max_draft_chars))
        keys = parse_attachment_ids(input.attachment_ids or [], limits)
        saved = await drafts.save_draft(
            context.viewer, ticket, draft_text, keys, input.expected_version, limits, context.now()
        )
        return saved.id

    try:
        await complete_uploads(context, input)
        draft_id, replayed = await run_with_key(context, info.field_name, input, save)
    except Refusal as error:
        return SaveDraftPayload(user_errors=to_user_errors(error))
    if replayed:  # the draft may have another text by now, which not every token may read
        saved = await context.loaders.drafts.load(draft_id)
    return SaveDraftPayload(draft=saved, replayed=replayed)


async def discard_draft(info: strawberry.Info, input: DiscardDraftInput) -> DiscardDraftPayload:
    context = context_of(info)

    async def discard() -> UUID:
        assert context.viewer.user_id is not None  # the permission is only for users
        ticket = await find_ticket(context.viewer, input.ticket_id)
        await drafts.discard_draft(context.viewer.user_id, ticket.id, input.expected_version)
        return ticket.id

    try:
        ticket_id, replayed = await run_with_key(context, info.field_name, input, discard)
    except Refusal as error:
        return DiscardDraftPayload(user_errors=to_user_errors(error))
    return DiscardDraftPayload(
        ticket_id=strawberry.ID(ids.encode(ids.TICKET, ticket_id)), replayed=replayed
    )


async def propose_draft(info: strawberry.Info, input: ProposeDraftInput) -> ProposeDraftPayload:
    context = context_of(info)
    check_kind(context.viewer, input.kind)

    async def propose() -> UUID:
        change = await lock_ticket(context, input.ticket_id)
        user_id = change.ticket.assignee_id
        if input.user_id is not None:
            user_id = ids.key_of(ids.USER, input.user_id)
            if user_id is None:
                raise no_such_user("userId")
        body = check_body(input.body, change.limits.max_draft_chars)
        if text.is_blank(body):
            raise InvalidInput(UserErrorCode.REQUIRED, "must not be blank", "body")
        draft = await drafts.propose_draft(change, user_id, DraftText(input.kind, body))
        await write(change)
        return draft.id

    try:
        draft_id, replayed = await run_with_key(context, info.field_name, input, propose)
    except Refusal as error:
        return ProposeDraftPayload(user_errors=to_user_errors(error))
    context.services.wakeup.notify()
    return ProposeDraftPayload(
        draft_id=strawberry.ID(ids.encode(ids.DRAFT, draft_id)), replayed=replayed
    )


def check_kind(viewer: Viewer, kind: MessageKind) -> None:
    """Raises Forbidden if the viewer may not write notes."""
    if kind is MessageKind.NOTE:
        WRITE_NOTES.check(viewer)


def check_body(body: str, max_chars: int) -> str:
    """The text as it is, because a draft keeps white space. Raises InvalidInput for `body`."""
    text.check_length(body, "body", max_chars=max_chars)
    if not text.is_storable(body):
        message = "must not contain NUL bytes or lone surrogates"
        raise InvalidInput(UserErrorCode.INVALID, message, "body")
    return body


async def find_ticket(viewer: Viewer, ticket_id: str) -> Ticket:
    """A ticket within the viewer's reach. Raises InvalidInput NOT_FOUND."""
    ticket = await Ticket.get_or_none(id=ids.key_of(ids.TICKET, ticket_id))
    if ticket is None or not can_access_ticket(viewer, ticket):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.", "ticketId")
    return ticket


async def lock_ticket(context: Context, ticket_id: str) -> TicketChange:
    """Lock a ticket within the viewer's reach, and begin a change. Raises InvalidInput NOT_FOUND.

    Messages lock the ticket before the draft that they discard, too.
    """
    ticket = await find_ticket(context.viewer, ticket_id)
    locked = (await lock_tickets([ticket.id]))[ticket.id]
    settings = context.settings
    return TicketChange(
        locked, context.viewer, context.now(), settings.reopen_window, limits=settings.limits
    )


async def run_with_key(
    context: Context, mutation: str, input: KeyedInput, change: Callable[[], Awaitable[UUID]]
) -> tuple[UUID, bool]:
    """Run `change` once for the idempotency key of the input, in one transaction.

    Returns the key that it returned, also to a repetition, and whether this is a repetition.
    Raises Refusal.
    """

    async def execute(key: KeyedRequest | None) -> tuple[UUID, bool]:
        result = await change()
        if key is not None:
            await store_result(key, ResultReference(context.now(), result))
        return result, False

    async def replay(stored: IdempotencyKey) -> tuple[UUID, bool]:
        assert stored.record_id is not None  # `execute` has stored it
        return stored.record_id, True

    outcome = await run_once(context, mutation, input, execute, replay)
    context.renew_loaders()
    return outcome
