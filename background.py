"""What is done beside the requests: which duties there are by the settings, and doing them for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

import structlog

from engine.bus.wakeup import WakeupBus
from models.core import time
from models.demo_clock import DemoClock
from settings import Settings
from workers import runner, ticket_timers
from workers.assigner import Assigner
from workers.escalator import EscalationSteps, Escalator
from workers.job import Job
from workers.mail.address import mailbox
from workers.mail.smtp import outbox_of
from workers.mail.template import Templates
from workers.mailer import Mailer
from workers.notifier import Notifier
from workers.sla_refresh import SlaRefresh
from workers.ticket_timers import TimerSettings

BESIDE_REQUESTS = 2.0
"""How long a duty rests beside requests, in lengths of its turns, so that it takes its share of SQLite's one writer, no more."""
log = structlog.get_logger("ticketwire.duties")


def select_jobs(settings: Settings) -> list[Job]:
    """Each is done by one process at a time, whichever holds its lease."""
    days = TimerSettings(
        settings.close_after,
        settings.reopen_window,
        settings.close_reminder,
        settings.waiting_reminder,
        settings.abandon_after,
    )
    window = settings.reopen_window
    return [
        *(ticket_timers.TicketTimers(days), ticket_timers.Cleanup(), SlaRefresh(window)),
        *(Escalator(window), EscalationSteps(window), Assigner(window)),
        *(Notifier(mailbox(settings.mail_from).domain), mailer(settings)),
    ]


def mailer(settings: Settings) -> Mailer:
    return Mailer(
        outbox_of(settings.smtp_url),
        templates(settings.mail_templates),
        mail_from=settings.mail_from,
        reply_to=settings.mail_reply_to,
        url=settings.public_url,
    )


@lru_cache(maxsize=1)
def templates(folder: str | None) -> Templates:
    """The compiled mail templates. They are compiled once in a process, because that takes 0.1 s."""
    return Templates(folder)


async def work(settings: Settings, now: Callable[[], datetime], wakeup: WakeupBus, rests: float = 0.0) -> None:
    """Do the duties for ever."""
    lease = settings.job_lease_seconds
    await runner.run(select_jobs(settings), now=now, listen=wakeup.listen, changed=wakeup.notify, lease=lease, rests=rests)


async def work_beside(settings: Settings, now: Callable[[], datetime], wakeup: WakeupBus) -> None:
    """Do the duties for ever in a process that serves requests, which come first."""
    await work(settings, now, wakeup, BESIDE_REQUESTS)


async def work_alone(settings: Settings) -> None:
    """Do the duties for ever, in a process of their own on an open database."""
    wakeup = WakeupBus(settings.bus_url)
    moving = DemoClock() if settings.is_demo else None
    async with asyncio.TaskGroup() as together:
        together.create_task(wakeup.run())
        if moving is not None:
            await moving.refresh()
            together.create_task(follow_time(moving))
        together.create_task(work(settings, moving or time.now, wakeup))


async def follow_time(moving: DemoClock) -> None:
    """See within a second that another process moved the demo's clock."""
    while True:
        await asyncio.sleep(1.0)
        try:
            await moving.refresh()
        except Exception as error:
            log.warning("time.unread", error=repr(error))
