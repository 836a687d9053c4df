"""Sends the mails that are due, each once as far as SMTP allows: docs/decisions/0011. A server that is away delays mail alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import structlog

from models.notifications.email import MailStatus
from workers.job import Progress
from workers.mail import claims, delivery_result
from workers.mail.address import mailbox
from workers.mail.claims import Claim, Sent
from workers.mail.compose import Composer
from workers.mail.delivery_result import DeliveryResult
from workers.mail.message import MessageBuilder, NotSent, read
from workers.mail.template import Templates
from workers.mail.transport import Deferred, Refused, Transport

LANES = 5
"""How many mails are on their way at once."""
CLAIM = timedelta(seconds=60)
"""Longer than one attempt may take."""
TURN_SECONDS = 0.25
"""After which a turn begins no more mails, so that a long queue leaves room for requests between the turns."""
TOGETHER_SECONDS = 0.02
"""How long one that has ended waits for others, to be noted with them."""
FINISH_SECONDS = 3.0
"""How long mails that are on their way are waited for when the mailer is told to stop."""
NOTE_TRIES, NOTE_SECONDS = 10, 1.0
log = structlog.get_logger("ticketwire.mail")


@dataclass(slots=True)
class SendRound:
    """One turn: until when mails are begun, and what came of it."""

    at: datetime
    ends: float
    tried: int = 0
    told: bool = False


class Mailer:
    """The duty that sends mails. Any number of processes may have it at once."""

    name = "mailer"

    def __init__(
        self,
        outbox: Transport,
        templates: Templates,
        *,
        mail_from: str,
        reply_to: str | None = None,
        url: str | None = None,
        finish_seconds: float = FINISH_SECONDS,
    ) -> None:
        """Raises ValueError where an address can't be used."""
        self.outbox = outbox
        self.composer = Composer(templates, mailbox(mail_from), mailbox(reply_to) if reply_to else None, url or None)
        self.finish_seconds = finish_seconds

    async def run_once(self, at: datetime, position: int) -> Progress:
        if not await claims.waiting(at):
            return Progress(0, position)
        round = SendRound(at, monotonic() + TURN_SECONDS)
        running = asyncio.create_task(self.run(round))
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:
            round.ends = 0.0
            await asyncio.wait([running], timeout=self.finish_seconds)
            raise
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        running.result()
        return Progress(round.tried, position, changed=round.told)

    async def run(self, round: SendRound) -> None:
        """Keep the lanes busy. What is claimed at one time, and what ends at one time, is one transaction each: every mail of
        its own would keep the requests waiting. A slow server holds up nobody in the other lanes."""
        sending = set[asyncio.Task[Sent]]()
        try:
            while True:
                free = LANES - len(sending) if monotonic() < round.ends else 0
                claimed = await claims.claim(round.at, CLAIM, free) if free else []
                sending |= {asyncio.create_task(self.send(claim, round.at)) for claim in claimed}
                if not sending:
                    return
                ended = await some_of(sending)
                sending -= ended
                await self.note([task for task in ended if task.exception() is None], round)
                round.tried += len(ended)
                for task in ended:
                    task.result()
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def note(self, ended: Sequence[asyncio.Task[Sent]], round: SendRound) -> None:
        if ended:
            round.told |= await noted([task.result() for task in ended], round.at)

    async def send(self, claim: Claim, at: datetime) -> Sent:
        letter = await read(claim.mail_id)
        return Sent(claim, letter.mail, await self.attempt(letter, at))

    async def attempt(self, letter: MessageBuilder, at: datetime) -> DeliveryResult:
        """Try to send it, outside of any transaction."""
        mail = letter.mail
        try:
            message = await self.composer.compose(letter)
            answer = await self.outbox.send(message, message["To"].addresses[0].addr_spec)
        except NotSent as why:
            return delivery_result.not_sent(str(why))
        except Refused as error:
            return delivery_result.failed(mail, str(error))
        except Deferred as error:
            return delivery_result.deferred(mail, str(error), at)
        except Exception as error:  # a template that fails with what a ticket holds, most likely: it can be mended
            log.exception("mail.not_composed", mail=str(mail.id), template=mail.template)
            return delivery_result.deferred(mail, f"it could not be written: {error!r}", at)
        return delivery_result.sent(mail, answer, at)


async def some_of(sending: set[asyncio.Task[Sent]]) -> set[asyncio.Task[Sent]]:
    """Those that end next, with those that end at nearly the same time."""
    first, others = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    if not others:
        return first
    more, _ = await asyncio.wait(others, timeout=TOGETHER_SECONDS)
    return first | more


async def noted(ended: Sequence[Sent], at: datetime) -> bool:
    """Note what became of mails, also where the database is away for a moment: what is not noted is sent again.

    Returns whether one of them was told on its ticket.
    """
    tries = 0
    while True:
        try:
            told = await claims.note(ended, at)
            break
        except Exception as error:
            tries += 1
            if tries == NOTE_TRIES:
                raise
            log.warning("mail.not_noted", mails=[str(each.mail.id) for each in ended], error=repr(error))
            await asyncio.sleep(NOTE_SECONDS)
    for each in ended:
        if each.outcome.status is not MailStatus.SENT:
            log.warning("mail.not_sent", mail=str(each.mail.id), status=each.outcome.status.value, answer=each.outcome.answer)
    return told
