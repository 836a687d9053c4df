"""Whose turn it is to send a mail, and noting what became of it: both in short transactions, with the sending between them.

A claim holds for a while by the machines' own time. What came of it is noted only while the claim still stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes.change import TicketChange, lock_tickets, write
from models.core import time
from models.core.ids import new_id
from models.database import as_uuid
from models.log.event import EventType
from models.notifications.email import Mail
from workers.mail.delivery_result import DeliveryResult

DUE = "next_attempt_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)"


@dataclass(frozen=True, slots=True)
class Claim:
    mail_id: UUID
    by: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A mail that was tried, and what became of it."""

    claim: Claim
    mail: Mail
    result: DeliveryResult


async def has_due_mails(at: datetime) -> bool:
    """Whether there is a mail to send."""
    return bool(await database.rows(f"SELECT 1 AS one FROM mails WHERE {DUE} LIMIT 1", [at, time.now()]))


async def claim_mails(at: datetime, length: timedelta, most: int) -> list[Claim]:
    """Take the mails that have been due for longest, for one attempt each. One statement."""
    by, now = new_id().hex, time.now()
    skipping = "FOR UPDATE SKIP LOCKED" if database.dialect() == "postgres" else ""
    found = await database.rows(
        "UPDATE mails SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1 WHERE id IN "
        f"(SELECT id FROM mails WHERE {DUE} ORDER BY next_attempt_at, id LIMIT {most} {skipping}) RETURNING id",
        [by, now + length, at, now],
    )
    return [Claim(as_uuid(row["id"]), by) for row in found]


async def record_results(ended: Sequence[Attempt], at: datetime) -> bool:
    """Note what became of mails, in one transaction; failures that are told go to their tickets' records with it.

    Where a claim had ended nothing is noted. Returns whether something was told.
    """
    return await database.transacted(lambda: record_in_transaction(ended, at))


async def record_in_transaction(ended: Sequence[Attempt], at: datetime) -> bool:
    # tickets are locked before anything that hangs on them
    told = {each.mail.ticket_id for each in ended if each.result.is_logged}
    tickets = await lock_tickets(told) if told else {}
    changes = {ticket_id: TicketChange(ticket, SYSTEM, at, timedelta()) for ticket_id, ticket in tickets.items()}
    for each in sorted(ended, key=mail_id):
        if await record_result(each) and each.result.is_logged:
            changes[each.mail.ticket_id].log(
                EventType.MAIL_FAILED,
                internal=True,
                user=str(each.mail.user_id),
                answer=each.result.answer,
                mail=str(each.mail.id),
            )
    return await write(*changes.values()) > 0


async def record_result(sent: Attempt) -> bool:
    """Store what became of one mail; False where the claim had ended."""
    outcome, claim = sent.result, sent.claim
    found = await database.rows(
        "UPDATE mails SET status = ?, answer = ?, next_attempt_at = ?, sent_at = ?, claimed_by = NULL, claimed_until = NULL "
        "WHERE id = ? AND claimed_by = ? RETURNING id",
        [outcome.status, outcome.answer, outcome.next_attempt_at, outcome.sent_at, claim.mail_id, claim.by],
    )
    return bool(found)


def mail_id(sent: Attempt) -> UUID:
    return sent.mail.id
