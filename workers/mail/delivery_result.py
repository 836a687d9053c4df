"""What became of one attempt to send a mail, and when the next one is. Pure."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.notifications.email import Mail, MailStatus

FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=4)
GIVEN_UP_AFTER = timedelta(days=3)
FEWEST_ATTEMPTS = 8
"""Two hours of them: a mail that lay while no worker ran is not lost to a server that says not now once."""
LONGEST_ANSWER = 1000


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """A failure is `told` on the ticket, unless it was us who did not send the mail."""

    status: MailStatus
    answer: str
    next_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    told: bool = False


def sent(mail: Mail, answer: str, at: datetime) -> DeliveryResult:
    return DeliveryResult(MailStatus.SENT, readable(mail, answer), sent_at=at)


def not_sent(why: str) -> DeliveryResult:
    return DeliveryResult(MailStatus.FAILED, f"not sent: {why}")


def failed(mail: Mail, answer: str) -> DeliveryResult:
    return DeliveryResult(MailStatus.FAILED, readable(mail, answer), told=True)


def deferred(mail: Mail, answer: str, at: datetime) -> DeliveryResult:
    """To be tried again, unless that went on for too long."""
    if at - mail.created_at > GIVEN_UP_AFTER and mail.attempts >= FEWEST_ATTEMPTS:
        return failed(mail, f"given up after {GIVEN_UP_AFTER.days} days: {answer}")
    return DeliveryResult(MailStatus.DEFERRED, readable(mail, answer), next_attempt_at=at + delay(mail.attempts))


def delay(attempts: int) -> timedelta:
    """How long to wait after so many attempts, give or take a tenth."""
    longest = min(FIRST_DELAY * 2 ** min(max(attempts - 1, 0), 20), LONGEST_DELAY)
    return longest * random.uniform(0.9, 1.1)  # noqa: S311 - it only spreads load


def readable(mail: Mail, answer: str) -> str:
    """A server's answer as it can be stored and shown: bounded, clean, and without the address, which not everybody may see."""
    clean = answer.encode("utf-8", "replace").decode().replace("\x00", "")
    shown = re.sub(re.escape(mail.address), "…", clean, flags=re.IGNORECASE)
    return " ".join(shown.split())[:LONGEST_ANSWER]
