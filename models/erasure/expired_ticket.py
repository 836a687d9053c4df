"""Erases all texts of a ticket whose retention period has ended.

It works like the erasure of a person, but replaces the texts of all people.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from models.access.viewer import SYSTEM
from models.bulk.ticket_run import RunSettings
from models.changes.change import TicketChange
from models.changes.serialization import serialize_value
from models.changes.storage import write
from models.core.ids import new_id
from models.erasure.event_texts import EventRules
from models.erasure.terms import ERASED, Terms
from models.erasure.ticket_erasure import (
    TicketErasure,
    erase_columns,
    erase_events,
    erase_files,
    erase_messages,
    read_text_fields,
)
from models.erasure.ticket_records import read_records
from models.log.event import EventType
from models.notifications.email import Mail
from models.tickets.draft import Draft
from models.tickets.ticket import Ticket

REASON = "The retention period of the ticket has ended."


async def erase_expired(
    ticket: Ticket, policy_id: UUID, at: datetime, settings: RunSettings
) -> TicketErasure:
    """Replace all texts of a locked ticket, and store it, in the caller's transaction.

    Tags, the external id, and what statistics count stay. Drafts are deleted: nobody can send
    them. Logs TICKET_REDACTED, also if the ticket had no texts any more, because it changes the
    ticket's `texts_erased_at`.
    """
    change = TicketChange(ticket, SYSTEM, at, settings.reopen_window, limits=settings.limits)
    records = await read_records(ticket.id)
    rules = EventRules(
        Terms(),
        new_id(),  # nobody: all texts are erased
        erases_texts=True,
        owns_ticket=True,
        text_fields=await read_text_fields(),
        erases_all=True,
    )
    erasure = TicketErasure()
    await erase_messages(change, records, rules, erasure)
    erase_columns(change, records, rules, erasure)
    await erase_events(change, records, rules, erasure)
    erase_files(change, records, rules, erasure)
    log_erasure(change, policy_id, sorted(str(draft.user_id) for draft in records.drafts))
    await Mail.filter(ticket_id=ticket.id, answer__not_isnull=True).update(answer=ERASED)
    await Draft.filter(ticket_id=ticket.id).delete()
    await write(change)
    return erasure


def log_erasure(change: TicketChange, policy_id: UUID, draft_user_ids: list[str]) -> None:
    """Set when the texts were erased, and log it. The change is public, so the version rises.

    The event names the people whose drafts were deleted: exports of their data are outdated.
    """
    before = serialize_value(change.ticket.texts_erased_at)
    change.set(texts_erased_at=change.at, texts_erased_version=change.ticket.version + 1)
    change.log(
        EventType.TICKET_REDACTED,
        {"texts_erased_at": [before, serialize_value(change.at)]},
        reason=REASON,
        retention_policy_id=str(policy_id),
        draft_user_ids=draft_user_ids,
    )
