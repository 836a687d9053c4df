"""The result of one attempt to send an email, and the time of the next attempt. No I/O."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.notifications.email import Mail, MailStatus

MIN_RETRY_DELAY, MAX_RETRY_DELAY = timedelta(minutes=1), timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=3)
MIN_ATTEMPTS = 8
"""So many attempts take about two hours. They are made even if the email has waited for longer than
GIVE_UP_AFTER, because no worker ran."""
MAX_ANSWER_CHARS = 1000


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The status of an email after an attempt, with the mail server's answer or the reason."""

    status: MailStatus
    answer: str
    next_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    is_logged: bool = False
    """Whether the ticket's log records the failure. It records all except withheld emails."""

    @property
    def is_withheld(self) -> bool:
        return self.status is MailStatus.FAILED and not self.is_logged


def build_sent(mail: Mail, answer: str, at: datetime) -> DeliveryResult:
    return DeliveryResult(MailStatus.SENT, clean_answer(mail, answer), sent_at=at)


def build_withheld(why: str) -> DeliveryResult:
    """The server does not send the email, for example because the recipient turned it off."""
    return DeliveryResult(MailStatus.FAILED, f"not sent: {why}")


def build_failed(mail: Mail, answer: str) -> DeliveryResult:
    """The email can't be delivered."""
    return DeliveryResult(MailStatus.FAILED, clean_answer(mail, answer), is_logged=True)


def build_deferred(mail: Mail, answer: str, at: datetime) -> DeliveryResult:
    """Try again later, or give up after GIVE_UP_AFTER and MIN_ATTEMPTS."""
    if at - mail.created_at > GIVE_UP_AFTER and mail.attempts >= MIN_ATTEMPTS:
        return build_failed(mail, f"given up after {GIVE_UP_AFTER.days} days: {answer}")
    return DeliveryResult(
        MailStatus.DEFERRED,
        clean_answer(mail, answer),
        next_attempt_at=at + choose_retry_delay(mail.attempts),
    )


def choose_retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after this many attempts.

    The delay doubles from MIN_RETRY_DELAY to MAX_RETRY_DELAY, and varies by up to 10 %.
    """
    base_delay = min(MIN_RETRY_DELAY * 2 ** min(max(attempts - 1, 0), 20), MAX_RETRY_DELAY)
    return base_delay * random.uniform(0.9, 1.1)  # noqa: S311 - it only spreads load


def clean_answer(mail: Mail, answer: str) -> str:
    """Return a server's answer for storing and showing: in one line of limited length, without
    unprintable characters and the recipient's address."""
    decodable = answer.encode("utf-8", "replace").decode()
    address = re.escape(remove_unprintable(mail.address))
    anonymous = re.sub(address, "…", remove_unprintable(decodable), flags=re.IGNORECASE)
    return " ".join(anonymous.split())[:MAX_ANSWER_CHARS]


def remove_unprintable(text: str) -> str:
    return "".join(each for each in text if each.isprintable() or each.isspace())
