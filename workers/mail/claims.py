"""Claims due emails and stores the results of attempts, in short transactions; the sending is
between them.

A claim expires by the machine's own clock. A result is stored only while its claim still holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
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
    """One attempt to send an email, and its result."""

    claim: Claim
    mail: Mail
    result: DeliveryResult


async def has_due_mails(at: datetime) -> bool:
    """Whether an email is due."""
    return bool(
        await database.fetch_dicts(
            f"SELECT 1 AS one FROM mails WHERE {DUE} LIMIT 1", [at, time.now()]
        )
    )


async def claim_mails(at: datetime, length: timedelta, limit: int) -> list[Claim]:
    """Claim the emails that have been due for longest, in one statement.

    `length` is how long a claim holds.
    """
    by, now = new_id().hex, time.now()
    skip_locked = "FOR UPDATE SKIP LOCKED" if database.dialect() == "postgres" else ""
    found = await database.fetch_dicts(
        "UPDATE mails SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1 WHERE id IN "
        f"(SELECT id FROM mails WHERE {DUE} ORDER BY next_attempt_at, id "
        f"LIMIT {limit} {skip_locked}) RETURNING id",
        [by, now + length, at, now],
    )
    return [Claim(as_uuid(row["id"]), by) for row in found]


async def record_results(ended: Sequence[Attempt], at: datetime) -> bool:
    """Store results in one transaction, with an event on the ticket for each failure that is
    logged.

    A result whose claim has expired is not stored. Returns whether an event was written.
    """
    return await database.run_in_transaction(lambda: record_in_transaction(ended, at))


async def record_in_transaction(ended: Sequence[Attempt], at: datetime) -> bool:
    # lock tickets before the rows that refer to them
    ticket_ids = {each.mail.ticket_id for each in ended if each.result.is_logged}
    tickets = await lock_tickets(ticket_ids) if ticket_ids else {}
    changes = {
        ticket_id: TicketChange(ticket, SYSTEM, at, timedelta())
        for ticket_id, ticket in tickets.items()
    }
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
    """Store the result of one attempt; returns False if its claim has expired."""
    outcome, claim = sent.result, sent.claim
    found = await database.fetch_dicts(
        "UPDATE mails SET status = ?, answer = ?, next_attempt_at = ?, sent_at = ?, "
        "claimed_by = NULL, claimed_until = NULL "
        "WHERE id = ? AND claimed_by = ? RETURNING id",
        [
            outcome.status,
            outcome.answer,
            outcome.next_attempt_at,
            outcome.sent_at,
            claim.mail_id,
            claim.by,
        ],
    )
    return bool(found)


def mail_id(sent: Attempt) -> UUID:
    return sent.mail.id
