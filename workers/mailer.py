"""Sends due emails, each exactly once as far as SMTP allows (docs/decisions/0011).

An unreachable mail server delays emails and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from time import monotonic

import structlog

from models.notifications.email import Mail, MailStatus
from workers.job import Progress
from workers.mail import account_mail, attempts, delivery_result, webhook_mail
from workers.mail.address import parse_mailbox
from workers.mail.attempts import Attempt, Claim
from workers.mail.composer import Composer
from workers.mail.delivery_result import DeliveryResult
from workers.mail.outgoing_mail import MailWithheld, read_mail, read_outgoing_mail
from workers.mail.template import Templates
from workers.mail.transport import PermanentFailure, TemporaryFailure, Transport

MAX_CONCURRENT_MAILS = 5
CLAIM_DURATION = timedelta(seconds=60)
"""How long a claim holds; longer than one attempt may take."""
RUN_SECONDS = 0.25
"""After this time a run starts no more emails, so that a long queue leaves time for requests
between runs."""
COLLECT_SECONDS = 0.02
"""How long a finished attempt waits for others, so that their results are stored in one
transaction."""
FINISH_SECONDS = 3.0
"""How long the mailer waits for attempts under way when it is stopped."""
MAX_RECORD_ATTEMPTS, RECORD_RETRY_SECONDS = 10, 1.0
Compose = Callable[[], Awaitable[EmailMessage]]
log = structlog.get_logger("ticketwire.mail")


@dataclass(slots=True)
class SendRun:
    """One run: until when it starts emails (monotonic seconds), and what it did."""

    at: datetime
    ends_at: float
    attempted: int = 0
    logged: bool = False


class Mailer:
    """The job that sends emails. Any number of processes may run it at once."""

    name = "mailer"

    def __init__(
        self,
        transport: Transport,
        templates: Templates,
        *,
        mail_from: str,
        reply_to: str | None = None,
        url: str | None = None,
        finish_seconds: float = FINISH_SECONDS,
    ) -> None:
        """`finish_seconds` bounds the wait at a stop.

        Raises ValueError for an address that can't be used.
        """
        self.transport = transport
        self.composer = Composer(
            templates,
            parse_mailbox(mail_from),
            parse_mailbox(reply_to) if reply_to else None,
            url or None,
        )
        self.finish_seconds = finish_seconds

    async def run_once(self, at: datetime, position: int) -> Progress:
        if not await attempts.has_due_mails(at):
            return Progress(0, position)
        run = SendRun(at, monotonic() + RUN_SECONDS)
        sending = asyncio.create_task(self.send_due_mails(run))
        try:
            await asyncio.wait([sending])
        except asyncio.CancelledError:
            run.ends_at = 0.0
            await asyncio.wait([sending], timeout=self.finish_seconds)
            raise
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        sending.result()
        return Progress(run.attempted, position, changed=run.logged)

    async def send_due_mails(self, run: SendRun) -> None:
        """Send up to MAX_CONCURRENT_MAILS emails at a time until the run's time is over or none is
        due.

        Emails are claimed together, and results are stored together: one transaction per email
        would delay requests.
        """
        sending = set[asyncio.Task[Attempt]]()
        try:
            while True:
                free = MAX_CONCURRENT_MAILS - len(sending) if monotonic() < run.ends_at else 0
                claimed = await attempts.claim_mails(run.at, CLAIM_DURATION, free) if free else []
                sending |= {asyncio.create_task(self.send(claim, run.at)) for claim in claimed}
                if not sending:
                    return
                ended = await next_completed(sending)
                sending -= ended
                await self.record_results([task for task in ended if task.exception() is None], run)
                run.attempted += len(ended)
                for task in ended:
                    task.result()
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def record_results(self, ended: Sequence[asyncio.Task[Attempt]], run: SendRun) -> None:
        if ended:
            run.logged |= await record_with_retries([task.result() for task in ended], run.at)

    async def send(self, claim: Claim, at: datetime) -> Attempt:
        mail = await read_mail(claim.mail_id)
        if mail.webhook_id is not None:
            compose = partial(webhook_mail.compose, self.composer, mail)
        elif mail.event_id is None:
            compose = partial(account_mail.compose, self.composer, mail, at)
        else:
            compose = partial(self.composer.compose, await read_outgoing_mail(mail))
        return Attempt(claim, mail, await self.attempt(mail, compose, at))

    async def attempt(self, mail: Mail, compose: Compose, at: datetime) -> DeliveryResult:
        """Try to send the email, outside of any transaction."""
        try:
            message = await compose()
            answer = await self.transport.send(message, message["To"].addresses[0].addr_spec)
        except MailWithheld as why:
            return delivery_result.build_withheld(str(why))
        except PermanentFailure as error:
            return delivery_result.build_failed(mail, str(error))
        except TemporaryFailure as error:
            return delivery_result.build_deferred(mail, str(error), at)
        # most likely a template that fails with the ticket's values; an operator can fix it
        except Exception as error:
            log.exception("mail.not_composed", mail=str(mail.id), template=mail.template)
            return delivery_result.build_deferred(
                mail, f"the email could not be composed: {error!r}", at
            )
        return delivery_result.build_sent(mail, answer, at)


async def next_completed(sending: set[asyncio.Task[Attempt]]) -> set[asyncio.Task[Attempt]]:
    """Wait for the next attempt to end; returns it with those that end within COLLECT_SECONDS."""
    first, others = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    if not others:
        return first
    more, _ = await asyncio.wait(others, timeout=COLLECT_SECONDS)
    return first | more


async def record_with_retries(ended: Sequence[Attempt], at: datetime) -> bool:
    """Store the results of attempts.

    If the database is unreachable, try again: an email without a result is sent again.

    Returns whether a failure was logged on its ticket.
    """
    failures = 0
    while True:
        try:
            is_logged = await attempts.record_results(ended, at)
            break
        except Exception as error:
            failures += 1
            if failures == MAX_RECORD_ATTEMPTS:
                raise
            log.warning(
                "mail.result_not_stored",
                mails=[str(each.mail.id) for each in ended],
                error=repr(error),
            )
            await asyncio.sleep(RECORD_RETRY_SECONDS)
    for each in ended:
        if each.result.is_withheld:
            log.info("mail.withheld", mail=str(each.mail.id), reason=each.result.answer)
        elif each.result.status is not MailStatus.SENT:
            log.warning(
                "mail.not_sent",
                mail=str(each.mail.id),
                status=each.result.status.value,
                answer=each.result.answer,
            )
    return is_logged
