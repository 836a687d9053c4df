"""Builds the background jobs from the settings, and runs them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import lru_cache

import structlog

from models.bulk.ticket_run import RunSettings
from models.core.secrets import SecretStore, parse_keys
from models.demo_clock import DemoClock
from models.erasure.retention import RetentionRun
from models.exports.source import TicketSource
from models.files.store import FileStore
from models.webhook_deliveries.payload_source import PayloadSource
from models.webhook_deliveries.results import Recorder
from models.webhook_deliveries.retry_schedule import RetrySchedule
from resolvers.context import Services
from schema.filtering.stored_filter import compile_policy_filter, compile_webhook_filter
from services.files import build_file_store
from services.webhooks import build_webhook_client
from settings.application import Settings, build_timer_settings
from workers import runner
from workers.assigner import Assigner, WaitingAssigner
from workers.caller_jobs import CallerJobs
from workers.cleanup import Cleanup
from workers.escalation.paths import Escalator
from workers.escalation.steps import EscalationSteps
from workers.file_cleanup import FileCleanup
from workers.handover import Handover
from workers.job import Job
from workers.mail.address import parse_mailbox
from workers.mail.smtp import build_transport
from workers.mail.template import Templates
from workers.mailer import Mailer
from workers.notifier import Notifier
from workers.retention import Retention
from workers.sla_refresh import SlaRefresh
from workers.ticket_counter import TicketCounter
from workers.ticket_exports import TicketExports
from workers.ticket_timers import TicketTimers
from workers.webhooks.attempt import AttemptServices
from workers.webhooks.deliverer import WebhookDeliverer
from workers.webhooks.preparations import Preparations

REST_FACTOR = 2.0
"""In a server, a job rests for this many times the length of its last run, but never longer than
its interval. So short runs use at most a third of the time of SQLite's one writer."""
PREPARATION_SECONDS = 30.0
"""How long the preparation of a webhook's request and the storage of its result may take, beside
the request. After twice the time of a request and this time, another worker may take over."""
DEMO_CLOCK_SECONDS = 1.0
"""The interval at which the demo's clock is read."""
log = structlog.get_logger("ticketwire.jobs")


def build_jobs(
    settings: Settings, source: TicketSource, payloads: PayloadSource | None = None
) -> list[Job]:
    """Build the jobs. Only the holder of a job's lease runs it, so no job runs twice at once.

    `source` reads the tickets of exports, and `payloads` those of webhooks, which are not delivered
    without it.
    """
    window = settings.reopen_window
    store = build_file_store(settings)
    return [
        TicketTimers(build_timer_settings(settings)),
        Cleanup(
            settings.audit_retention,
            settings.expired_token_retention,
            settings.job_retention,
            settings.max_ended_jobs_per_caller,
            settings.draft_retention,
        ),
        TicketCounter(),
        SlaRefresh(window),
        Escalator(window),
        EscalationSteps(window),
        Handover(window),
        Assigner(window),
        WaitingAssigner(window),
        Notifier(
            parse_mailbox(settings.mail_from).domain,
            settings.max_notifications_per_ticket,
            settings.max_notifications_per_type,
        ),
        build_mailer(settings),
        CallerJobs(RunSettings(window, settings.record_limits), settings.job_tickets_per_second),
        build_retention(settings),
        *([] if payloads is None else [build_webhook_deliverer(settings, payloads)]),
        *([] if store is None else [FileCleanup(store), build_exports(settings, store, source)]),
    ]


def build_exports(settings: Settings, store: FileStore, source: TicketSource) -> TicketExports:
    return TicketExports(
        store,
        source,
        settings.record_limits,
        settings.export_retention,
        settings.export_tickets_per_second,
    )


def build_retention(settings: Settings) -> Retention:
    run_settings = RunSettings(settings.reopen_window, settings.record_limits)
    run = RetentionRun(run_settings, compile_policy_filter)
    return Retention(run, settings.retention_tickets_per_second)


def build_webhook_deliverer(settings: Settings, payloads: PayloadSource) -> WebhookDeliverer:
    schedule = RetrySchedule(
        timedelta(seconds=settings.webhook_first_retry_seconds),
        timedelta(seconds=settings.webhook_longest_retry_seconds),
        timedelta(hours=settings.webhook_retry_hours),
        timedelta(hours=settings.webhook_pause_hours),
    )
    services = AttemptServices(
        build_webhook_client(settings),
        payloads,
        SecretStore(parse_keys(settings.encryption_keys), settings.key_file),
        Recorder(schedule, parse_mailbox(settings.mail_from).domain),
        settings.max_webhook_body_bytes,
        Preparations(),
        timedelta(seconds=2 * settings.webhook_timeout_seconds + PREPARATION_SECONDS),
    )
    return WebhookDeliverer(
        services,
        compile_webhook_filter,
        limits=settings.record_limits,
        max_requests=settings.max_webhook_requests,
        max_requests_per_webhook=settings.max_webhook_requests_per_webhook,
        retention=settings.webhook_delivery_retention,
    )


def build_mailer(settings: Settings) -> Mailer:
    return Mailer(
        build_transport(settings.smtp_url),
        compile_templates(settings.mail_templates),
        mail_from=settings.mail_from,
        reply_to=settings.mail_reply_to,
        url=settings.public_url,
    )


@lru_cache(maxsize=1)
def compile_templates(folder: str | None) -> Templates:
    """The compiled mail templates. They are cached, because compiling them takes 0.1 s."""
    return Templates(folder)


async def run_jobs(
    settings: Settings,
    services: Services,
    source: TicketSource,
    payloads: PayloadSource,
    rest_factor: float = 0.0,
) -> None:
    """Run the jobs for ever."""
    await runner.run(
        build_jobs(settings, source, payloads),
        now=services.now,
        listen=services.wakeup.listen,
        notify=services.wakeup.notify,
        lease_seconds=settings.job_lease_seconds,
        rest_factor=rest_factor,
    )


async def run_jobs_in_server(
    settings: Settings, services: Services, source: TicketSource, payloads: PayloadSource
) -> None:
    """Run the jobs for ever in a process that also serves requests. Requests have priority."""
    await run_jobs(settings, services, source, payloads, REST_FACTOR)


async def run_jobs_alone(
    settings: Settings, services: Services, source: TicketSource, payloads: PayloadSource
) -> None:
    """Run the jobs for ever in a process of their own. The database must be open."""
    demo_clock = services.demo_clock
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(services.wakeup.run())
        if demo_clock is not None:
            await demo_clock.refresh()
            tasks.create_task(follow_demo_clock(demo_clock))
        tasks.create_task(run_jobs(settings, services, source, payloads))


async def follow_demo_clock(demo_clock: DemoClock) -> None:
    """Read for ever how far any process has advanced the demo's clock."""
    while True:
        await asyncio.sleep(DEMO_CLOCK_SECONDS)
        try:
            await demo_clock.refresh()
        except Exception as error:
            log.warning("demo_clock.read_failed", error=repr(error))
