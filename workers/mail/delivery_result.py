"""The result of one attempt to send an email, and the time of the next attempt. Pure functions."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.notifications.email import Mail, MailStatus

FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=3)
MIN_ATTEMPTS = 8
"""About two hours of attempts.

An email that waited while no worker ran is not given up after one temporary failure.
"""
MAX_ANSWER_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """`is_logged` is true for a failure that is logged on the ticket: one that the mail server
    reported."""

    status: MailStatus
    answer: str
    next_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    is_logged: bool = False


def sent(mail: Mail, answer: str, at: datetime) -> DeliveryResult:
    return DeliveryResult(MailStatus.SENT, clean_answer(mail, answer), sent_at=at)


def not_sent(why: str) -> DeliveryResult:
    return DeliveryResult(MailStatus.FAILED, f"not sent: {why}")


def failed(mail: Mail, answer: str) -> DeliveryResult:
    return DeliveryResult(MailStatus.FAILED, clean_answer(mail, answer), is_logged=True)


def deferred(mail: Mail, answer: str, at: datetime) -> DeliveryResult:
    """Try again later, or give up after GIVE_UP_AFTER and MIN_ATTEMPTS."""
    if at - mail.created_at > GIVE_UP_AFTER and mail.attempts >= MIN_ATTEMPTS:
        return failed(mail, f"given up after {GIVE_UP_AFTER.days} days: {answer}")
    return DeliveryResult(
        MailStatus.DEFERRED,
        clean_answer(mail, answer),
        next_attempt_at=at + retry_delay(mail.attempts),
    )


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after this many attempts: doubles from FIRST_DELAY to LONGEST_DELAY, ±
    10 %."""
    longest = min(FIRST_DELAY * 2 ** min(max(attempts - 1, 0), 20), LONGEST_DELAY)
    return longest * random.uniform(0.9, 1.1)  # noqa: S311 - it only spreads load


def clean_answer(mail: Mail, answer: str) -> str:
    """Return a server's answer for storing and showing: bounded, printable, and without the
    recipient's address."""
    clean = answer.encode("utf-8", "replace").decode().replace("\x00", "")
    shown = re.sub(re.escape(mail.address), "…", clean, flags=re.IGNORECASE)
    return " ".join(shown.split())[:MAX_ANSWER_LENGTH]
