"""Saves and discards drafts, in the caller's transaction. docs/decisions/0035 has the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.access.viewer import Viewer
from models.changes.change import TicketChange
from models.core.errors import InvalidInput, StaleVersion, UserErrorCode
from models.core.lazy_query import LazyQuery, RecordQuery
from models.core.record_limits import RecordLimits
from models.core.sql import compare
from models.files.uploads import lock_files
from models.log.event import EventType
from models.people.user import User, no_such_user
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft, first_version
from models.tickets.message import MessageKind
from models.tickets.ticket import Ticket

NO_DRAFT = 0
"""The version that stands for a draft that does not exist."""


@dataclass(frozen=True, slots=True)
class DraftText:
    """The kind and the text of a draft, checked."""

    kind: MessageKind
    body: str


async def lock_draft(user_id: UUID, ticket_id: UUID) -> Draft | None:
    """The person's draft on the ticket.

    Until the transaction ends, other changes of the person's drafts wait, and a message or the
    cleanup that deletes this draft.
    """
    await User.select_for_update(no_key=True).get(id=user_id)
    condition = compare("d.user_id", "=", user_id) & compare("d.ticket_id", "=", ticket_id)
    return await RecordQuery(LazyQuery(Draft, "d", "drafts d", condition, lock=True))


def check_version(draft: Draft | None, expected: int | None) -> None:
    """Raises StaleVersion if the draft has another version. 0 expects that there is no draft."""
    if expected is None:
        return
    if expected < NO_DRAFT:
        raise InvalidInput(UserErrorCode.INVALID, "must be 0 or more", "expectedVersion")
    current = NO_DRAFT if draft is None else draft.version
    if current != expected:
        raise StaleVersion(current, "draft")


async def save_draft(
    viewer: Viewer,
    ticket: Ticket,
    text: DraftText,
    file_keys: Sequence[UUID],
    expected_version: int | None,
    limits: RecordLimits,
    at: datetime,
) -> Draft:
    """Create or replace the viewer's draft on the ticket. Raises InvalidInput, StaleVersion."""
    assert viewer.user_id is not None  # the permission is only for users
    draft = await lock_draft(viewer.user_id, ticket.id)
    check_version(draft, expected_version)
    files = await lock_files(viewer, file_keys) if file_keys else []
    draft = await store(draft, viewer.user_id, ticket, text, limits, at)
    kept = [file.id for file in files]
    released = Attachment.filter(draft_id=draft.id)
    await (released.exclude(id__in=kept) if kept else released).update(draft_id=None)
    if kept:
        await Attachment.filter(id__in=kept).update(draft_id=draft.id)
    return draft


async def propose_draft(change: TicketChange, user_id: UUID | None, text: DraftText) -> Draft:
    """Store a proposal of the change's actor, an API client, as the draft of a person.

    It replaces an earlier proposal, but nothing that the person has saved. The change logs it,
    without the text. Raises InvalidInput.
    """
    ticket, limits, client_id = change.ticket, change.limits, change.actor.client_id
    assert client_id is not None  # the permission is only for API clients
    if user_id is None:
        message = "is required, because the ticket has no assignee"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "userId")
    person = await User.get_or_none(id=user_id, active=True)
    if person is None or not person.is_staff:
        raise no_such_user("userId")
    draft = await lock_draft(user_id, ticket.id)
    if draft is not None and draft.proposed_by_id is None:
        message = "has a draft on this ticket, which a proposal can't replace"
        raise InvalidInput(UserErrorCode.TAKEN, message, "userId")
    draft = await store(draft, user_id, ticket, text, limits, change.at, proposed_by_id=client_id)
    kind = text.kind.value
    change.log(EventType.DRAFT_PROPOSED, internal=True, user=str(user_id), kind=kind)
    return draft


async def store(
    draft: Draft | None,
    user_id: UUID,
    ticket: Ticket,
    text: DraftText,
    limits: RecordLimits,
    at: datetime,
    *,
    proposed_by_id: UUID | None = None,
) -> Draft:
    if draft is not None:
        draft.kind, draft.body, draft.proposed_by_id = text.kind, text.body, proposed_by_id
        draft.version, draft.updated_at = draft.version + 1, at
        await draft.save()
        return draft
    if await Draft.filter(user_id=user_id).count() >= limits.max_drafts_per_person:
        message = f"There are {limits.max_drafts_per_person} drafts, the maximum. Send or discard "
        message += "some first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="drafts")
    return await Draft.create(
        user_id=user_id,
        ticket_id=ticket.id,
        version=first_version(at),
        created_at=at,
        updated_at=at,
        kind=text.kind,
        body=text.body,
        proposed_by_id=proposed_by_id,
    )


async def discard_draft(user_id: UUID, ticket_id: UUID, expected_version: int | None) -> bool:
    """Delete the person's draft on the ticket; returns whether there was one.

    Raises InvalidInput, StaleVersion.
    """
    draft = await lock_draft(user_id, ticket_id)
    check_version(draft, expected_version)
    if draft is not None:
        await draft.delete()
    return draft is not None
