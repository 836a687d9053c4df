"""Claims due emails and stores the results of attempts, in short transactions; the sending is
between them.

A claim expires by the machine's own clock. A result is stored only while its claim still holds.

The emails about one ticket to one user are sent in the order of their events: an email waits until
each earlier one is sent or has failed for good. A summary delays no other email. An email about an
account has no ticket, and waits for no other.
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
from models.notifications.email import MORE_UPDATES, Mail, MailStatus
from models.people.user import ERASED_DOMAIN
from workers.mail.delivery_result import DeliveryResult

DUE = (
    "m.next_attempt_at <= ? AND (m.claimed_until IS NULL OR m.claimed_until <= ?) "
    "AND NOT EXISTS (SELECT 1 FROM mails earlier WHERE earlier.ticket_id = m.ticket_id "
    "AND earlier.user_id = m.user_id AND earlier.event_id < m.event_id "
    f"AND earlier.next_attempt_at IS NOT NULL AND earlier.template <> '{MORE_UPDATES}')"
)
"""The condition for an email `m` that can be sent now."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`by` is a random id, which each call of `claim_mails` gives to all its claims."""

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
            f"SELECT 1 AS one FROM mails m WHERE {DUE} LIMIT 1", [at, time.now()]
        )
    )


async def claim_mails(at: datetime, duration: timedelta, limit: int) -> list[Claim]:
    """Claim the emails that have been due for longest, in one statement.

    `duration` is how long a claim holds.
    """
    by, now = new_id().hex, time.now()
    due = (
        f"SELECT m.id FROM mails m WHERE {DUE} ORDER BY m.next_attempt_at, m.event_id LIMIT {limit}"
    )
    # Postgres may execute a subquery of IN for each row. Each execution skips what the others have
    # locked, so together they would claim more than `limit`. That of an array is executed once.
    is_postgres = database.dialect() == "postgres"
    chosen = f"= ANY (ARRAY({due} FOR UPDATE OF m SKIP LOCKED))" if is_postgres else f"IN ({due})"
    rows = await database.fetch_dicts(
        "UPDATE mails SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1 "
        f"WHERE id {chosen} RETURNING id",
        [by, now + duration, at, now],
    )
    return [Claim(as_uuid(row["id"]), by) for row in rows]


async def record_results(attempts: Sequence[Attempt], at: datetime) -> bool:
    """Store results in one transaction, with an event on the ticket for each failure that is
    logged.

    A result whose claim has expired is not stored. Returns whether an event was written.
    """
    return await database.run_in_transaction(lambda: record_in_transaction(attempts, at))


async def record_in_transaction(attempts: Sequence[Attempt], at: datetime) -> bool:
    # Tickets are locked before the rows that refer to them.
    ticket_ids = {
        each.mail.ticket_id
        for each in attempts
        if each.result.is_logged and each.mail.ticket_id is not None
    }
    tickets = await lock_tickets(ticket_ids) if ticket_ids else {}
    changes = {
        ticket_id: TicketChange(ticket, SYSTEM, at, timedelta())
        for ticket_id, ticket in tickets.items()
    }
    for each in sorted(attempts, key=mail_id):
        if not await record_result(each):
            continue
        delays_later_mails = each.mail.template != MORE_UPDATES and each.mail.ticket_id is not None
        if each.result.status is MailStatus.DEFERRED and delays_later_mails:
            await postpone_later_mails(each)
        if each.result.is_logged and each.mail.ticket_id is not None:
            changes[each.mail.ticket_id].log(
                EventType.MAIL_FAILED,
                internal=True,
                user=str(each.mail.user_id),
                answer=each.result.answer,
                mail=str(each.mail.id),
            )
    return await write(*changes.values()) > 0


async def record_result(attempt: Attempt) -> bool:
    """Store the result of one attempt; returns False if its claim has expired.

    The answer to an email of an erased person may repeat the address, so it is not stored. The
    erasure has ended the claim, or will do so.
    """
    result, claim = attempt.result, attempt.claim
    rows = await database.fetch_dicts(
        "UPDATE mails SET status = ?, answer = ?, next_attempt_at = ?, sent_at = ?, "
        "claimed_by = NULL, claimed_until = NULL "
        "WHERE id = ? AND claimed_by = ? AND NOT EXISTS (SELECT 1 FROM users u "
        f"WHERE u.id = mails.user_id AND u.email LIKE '%@{ERASED_DOMAIN}') RETURNING id",
        [
            result.status,
            result.answer,
            result.next_attempt_at,
            result.sent_at,
            claim.mail_id,
            claim.by,
        ],
    )
    return bool(rows)


async def postpone_later_mails(deferred: Attempt) -> None:
    """Postpone the emails that wait for this one until its next attempt.

    They could not be sent before. While they count as due, each run would examine all of them.
    """
    mail, next_attempt_at = deferred.mail, deferred.result.next_attempt_at
    await database.fetch_dicts(
        "UPDATE mails SET next_attempt_at = ? WHERE ticket_id = ? AND user_id = ? "
        "AND event_id > ? AND next_attempt_at < ? RETURNING id",
        [next_attempt_at, mail.ticket_id, mail.user_id, mail.event_id, next_attempt_at],
    )


def mail_id(attempt: Attempt) -> UUID:
    return attempt.mail.id
